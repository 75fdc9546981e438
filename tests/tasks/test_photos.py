"""The step "photos": what is stored of a photo, and that it does not tell where the folder lies."""

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageCms

from headwater.artifacts.images import decode_picture
from headwater.config import load_params
from headwater.photos.decode import decode_photo
from headwater.photos.pixels import DecodedPhoto, shrink
from headwater.pipeline.cache_place import cache_for
from headwater.pipeline.plan import plan
from headwater.pipeline.run import aside, assemble, compute_bucket
from tasks.photos import STEP, stored_image

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


def stored(data: bytes, max_side_px: int = 2048) -> tuple[dict[str, Any], DecodedPhoto]:
    return stored_image(data, photo := decode_photo(data, max_side_px=max_side_px), "name"), photo


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_upright_srgb_jpeg_keeps_its_coding_but_not_its_metadata() -> None:
    data = jpeg(exif=turned(1), comment=b"where it was taken", quality=40)
    value, photo = stored(data)
    assert value["path"] == "name.jpg"
    assert b"where it was taken" not in value["bytes"]
    assert len(value["bytes"]) < len(data)
    np.testing.assert_array_equal(decode_picture(value), photo.rgb)


@pytest.mark.parametrize(
    ("data", "max_side_px"),
    [
        (jpeg(exif=turned(6)), 2048),
        (jpeg("L"), 2048),
        (jpeg("CMYK"), 2048),
        (jpeg(icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()), 20),
        (jpeg(), 20),
    ],
)
def test_what_was_changed_is_stored_as_png(data: bytes, max_side_px: int) -> None:
    value, _ = stored(data, max_side_px)
    assert value["path"] == "name.png"
    np.testing.assert_array_equal(
        decode_picture(value), shrink(decode_photo(data).rgb, max_side_px)
    )


def _other_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.fault("a trouble that passes is never kept as a result")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Path.unlink, "unreadable_file"),
        (_other_bytes, "changed"),
        (lambda path: path.write_bytes(b""), "changed"),
        (_pipe, "changed"),
    ],
)
def test_photo_that_changes_while_it_is_computed_is_not_stored_under_its_key(
    tmp_path: Path, change: Callable[[Path], object], reason: str
) -> None:
    built(tmp_path)
    params = load_params(tmp_path / "params.yaml")
    photo = tmp_path / FOLDER / "below" / "a photo.png"
    content = photo.read_bytes()
    shutil.rmtree(tmp_path / ".headwater")
    planned = next(
        bucket
        for bucket in plan(STEP, params, tmp_path)
        if any(item.name.endswith("a photo.png") for item in bucket.items)
    )
    change(photo)
    compute_bucket(STEP, params, tmp_path, planned)
    names = [schema.name for schema in STEP.tables]
    assert not cache_for(params, tmp_path).has(planned.key, names)
    files = aside(STEP.name, tmp_path).get(planned.key, names)
    assert files is not None
    rejects = pq.read_table(io.BytesIO(files["photos/rejects"])).to_pylist()
    assert [row["reason"] for row in rejects if row["name"].endswith("a photo.png")] == [reason]
    photo.unlink(missing_ok=True)
    photo.write_bytes(content)
    compute_bucket(STEP, params, tmp_path, planned)
    assert cache_for(params, tmp_path).has(planned.key, names)
