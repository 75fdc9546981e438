"""The views of heads below a folder of data: rendered ones and photos alike, in px of their frames.

A view is the frame of an item, with the landmarks detected in it, a mask and a camera. Of a
rendered view mask and camera are exact; of a photo, and of a rendered view that is taken for one,
they are the pipeline's own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headwater.artifacts.cameras import CAMERA_COLUMNS, camera_of, frame_from_photo_of
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import (
    CAMERAS,
    FRAMES,
    LANDMARKS,
    MASKS,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.artifacts.tables import Row, read_table, table_files
from headwater.data.scenes import FloatArray, Heads, Views, stacked
from headwater.faces.affine import labels_in_frame
from headwater.faces.seen_landmarks import seen_landmarks
from headwater.geometry.cameras import Camera, transform_image

_PLACE: Final = ("frame_from_photo", "photo_width", "photo_height")
_UNDETECTED: Final = np.full((478, 2), np.nan, np.float32)


@dataclass(frozen=True)
class Annotation:
    """Mask and camera of an item, in px of its frame.

    row: the item's origin. mask: (h, w) uint8, 0 or 255. head: its index, any number
    where there is no true head. estimated: from the image alone, by the pipeline's steps.
    """

    row: Row
    mask: NDArray[np.uint8]
    camera: Camera
    head: int
    estimated: bool


def read_views(data: Path, annotations: Sequence[Annotation]) -> Views:
    """The views of annotated items below ``data``, in their order.

    A rendered view without a frame, since no face was detected in it, is its own frame.
    """
    items = [one.row["item"] for one in annotations]
    return views_of(annotations, _frames(data, items), detected_landmarks(data, items))


def detected_landmarks(data: Path, items: Sequence[str], bucket: str | None = None) -> FloatArray:
    """(n, 478, 2) px of items' frames below ``data``; NaN where no face was detected.

    bucket: file name of the only one that is read.
    """
    detected = _rows_by_item(data, LANDMARKS, ("item", "landmarks_478_px"), items, bucket)
    return np.stack(
        [landmarks_of(detected[item]) if item in detected else _UNDETECTED for item in items]
    )


def of_rendered(data: Path, heads: Heads) -> list[Annotation]:
    """True annotations of the rendered views of ``heads`` below ``data``, by head and view."""
    number = {subject: index for index, subject in enumerate(heads.subjects)}
    columns = (*ORIGIN_COLUMNS, "view", "mask", "width", "height", *CAMERA_COLUMNS)
    where = pc.field("subject").isin(list(number))
    truth = read_table(data, TRUTH, columns, where).to_pylist()
    truth.sort(key=lambda row: (number[row["subject"]], row["view"]))
    place = ("item", "width", "height", "frame_from_photo")
    frames = _rows_by_item(data, FRAMES, place, [row["item"] for row in truth])
    return [exact_annotation(row, frames.get(row["item"]), number[row["subject"]]) for row in truth]


def of_both(data: Path, heads: Heads) -> list[Annotation]:
    """True annotations of the rendered views of ``heads`` below ``data``, then estimated ones.

    Estimated annotations are those of ``of_photos``, with the number of the head.
    """
    given = of_rendered(data, heads)
    head = {one.row["item"]: one.head for one in given}
    found = of_photos(data, list(head))
    return given + [replace(one, head=head[one.row["item"]]) for one in found]


def of_photos(data: Path, items: Sequence[str]) -> list[Annotation]:
    """Annotations that the pipeline estimated from the items' images alone, ordered by item.

    A rendered view has the annotation that a photo of the same pixels would have. Items that a step
    rejected are left out.
    """
    columns = (*ORIGIN_COLUMNS, "width", "height")
    return _detected(data, _rows_by_item(data, FRAMES, columns, items))


def photos_in_turn(data: Path) -> Iterator[tuple[Annotation, Views]]:
    """Every photo below ``data`` that has landmarks, a mask and a camera, and its one view.

    Ordered by bucket, then item. Frames of one bucket are in memory, of which one is decoded.
    """
    for path in table_files(data, FRAMES):
        annotations = _photos_in(data, path.name)
        if not annotations:
            continue
        items = [one.row["item"] for one in annotations]
        frames = _frames(data, items, path.name)
        landmarks = detected_landmarks(data, items, path.name)
        for number, one in enumerate(annotations):
            yield one, views_of([one], frames, landmarks[[number]])


def _photos_in(data: Path, bucket: str) -> list[Annotation]:
    """Annotations of a bucket's photos that have them all, ordered by item."""
    columns = (*ORIGIN_COLUMNS, "width", "height")
    table = read_table(data, FRAMES, columns, pc.field("source") == "photo", bucket)
    return _detected(data, {row["item"]: row for row in table.to_pylist()}, bucket)


