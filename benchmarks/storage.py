"""Bytes that a photo takes in the tables of every photo step."""

import tempfile
from pathlib import Path

from benchmarks.outcome import Figure, Outcome
from benchmarks.photo_set import WEB, write_photo_set
from benchmarks.photos import STEPS, build_steps, described
from benchmarks.timing import Spread
from headwater.config import load_params

BUCKETS = 1
FILES = "its file"

CONDITIONS = {
    "photos": described(WEB),
    "tables": "of all photo steps, in one bucket each; rejects and manifests left out",
}


def measure() -> Outcome:
    """Build the photo steps once and weigh their tables."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name, "project")
        (Path(name) / "photos").mkdir()
        paths = write_photo_set(Path(name) / "photos", WEB)
        params = load_params(Path("params.yaml")).model_copy(update={"buckets": BUCKETS})
        build_steps(paths, project, params)
        sizes = {FILES: sum(path.stat().st_size for path in paths), **tables_of(project)}
    figures = [
        Figure(f"bytes of a photo, {name}", "kB", Spread((size / 1000 / len(paths),)))
        for name, size in sizes.items()
    ]
    return Outcome("storage", tuple(figures), CONDITIONS)


def tables_of(project: Path) -> dict[str, int]:
    """Bytes of every table of the photo steps, by its name."""
    folders = [one for step in STEPS for one in sorted((project / "data" / step).iterdir())]
    return {
        f"{one.parent.name}/{one.name}": sum(path.stat().st_size for path in one.iterdir())
        for one in folders
        if one.is_dir() and one.name != "rejects"
    }
