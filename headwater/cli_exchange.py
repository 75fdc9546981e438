"""``headwater export`` and ``headwater import``: tables for other tools, photos of data sets."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

export_app = typer.Typer(
    help="The build's tables in the formats of other tools.", no_args_is_help=True
)
import_app = typer.Typer(
    help="Photos of published data sets, laid out as they are published.", no_args_is_help=True
)


@export_app.command()
def hf(
    folder: Annotated[Path, typer.Argument(help="New or empty folder.", show_default=False)],
    licence: Annotated[
        list[str] | None,
        typer.Option(help="Only rows whose source has this licence; may be repeated."),
    ] = None,
    project: Annotated[Path, typer.Option(help="Folder that holds params.yaml.")] = Path(),
) -> None:
    """Write a folder that Hugging Face's load_dataset opens: tables by split, a card, origins."""
    from headwater.sharing.export import export
    from headwater.sharing.origins import as_json, origins, revision
    from headwater.upkeep.build_lock import refuse_other_build

    refuse_other_build(project, ())
    text = as_json(revision(project), origins(project))
    made = export(project / "data", folder, licence or (), text)
    _say(
        f"{folder}: {made.tables} tables, {made.rows} rows, {made.files} files, "
        f"{made.bytes / 1e6:.1f} MB"
    )


@import_app.command("300w_lp")
def import_300w_lp(
    folder: Annotated[Path, typer.Argument(help="The data set's folder.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="New or empty folder.", show_default=False)
    ],
    model: Annotated[
        Path,
        typer.Option(
            help="Folder of its morphable model: Model_Shape.mat, Model_Expression.mat.",
            show_default=False,
        ),
    ],
    project: Annotated[Path, typer.Option(help="Folder that holds params.yaml.")] = Path(),
) -> None:
    """Check 300W-LP's fits against its points, and fit heads of the build's model to its faces.

    The setting fitted_photos of a system names the folder for its training.
    Its table of rejects lists the photos that are left out, with their reasons.
    """
    from headwater.data.basel_face import read_basel_face
    from headwater.data.tables import read_model
    from headwater.fits.importing import import_300w_lp as run_import

    def show(done: int, total: int) -> None:
        _say(f"{done} of {total} photos", error=True)

    head_model = read_model(project / "data")
    made = run_import(folder, read_basel_face(model), head_model, out, show)
    _say(f"{out}: {made.photos} photos with fitted heads, {len(made.rejects)} left out")
    for row in made.rejects[:3]:
        _say(f"{row['name']}: {row['message']}", error=True)


@import_app.command()
def lfw(
    folder: Annotated[
        Path, typer.Argument(help="LFW's folder, with one for each person.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="New or empty folder.", show_default=False)
    ],
) -> None:
    """Copy the photos of Labeled Faces in the Wild that show one face, and list the others."""
    from headwater.faces.mediapipe_adapter import mediapipe_faces
    from headwater.sharing.lfw import import_lfw, in_words

    console = Console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("import")

        def progress(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        found = import_lfw(folder, out, mediapipe_faces(), progress)
    for line in in_words(found, out):
        _say(line)


def _say(text: str, *, error: bool = False) -> None:
    Console(stderr=error).print(text, highlight=False, markup=False, soft_wrap=True)
