"""Tables of the pipeline as the views, heads and template that systems work on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.artifacts.cameras import CAMERA_COLUMNS, camera_of, frame_from_photo_of
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.meshes import from_ply
from headwater.artifacts.schemas import (
    CAMERAS,
    FRAMES,
    HEADS,
    LANDMARKS,
    MASKS,
    SDF,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.artifacts.tables import Row, read_table
from headwater.data.scenes import FloatArray, Heads, SdfSamples, Template, Views, stacked
from headwater.errors import HeadwaterError
from headwater.heads import store
from headwater.heads.landmark_files import with_landmarks
from headwater.heads.model import HeadModel


def template_of(model: HeadModel) -> Template:
    """The topology and mean of a head model."""
    return Template(model.mean, model.faces, model.surface, model.landmarks_478)


def read_model(data: Path) -> HeadModel:
    """The head model below ``data``."""
    return with_landmarks(store.read(data / "head_model" / "bases.safetensors"))


SPLITS: Final = ("train", "validation", "test")


def read_heads(data: Path, splits: Sequence[str] = SPLITS) -> Heads:
    """The synthetic heads below ``data`` that are in one of ``splits``, in the table's order.

    Raises HeadwaterError when there is none.
    """
    table = read_table(
        data, HEADS, ["item", "mesh", "split"], pc.is_in(pc.field("split"), pa.array(splits))
    )
    if not table.num_rows:
        raise HeadwaterError(
            f"{data / HEADS.name}: no head has the split {' or '.join(splits)}; "
            "change split in params.yaml or raise synthesize.subjects"
        )
    meshes = [from_ply(row["mesh"]["bytes"], row["item"])[0] for row in table.to_pylist()]
    return Heads(np.stack(meshes), np.array(table.column("item").to_pylist()))


def read_sdf_samples(data: Path, heads: Heads) -> SdfSamples:
    """Signed distance samples below ``data``, mm, head frame, in the order of ``heads``."""
    table = read_table(data, SDF, ["item", "points_mm", "distance_mm"])
    row_of = {item: row for row, item in enumerate(table.column("item").to_pylist())}
    missing = [subject for subject in heads.subjects if subject not in row_of]
    if missing:
        raise HeadwaterError(
            f"{data / 'sdf'}: no samples of head {missing[0]} and {len(missing) - 1} others; "
            "see its rejects table, or run without pre-training (sdf_steps 0)"
        )
    rows = [row_of[subject] for subject in heads.subjects]
    points = _numbers(table, "points_mm")[rows]
    return SdfSamples(points.reshape(len(rows), -1, 3), _numbers(table, "distance_mm")[rows])


def read_synthetic_views(data: Path, heads: Heads) -> Views:
    """The rendered views of ``heads`` below ``data``: exact cameras and masks, detected landmarks.

    Ordered by head, then view number. Landmarks are mapped from the frame back to the view.
    """
    number = {subject: index for index, subject in enumerate(heads.subjects)}
    columns = ("item", "subject", "split", "view", "mask", "width", "height", *CAMERA_COLUMNS)
    table = read_table(data, TRUTH, columns, pc.field("subject").isin(list(number)))
    items = table.column("item").to_pylist()
    images = _rows_by_item(data, SYNTHETIC_FRAMES, ("item", "image"), items)
    frames = _rows_by_item(data, FRAMES, ("item", "frame_from_photo"), items)
    found = _rows_by_item(data, LANDMARKS, ("item", "landmarks_478_px"), items)
    truth = sorted(table.to_pylist(), key=lambda row: (number[row["subject"]], row["view"]))
    landmarks = [
        _landmarks_in_photo(found[row["item"]], frames[row["item"]])
        if row["item"] in found
        else np.full((478, 2), np.nan, np.float32)
        for row in truth
    ]
    return Views(
        np.stack([decode_png(images[row["item"]]["image"]) for row in truth]),
        np.stack([decode_png(row["mask"]) for row in truth]),
        *stacked([camera_of(row) for row in truth]),
        np.stack(landmarks),
        np.array([number[row["subject"]] for row in truth], np.int32),
        np.array([row["split"] for row in truth]),
    )


def read_photo_views(data: Path) -> list[tuple[Row, Views]]:
    """Every photo below ``data`` with landmarks, mask and camera: its frame row and its view."""
    frames = [row for row in read_table(data, FRAMES).to_pylist() if row["source"] == "photo"]
    found = _rows_by_item(data, LANDMARKS, ("item", "landmarks_478_px"))
    masks = _rows_by_item(data, MASKS, ("item", "mask"))
    cameras = _rows_by_item(data, CAMERAS, ("item", *CAMERA_COLUMNS))
    views = []
    for row in sorted(frames, key=lambda row: str(row["item"])):
        item = row["item"]
        if not all(item in table for table in (found, masks, cameras)):
            continue
        view = Views(
            decode_png(row["image"])[None],
            decode_png(masks[item]["mask"])[None],
            *stacked([camera_of(cameras[item], (row["width"], row["height"]))]),
            landmarks_of(found[item])[None],
            np.zeros(1, np.int32),
            np.array([row["split"]]),
        )
        views.append((row, view))
    return views


def _numbers(table: pa.Table, name: str) -> FloatArray:
    """(rows, n) of a column of lists, nested or not, that are equally long."""
    flat = table.column(name).combine_chunks()
    while pa.types.is_nested(flat.type):
        flat = flat.flatten()
    return flat.to_numpy().astype(np.float32).reshape(table.num_rows, -1)


def _rows_by_item(
    data: Path, schema: TableSchema, columns: tuple[str, ...], items: list[str] | None = None
) -> dict[str, Row]:
    """Rows by item: all, or those of ``items``."""
    where = None if items is None else pc.field("item").isin(items)
    return {row["item"]: row for row in read_table(data, schema, columns, where).to_pylist()}


def _landmarks_in_photo(landmarks: Row, frame: Row) -> FloatArray:
    affine = frame_from_photo_of(frame)
    points = landmarks_of(landmarks).astype(np.float64)
    photo = (points - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T
    return photo.astype(np.float32)
