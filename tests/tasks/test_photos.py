"""The step "photos": bytes and keys do not know where the folder lies."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from headwater.config import load_params
from headwater.pipeline.plan import plan
from headwater.pipeline.run import assemble, compute_bucket
from tasks.photos import STEP

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = "data/portraits"


def built(project: Path) -> dict[str, bytes]:
    """Files of the step in a new project with two photos and one text."""
    folder = project / FOLDER / "below"
    folder.mkdir(parents=True)
    shutil.copy(PROJECT / "params.yaml", project)
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "a photo.png")
    Image.fromarray(pixels[::-1]).save(folder / "b\n.png")
    (folder / "text.jpg").write_text("no photo")
    params = load_params(project / "params.yaml")
    assemble(
        STEP,
        params,
        project,
        lambda missing: (compute_bucket(STEP, params, project, bucket) for bucket in missing),
    )
    data = project / "data" / "photos"
    return {str(p.relative_to(data)): p.read_bytes() for p in data.rglob("*.parquet")}


def test_two_checkouts_give_the_same_keys_and_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "an other" / "one"
    assert built(one) == built(other)
    params = load_params(one / "params.yaml")
    assert plan(STEP, params, one) == plan(STEP, params, other)


def test_an_absolute_folder_is_read_too(tmp_path: Path) -> None:
    first = built(tmp_path / "one")
    project = tmp_path / "two"
    project.mkdir()
    params = load_params(tmp_path / "one" / "params.yaml")
    photos = params.photos.model_copy(update={"folder": str(tmp_path / "one" / FOLDER)})
    moved = params.model_copy(update={"photos": photos})
    assemble(
        STEP,
        moved,
        project,
        lambda missing: (compute_bucket(STEP, moved, project, bucket) for bucket in missing),
    )
    data = project / "data" / "photos"
    assert {str(p.relative_to(data)): p.read_bytes() for p in data.rglob("*.parquet")} == first