def _detected(data: Path, frames: dict[str, Row], bucket: str | None = None) -> list[Annotation]:
    """Annotations of frames, by item, that have landmarks, a mask and a camera."""
    detected = _rows_by_item(data, LANDMARKS, ("item",), frames, bucket)
    masks = _rows_by_item(data, MASKS, ("item", "mask"), frames, bucket)
    cameras = _rows_by_item(data, CAMERAS, ("item", *CAMERA_COLUMNS), frames, bucket)
    return [
        estimated_annotation(row, masks[item], cameras[item])
        for item, row in sorted(frames.items())
        if item in detected and item in masks and item in cameras
    ]


def estimated_annotation(frame: Row, mask: Row, camera: Row) -> Annotation:
    """Mask and camera that the pipeline found in a frame, by the rows of three tables."""
    seen_by = camera_of(camera, (frame["width"], frame["height"]))
    return Annotation(origin(frame), decode_png(mask["mask"]), seen_by, head=0, estimated=True)


def _frames(data: Path, items: Sequence[str], bucket: str | None = None) -> dict[str, Row]:
    """Rows of the encoded frames of items, by item."""
    frames = _rows_by_item(data, FRAMES, ("item", "image", *_PLACE), items, bucket)
    if unframed := [item for item in items if item not in frames]:
        frames |= _rows_by_item(data, SYNTHETIC_FRAMES, ("item", "image"), unframed, bucket)
    return frames


def views_of(
    annotations: Sequence[Annotation], frames: Mapping[str, Row], landmarks: FloatArray
) -> Views:
    """The views of annotated items, whose frames, by item, are decoded.

    landmarks: (n, 478, 2) px; those that lie outside the item's photo are left out.
    """
    rows = [frames[one.row["item"]] for one in annotations]
    # Of an item with two annotations there is one image in memory.
    shown = {one.row["item"]: row for one, row in zip(annotations, rows, strict=True)}
    images = {item: decode_png(row["image"]) for item, row in shown.items()}
    landmarks = np.stack([_shown(row, points) for row, points in zip(rows, landmarks, strict=True)])
    return Views(
        tuple(images[one.row["item"]] for one in annotations),
        tuple(one.mask for one in annotations),
        *stacked([one.camera for one in annotations]),
        landmarks,
        np.array([one.head for one in annotations], np.int32),
        np.array([one.row["split"] for one in annotations]),
        np.array([one.estimated for one in annotations], np.bool_),
    )


def _shown(frame: Row, landmarks: FloatArray) -> FloatArray:
    """Landmarks (478, 2) px of a frame, NaN for those that its photo does not show."""
    if "frame_from_photo" not in frame:
        return landmarks
    photo = frame_from_photo_of(frame), frame["photo_width"], frame["photo_height"]
    return np.where(seen_landmarks(landmarks, *photo)[:, None], landmarks, np.float32("nan"))


def exact_annotation(truth: Row, frame: Row | None, head: int) -> Annotation:
    """The truth of a rendered view, carried into its frame where it has one."""
    mask, camera = decode_png(truth["mask"]), camera_of(truth)
    if frame is not None:
        place = frame_from_photo_of(frame), frame["width"], frame["height"]
        mask, camera = labels_in_frame(mask, *place), transform_image(camera, *place)
    return Annotation(origin(truth), mask, camera, head, estimated=False)


def _rows_by_item(
    data: Path,
    schema: TableSchema,
    columns: tuple[str, ...],
    items: Iterable[str],
    bucket: str | None = None,
) -> dict[str, Row]:
    """Rows of ``items`` by item, of those that are there."""
    chosen = pc.field("item").isin(pa.array(list(items), pa.string()))
    table = read_table(data, schema, columns, chosen, bucket)
    return {row["item"]: row for row in table.to_pylist()}
