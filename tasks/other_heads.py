"""Step "other_heads": a test set of rendered heads of another head model, on which nobody trains.

``data/other_heads`` is laid out as ``data`` itself: head_model, synthesize, ingest, landmarks,
masks and cameras with the same tables, so whatever reads those of the build reads these. Every head
is in the split "test". Cameras are solved as those of photos, against the mean of the build's own
head model. ``set.json`` says which head model it is; null, and no tables, where none is named.
"""

import json
import shutil
from pathlib import Path

import yaml

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import MANIFEST, write_manifest
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.heads import load_head_model, source_digest, store
from headwater.pipeline.cache_place import cache_location
from tasks import cameras, ingest, landmarks, masks, synthesize
from tasks.command import build, command
from tasks.head_model import FILE

OUT = Path("data/other_heads")
NOTE = "set.json"
STEPS = (synthesize.STEP, ingest.STEP, landmarks.STEP, masks.STEP)
# Projects of their own, in which steps run as they do in this one: with the other head model, and
# with the build's own.
INNER = Path(".headwater/other_heads")
INNER_OF_OWN_MODEL = INNER / "own_model"


def main() -> str:
    """Make the test set of the head model that ``benchmark.other_head_model`` names."""
    params = load_params(Path("params.yaml"))
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    said = make_set(params, Path.cwd()) if params.benchmark.other_head_model else _none()
    write_manifest(OUT)
    return said


def _none() -> str:
    _write_note(None, 0, 0, "")
    return "none: benchmark.other_head_model is empty"


def make_set(params: Params, project: Path) -> str:
    """Run the steps with the other head model and copy their tables below ``OUT``."""
    inner = project / INNER
    shutil.rmtree(inner, ignore_errors=True)
    folder = project / ".headwater" / "models"
    model = load_head_model(params.benchmark.other_head_model, folder)
    store.write(inner / FILE, model)
    write_text(inner / "params.yaml", yaml.safe_dump(inner_params(params, project).model_dump()))
    for step in STEPS:
        build(step, inner)
    solved = _solve_cameras(inner, project)
    for name in (FILE.parent.name, *(step.name for step in STEPS)):
        _copy(inner / "data" / name, OUT / name, MANIFEST)
    own = project / INNER_OF_OWN_MODEL
    _copy(own / "data" / cameras.STEP.name, OUT / cameras.STEP.name, MANIFEST)
    shutil.rmtree(inner)
    source = source_digest(params.benchmark.other_head_model)
    _write_note(model.name, params.benchmark.subjects, params.benchmark.views, source)
    return f"{model.name}: {params.benchmark.subjects} heads; cameras: {solved}"


def _solve_cameras(inner: Path, project: Path) -> str:
    """Solve the cameras of the frames of ``inner`` against the project's own mean head."""
    own = project / INNER_OF_OWN_MODEL
    if not (project / FILE).is_file():
        raise HeadwaterError(f"{project / FILE}: is not there; run the stage head_model first")
    for place in (FILE, Path("params.yaml")):
        (own / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project / FILE, own / FILE)
    shutil.copyfile(inner / "params.yaml", own / "params.yaml")
    for schema in (one.schema for one in cameras.STEP.inputs):
        _copy(inner / "data" / schema.step, own / "data" / schema.step)
    return build(cameras.STEP, own)


def _copy(folder: Path, to: Path, *without: str) -> None:
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns(*without, ".*.tmp"))


def inner_params(params: Params, project: Path) -> Params:
    """Parameters of the inner build: the other head model, all heads held out, the same cache."""
    benchmark = params.benchmark
    return params.model_copy(
        update={
            "split": params.split.model_copy(update={"test": 1.0, "validation": 0.0}),
            "cache": params.cache.model_copy(update={"url": cache_location(params, project)}),
            "synthesize": params.synthesize.model_copy(
                update={
                    "head_model": benchmark.other_head_model,
                    "subjects": benchmark.subjects,
                }
            ),
            "benchmark": benchmark.model_copy(update={"other_head_model": ""}),
            # No parts are found there, and a parser's file may be named from the project.
            "parts": params.parts.model_copy(update={"parser": "landmarks"}),
            # No system is trained there; folders and files of theirs would be others' from there.
            "plugins": {},
            "build": {},
            "systems": {},
        }
    )


def _write_note(head_model: str | None, subjects: int, views: int, source: str) -> None:
    note = {
        "head_model": head_model,
        "source_sha256": source,
        "subjects": subjects,
        "views": views,
    }
    write_text(OUT / NOTE, json.dumps(note, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    command(main)
