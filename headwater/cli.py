"""The ``headwater`` command. Packages are imported inside each verb, so that help comes at once."""

import signal
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headwater.cli_exchange import export_app, import_app
from headwater.errors import HeadwaterError
from headwater.threads import calm_threads
from headwater.upkeep.places import name_user

calm_threads()

# Exit statuses of commands that SIGINT or SIGTERM ended.
STOPPED = (130, 143)

app = typer.Typer(
    name="headwater",
    help="Versioned 3D-head datasets, and the systems trained on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

cache_app = typer.Typer(
    help="The cache of finished buckets, and what else builds leave.", no_args_is_help=True
)
app.add_typer(cache_app, name="cache")

app.add_typer(export_app, name="export")
app.add_typer(import_app, name="import")


def _version(asked: bool) -> None:
    if asked:
        from headwater import __version__

        _console().print(f"headwater {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Versioned 3D-head datasets, and the systems trained on them."""


Data = Annotated[Path, typer.Option(help="Folder of artifacts.", show_default=True)]
Project = Annotated[Path, typer.Option(help="Folder that holds params.yaml.")]


@app.command()
def verify(data: Data = Path("data")) -> None:
    """Check every artifact; one line per problem, exit status 1 when there is one.

    Refused while a build is running, which is about to make what is missing.
    """
    from headwater.upkeep.build_lock import refuse_other_build
    from headwater.upkeep.verify import verify as check

    refuse_other_build(data.absolute().parent, ())
    found = check(data)
    for problem in found.problems:
        _console().print(str(problem), style="red", highlight=False, markup=False, soft_wrap=True)
    megabytes = found.bytes / 1e6
    summary = f"{found.files} files, {megabytes:.1f} MB"
    if found.problems:
        count = "1 problem" if len(found.problems) == 1 else f"{len(found.problems)} problems"
        _console(error=True).print(f"{count}; {summary} are sound", highlight=False)
        raise typer.Exit(1)
    unknown = "" if found.recorded else "; no dvc.lock beside it says whether that is all"
    _console().print(
        f"all sound: {summary}, {found.rows} rows{unknown}", highlight=False, soft_wrap=True
    )


@app.command()
def status(project: Project = Path()) -> None:
    """Say what `make repro` would run and why, without running or changing anything.

    One line a stage; those that follow others only if these give other rows or outputs say so.
    """
    from headwater.upkeep.flow_command import run_flow

    raise typer.Exit(run_flow("status", project))


@app.command()
def retry(project: Project = Path()) -> None:
    """Try again, alone, the items that were rejected for the moment only.

    Their stages are recorded; what follows from new rows is left to `make repro`.
    """
    from headwater.upkeep.flow_command import run_flow

    raise typer.Exit(run_flow("retry", project))


@app.command()
def repair(project: Project = Path()) -> None:
    """Find damaged files in the data and in DVC's cache, and restore them from sound ones.

    What is sound nowhere, neither here nor at the DVC remote, is dropped. Exit status 1 when
    stages have to run again.
    """
    from headwater.upkeep.build_lock import build_lock
    from headwater.upkeep.repair import repair as check

    with build_lock(project):
        files, mended = check(project)
    for one in mended:
        _console().print(one.message, highlight=False, markup=False, soft_wrap=True)
    _console().print(f"{files} files checked, {len(mended)} were damaged", highlight=False)
    if stages := sorted({one.stage for one in mended if one.stage}):
        _console(error=True).print(
            f"run `make repro`, which makes again: {', '.join(stages)}", soft_wrap=True
        )
        raise typer.Exit(1)


@app.command()
def push(
    project: Project = Path(),
    remote: Annotated[str | None, typer.Option(help="DVC remote; the default one else.")] = None,
) -> None:
    """Send the build to a DVC remote (dvc push), once all its objects are there and sound."""
    from headwater.upkeep.dvc_command import push as send
    from headwater.upkeep.repair import refuse_unsound_objects

    refuse_unsound_objects(project)
    send(project, remote)


@app.command()
def adopt(data: Data = Path("data"), project: Project = Path()) -> None:
    """Put fetched buckets (dvc pull) into the bucket cache: the next rebuild starts warm."""
    from headwater.config import load_params
    from headwater.pipeline.cache_place import cache_for, check_cache
    from headwater.upkeep.adopt import adopt as take

    params = load_params(project / "params.yaml")
    if notice := check_cache(params, project):
        _console(error=True).print(notice, highlight=False, markup=False, soft_wrap=True)
    taken = take(project, data, cache_for(params, project))
    for message in taken.left_out:
        _console(error=True).print(message, highlight=False, markup=False, soft_wrap=True)
    _console().print(
        f"{taken.new} buckets adopted, {taken.known} known already, {len(taken.left_out)} left out",
        highlight=False,
    )


@app.command("data")
def data_origins(
    artifact: Annotated[
        str | None,
        typer.Argument(help="Artifact of which all is printed, as data/ingest."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="All of it, for scripts.")] = False,
    project: Project = Path(),
) -> None:
    """Say where each artifact came from: inputs, settings, code, models, licences, revision."""
    from headwater.sharing.origins import as_json, origins, revision
    from headwater.sharing.shown import gap_lines, lines_of, overview, revision_line

    artifacts, commit = origins(project), revision(project)
    if json:
        typer.echo(as_json(commit, artifacts), nl=False)
        return
    lines = overview(artifacts) if artifact is None else lines_of(artifacts, artifact)
    for line in (*lines, *gap_lines(artifacts), revision_line(commit)):
        _console().print(line, highlight=False, markup=False, soft_wrap=True)


@cache_app.command()
def prune(
    keep: Annotated[str, typer.Option(help="Size down to which they are removed.")] = "20GB",
    older_than: Annotated[str, typer.Option(help="Age above which they are removed.")] = "30d",
    shared: Annotated[
        bool, typer.Option("--shared", help="The shared folder that cache.url names instead.")
    ] = False,
    project: Project = Path(),
) -> None:
    """Remove what builds left, least recently used first: buckets, checkpoints, logs, models.

    A later build computes again what it misses. Refused while a build or a step is running.
    """
    from headwater.upkeep import prune as pruning

    act = pruning.prune_shared if shared else pruning.prune
    pruned = act(project, pruning.size_in_bytes(keep), pruning.age_in_seconds(older_than))
    for problem in pruned.problems[:3]:
        _console(error=True).print(problem, highlight=False, markup=False, soft_wrap=True)
    _console().print(pruning.outcome(pruned), highlight=False, markup=False, soft_wrap=True)
    if pruned.problems:
        raise HeadwaterError(f"{len(pruned.problems)} files and folders could not be removed")


class FacesTaken(StrEnum):
    """Faces of a photo that become heads."""

    LARGEST = "largest"
    ALL = "all"


Weights = Annotated[
    Path | None,
    typer.Option(
        help="Trained weights; those that `make repro` made when left out.", show_default=False
    ),
]
Heatmaps = Annotated[
    Path | None,
    typer.Option(
        help="The network of your own (.onnx) that the weights were trained with.",
        show_default=False,
    ),
]
SystemName = Annotated[
    str | None,
    typer.Option(
        help="System that reconstructs; that of the weights, or the project's first, if left out.",
        show_default=False,
    ),
]


Faces = Annotated[
    FacesTaken | None,
    typer.Option(
        help="The largest face of every photo or all; as in params.yaml when left out.",
        show_default=False,
    ),
]


@app.command()
def reconstruct(
    photos: Annotated[
        list[Path], typer.Argument(help="Photos, and folders of photos.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the results.", show_default=False)
    ],
    views: Annotated[
        bool, typer.Option("--views", help="All photos show one head: make one mesh of them.")
    ] = False,
    faces: Faces = None,
    cameras: Annotated[
        Path | None,
        typer.Option(
            help="JSON with each photo's calibrated camera, in mm, as in the results' camera.json.",
            show_default=False,
        ),
    ] = None,
    weights: Weights = None,
    heatmaps: Heatmaps = None,
    system: SystemName = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit the system's answer to the photos, where it can.")
    ] = False,
    project: Project = Path(),
) -> None:
    """Make textured head meshes, pictures and a 3D page from photos.

    Every face that is taken gets a folder of its own. What cannot be reconstructed is named with
    its reason and the run goes on. Exit status: 0 all reconstructed, 1 some photo was not, 2
    nothing ran.
    """
    from headwater.reconstruct.system import model_for_photos, system_for_photos, trained_weights

    chosen = system_for_photos(system, project, weights)
    path = trained_weights(weights, chosen, project)
    from headwater.reconstruct.console import report, telling
    from headwater.reconstruct.given_cameras import cameras_of, read_cameras
    from headwater.reconstruct.inputs import prepared
    from headwater.reconstruct.names import summary_path
    from headwater.reconstruct.run import Job
    from headwater.reconstruct.settings import settings_of
    from headwater.reconstruct.summary import Status

    settings = settings_of(project, faces and faces.value)
    if views and faces == FacesTaken.ALL:
        raise HeadwaterError("--views makes one head of all photos; leave out --faces all")
    known = read_cameras(cameras) if cameras else None
    inputs = prepared(photos, out)
    summary = summary_path(out)
    given = cameras_of(inputs.photos, known, cameras) if cameras and known else None
    model = model_for_photos(chosen, path, heatmaps, project, fit=fit)
    with telling(_console(), out, inputs.total) as tell:
        sources = None if chosen.sources is None else partial(chosen.sources, model)
        job = Job(
            partial(chosen.answer, model), model.template, settings, out, tell, given, sources
        )
        outcomes = job.run(inputs, summary, together=views)
    report(_console(), outcomes, summary)
    if any(outcome.status == Status.REJECTED for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def systems(
    name: Annotated[
        str | None,
        typer.Argument(help="System whose settings are printed.", show_default=False),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Size of the settings; the one that is built.", show_default=False),
    ] = None,
    project: Project = Path(),
) -> None:
    """List the systems: name, challenge, sizes, whether trained, and the headline figure.

    With a name: the settings of that system with their values and meaning, and its paper's figures.
    """
    from headwater.config import load_params
    from headwater.systems import find_system
    from headwater.systems.listing import listing
    from headwater.systems.settings_table import settings_table

    params = load_params(project / "params.yaml")
    if name is None:
        table, faults = listing(params, project)
        _console().print(table)
        if faults:
            raise HeadwaterError("\n".join(faults))
    else:
        system = find_system(name, params, project)
        _console().print(settings_table(system, size, params, project))


@app.command()
def docs(page: Annotated[Path, typer.Option()] = Path("docs/artifacts.md")) -> None:
    """Write the page that documents every table and column."""
    from headwater.artifacts.atomic import write_text
    from headwater.artifacts.docs import artifacts_page

    write_text(page, artifacts_page())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; problems that the user can mend are one line, exit status 2.

    SIGTERM ends it as Ctrl-C does, so that nothing half-written is left.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    name_user()
    sys.exit(run(app, arguments))


def run(command: Callable[..., object], arguments: Sequence[str] | None = None) -> int:
    """Exit status of the command line ``arguments`` (default: the process's own)."""
    try:
        command(list(arguments) if arguments is not None else None)
    except HeadwaterError as error:
        _complain(str(error))
        return 2
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if status in STOPPED:
            _complain("stopped; run it again")
        return status
    return 0


def _complain(message: str) -> None:
    from headwater.photos.folder import printable

    for line in message.split("\n"):
        _console(error=True).print(
            f"error: {printable(line)}", highlight=False, markup=False, soft_wrap=True
        )


def _console(error: bool = False) -> Console:
    return Console(stderr=error)


if __name__ == "__main__":
    main()
