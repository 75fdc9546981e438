"""The ``headwater`` command. Packages are imported inside each verb, so that help comes at once."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headwater.errors import HeadwaterError

app = typer.Typer(
    name="headwater",
    help="Versioned 3D-head datasets, and the systems trained on them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[Path, typer.Option(help="Folder of artifacts.", show_default=True)]
Project = Annotated[Path, typer.Option(help="Folder that holds params.yaml.")]


@app.command()
def verify(data: Data = Path("data")) -> None:
    """Check every artifact; one line per problem, exit status 1 when there is one."""
    from headwater.artifacts.verify import verify as check

    found = check(data)
    for problem in found.problems:
        _console().print(str(problem), style="red", highlight=False, markup=False, soft_wrap=True)
    megabytes = found.bytes / 1e6
    summary = f"{found.files} files, {megabytes:.1f} MB, {found.rows} rows"
    if found.problems:
        _console(error=True).print(f"{len(found.problems)} problems; {summary} are sound")
        raise typer.Exit(1)
    _console().print(f"all sound: {summary}", highlight=False)


@app.command()
def adopt(data: Data = Path("data"), project: Project = Path()) -> None:
    """Put fetched buckets (dvc pull) into the bucket cache: the next rebuild starts warm."""
    from headwater.config import load_params
    from headwater.pipeline.adopt import adopt as take
    from headwater.pipeline.run import cache_for

    taken = take(data, cache_for(load_params(project / "params.yaml"), project))
    for message in taken.damaged:
        _console(error=True).print(message, highlight=False, markup=False, soft_wrap=True)
    _console().print(
        f"{taken.new} buckets adopted, {taken.known} known already, {len(taken.damaged)} left out",
        highlight=False,
    )


@app.command()
def docs(page: Annotated[Path, typer.Option()] = Path("docs/artifacts.md")) -> None:
    """Write the page that documents every table and column."""
    from headwater.artifacts.atomic import write_text
    from headwater.artifacts.docs import artifacts_page

    write_text(page, artifacts_page())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; problems that the user can mend are one line, exit status 2."""
    sys.exit(run(app, arguments))


def run(command: Callable[..., object], arguments: Sequence[str] | None = None) -> int:
    """Exit status of the command line ``arguments`` (default: the process's own)."""
    try:
        command(list(arguments) if arguments is not None else None)
    except HeadwaterError as error:
        for line in str(error).splitlines():
            _console(error=True).print(f"error: {line}", highlight=False, markup=False)
        return 2
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _console(error: bool = False) -> Console:
    return Console(stderr=error)


if __name__ == "__main__":
    main()
