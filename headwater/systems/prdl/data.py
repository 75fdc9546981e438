"""Training images of PRDL: crops of frames with their parts, landmarks and cameras.

Rendered frames and photos alike have what the pipeline found in them. Nothing here knows a true
shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from headwater.artifacts.cameras import CAMERA_COLUMNS, camera_of, frame_from_photo_of
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.schemas import (
    CAMERAS,
    EXPRESSIONS,
    FRAMES,
    LANDMARKS,
    MASKS,
    PARTS,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.artifacts.tables import Row, read_table
from headwater.data.canonical import to_canonical
from headwater.data.crops import Crops, crop_views
from headwater.data.mirror import mirrored_projection, with_mirrored
from headwater.data.placement import placed_views
from headwater.data.scenes import Heads, Template, Views, stacked
from headwater.data.views import Annotation, of_both, of_photos, of_rendered, read_views
from headwater.errors import HeadwaterError
from headwater.faces.affine import labels_in_frame
from headwater.faces.vocabulary import (
    FACE_PARTS,
    MIRRORED_PARTS,
    PART_OUTLINES,
)
from headwater.systems.prdl.config import PUBLISHED_PX, PrdlConfig
from headwater.systems.prdl.detector_errors import MeanErrors
from headwater.systems.prdl.landmark_sets import LANDMARK_SETS
from headwater.systems.prdl.mask_cleanup import cleaned
from headwater.systems.prdl.model import projected

TRAIN = "train"
PUBLISHED_FOCAL_PX = 1015.0
PUBLISHED_DISTANCE = 10.0
# Largest mean distance of a view's landmarks from those of the mean head, as a share of the crop's
# side; 1 in 150 of the default build's frames has more.
MISDETECTED = 0.06

Labels = NDArray[np.uint8]
# Views with the part labels of each, or None where they are drawn between landmarks.
_Piece = tuple[Views, list[Labels] | None]


def tables_read(config: PrdlConfig) -> tuple[TableSchema, ...]:
    """The tables that a training with these settings reads."""
    more = (EXPRESSIONS,) if config.edited else ()
    return (SYNTHETIC_FRAMES, TRUTH, FRAMES, LANDMARKS, MASKS, PARTS, CAMERAS, *more)


@dataclass(frozen=True)
class Examples:
    """Crops of n frames.

    pixels: (n, S, S, 3) uint8 RGB. parts: (n, S, S) uint8 part ids. landmarks: (n, m, 2) float32
    px, one of ``LANDMARK_SETS``, NaN where none is seen. projection: (n, 3, 4) float32, canonical
    units to px in the crop.
    """

    pixels: Tensor
    parts: Tensor
    landmarks: Tensor
    projection: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors that a training learns from."""
        return self.pixels, self.parts, self.landmarks, self.projection

    def choose(self, rows: Tensor) -> "Examples":
        """The examples of some rows."""
        return Examples(*(one[rows] for one in self.tensors))

    def mirrored(self) -> "Examples":
        """Their mirror images: left and right parts and landmarks change names."""
        side = self.pixels.shape[2]
        partners = LANDMARK_SETS[self.landmarks.shape[1]].partners
        _, landmarks = with_mirrored(self.landmarks, partners, side).chunk(2)
        return Examples(
            self.pixels.flip(2),
            _MIRRORED_IDS[self.parts.flip(2).long()],
            landmarks,
            mirrored_projection(self.projection, side),
        )


_MIRRORED_IDS = torch.from_numpy(MIRRORED_PARTS.copy())


def read_examples(
    config: PrdlConfig, data: Path, template: Template, errors: MeanErrors
) -> Examples:
    """All examples of the training split below ``data``.

    errors: of the detector, which are subtracted from landmarks. Raises HeadwaterError where there
    is no example.
    """
    pieces = [
        *_rendered(config, data, TRAIN),
        *(_photos(config, data, TRAIN) if config.photos else []),
        *(_edited(config, data, TRAIN) if config.edited else []),
    ]
    found = [
        examples_of(config, views, labels, template, errors)
        for views, labels in pieces
        if len(views)
    ]
    if not found:
        raise HeadwaterError(
            f"{data / PARTS.name}: no frame of the split {TRAIN!r} has landmarks, parts and a "
            "camera; nothing to train on"
        )
    return Examples(*(torch.cat(one) for one in zip(*(e.tensors for e in found), strict=True)))


def examples_of(
    config: PrdlConfig,
    views: Views,
    labels: Sequence[Labels] | None,
    template: Template,
    errors: MeanErrors,
) -> Examples:
    """Crops of views in which landmarks were detected, with their part labels.

    labels: of a parser or the renderer; drawn between the landmarks where None. Views are left out
    whose landmarks lie far from where any head placed by them has its own: the face in them is
    misdetected.
    """
    placed = placed_views(views, template)
    crops = crop_views(placed, template.nose_bridge, config.image_px, config.crop_mm)
    marks = landmarks_in(
        crops, views, errors.at(crops.projection) * (config.image_px / config.crop_mm)
    )
    usual = to_canonical(template.landmarks_68(template.mean), template.nose_bridge)
    expected, _ = projected(torch.from_numpy(usual).expand(len(crops), -1, -1), crops.projection)
    away = (LANDMARK_SETS[68].of(marks) - expected).norm(dim=2).nanmean(dim=1)
    kept = torch.nonzero(away < MISDETECTED * config.image_px).flatten()
    every = Examples(
        crops.pixels[..., :3].contiguous(),
        torch.from_numpy(np.stack(crop_parts(config, crops, marks, labels))),
        LANDMARK_SETS[config.landmark_set].of(marks),
        cameras_of(config, crops.projection),
    )
    return every.choose(kept)


def landmarks_in(crops: Crops, views: Views, errors: Tensor) -> Tensor:
    """Landmarks (n, 478, 2) px in crops of views, less the detector's errors (n, 478, 2) px."""
    maps = crops.to_crop
    points = views.landmarks_478_px.astype(np.float64) @ maps[:, :2, :2].transpose(0, 2, 1)
    return torch.from_numpy((points + maps[:, None, :2, 2]).astype(np.float32)) - errors


def crop_parts(
    config: PrdlConfig, crops: Crops, landmarks: Tensor, labels: Sequence[Labels] | None
) -> list[Labels]:
    """Part ids (S, S) of every crop.

    landmarks: (n, 478, 2) px in the crops, between which parts are drawn where labels are None.
    Where the build has a parser, labels are cleaned up as in the paper, the renderer's too: skin
    ends at the brows in all of them.
    """
    side = config.image_px
    if labels is None:
        return [drawn_parts(points.numpy(), side) for points in landmarks]
    found = [
        labels_in_frame(own, to_crop[:2], side, side)
        for own, to_crop in zip(labels, crops.to_crop, strict=True)
    ]
    return [cleaned_parts(one) for one in found] if config.cleans_parts else found


def drawn_parts(landmarks_478: NDArray[np.floating[Any]], side: int) -> Labels:
    """Part ids (side, side) inside loops of landmarks (478, 2) px, centres at integer + 0.5.

    A part with a landmark that is not seen is left out.
    """
    image = Image.new("L", (side, side))
    for part, loop in PART_OUTLINES:
        points = landmarks_478[list(loop)]
        if np.isfinite(points).all():
            corners = [(float(x) - 0.5, float(y) - 0.5) for x, y in points]
            ImageDraw.Draw(image).polygon(corners, fill=int(part))
    return np.array(image)


def cleaned_parts(labels: Labels) -> Labels:
    """Part ids (S, S) of a parser without noise and forehead."""
    masks = cleaned({part: labels == part for part in FACE_PARTS})
    clean = np.zeros_like(labels)
    for part, mask in masks.items():
        clean[mask] = part
    return clean


def cameras_of(config: PrdlConfig, projection: Tensor) -> Tensor:
    """The cameras (n, 3, 4) of crops: their own, or the paper's one for all.

    The latter looks along -z from z = 10 with v up; rows of an image count down.
    """
    if config.camera == "crop":
        return projection
    scale = config.image_px / PUBLISHED_PX
    focal, middle = PUBLISHED_FOCAL_PX * scale, config.image_px / 2.0
    published = [
        [focal, 0.0, -middle, middle * PUBLISHED_DISTANCE],
        [0.0, -focal, -middle, middle * PUBLISHED_DISTANCE],
        [0.0, 0.0, -1.0, PUBLISHED_DISTANCE],
    ]
    return torch.tensor(published).expand(len(projection), 3, 4).contiguous()


def _rendered(config: PrdlConfig, data: Path, split: str) -> list[_Piece]:
    """Rendered frames with the cameras that were estimated and, where wanted, with exact ones."""
    subjects = read_table(data, TRUTH, ["subject", "split"], pc.field("split") == split)
    names = np.unique(subjects.column("subject").to_numpy(zero_copy_only=False)).astype(str)
    if not len(names):
        return []
    heads = Heads(np.zeros((len(names), 0, 3), np.float32), names)
    if config.given_views:
        annotations = of_both(data, heads)
    else:
        items = [one.row["item"] for one in of_rendered(data, heads)]
        annotations = of_photos(data, items)
    return [_seen(config, data, annotations, exact=config.parts == "exact")]


def _photos(config: PrdlConfig, data: Path, split: str) -> list[_Piece]:
    chosen = (pc.field("source") == "photo") & (pc.field("split") == split)
    table = read_table(data, FRAMES, ["item", "source", "split"], chosen)
    annotations = of_photos(data, table.column("item").to_pylist())
    return [_seen(config, data, annotations, exact=False)] if annotations else []


def _seen(
    config: PrdlConfig, data: Path, annotations: Sequence[Annotation], *, exact: bool
) -> _Piece:
    """Views of annotations in which a face was detected, with their labels; exact: the renderer's.

    Labels are None where they are drawn between landmarks.
    """
    own = None
    if exact or config.parser != "landmarks":
        items = [one.row["item"] for one in annotations]
        known = _exact_parts(data, items) if exact else _parts(data, items)
        annotations = [one for one in annotations if one.row["item"] in known]
        own = [known[one.row["item"]] for one in annotations]
    views = read_views(data, annotations)
    seen = np.isfinite(views.landmarks_478_px).any(axis=(1, 2))
    labels = None if own is None else [own[row] for row in np.flatnonzero(seen)]
    return views.choose(seen), labels


def _edited(config: PrdlConfig, data: Path, split: str) -> list[_Piece]:
    """Frames of other expressions, seen by the cameras of the frames that they were made from."""
    columns = ["item", "parent", "split", "image", "parts", "landmarks_478_px"]
    rows = read_table(data, EXPRESSIONS, columns, pc.field("split") == split).to_pylist()
    cameras = _by_item(data, CAMERAS, ["item", "width", "height", *CAMERA_COLUMNS], rows, "parent")
    rows = sorted((row for row in rows if row["parent"] in cameras), key=lambda row: row["item"])
    if not rows:
        return []
    images = tuple(decode_png(row["image"]) for row in rows)
    seen_by = [cameras[row["parent"]] for row in rows]
    views = Views(
        images,
        tuple(np.full(image.shape[:2], 255, np.uint8) for image in images),
        *stacked([camera_of(row, (row["width"], row["height"])) for row in seen_by]),
        np.stack([landmarks_of(row) for row in rows]),
        np.zeros(len(rows), np.int32),
        np.array([row["split"] for row in rows]),
        np.ones(len(rows), np.bool_),
    )
    return [(views, None if config.draws_parts else [decode_png(row["parts"]) for row in rows])]


def _parts(data: Path, items: Sequence[str]) -> dict[str, Labels]:
    """Detected part labels of items' frames, of those that have them."""
    rows = _by_item(data, PARTS, ["item", "parts"], [{"item": item} for item in items], "item")
    return {item: decode_png(row["parts"]) for item, row in rows.items()}


def _exact_parts(data: Path, items: Sequence[str]) -> dict[str, Labels]:
    """The renderer's part labels, as the items' frames show them."""
    wanted = [{"item": item} for item in items]
    truth = _by_item(data, TRUTH, ["item", "parts"], wanted, "item")
    place = ["item", "width", "height", "frame_from_photo"]
    frames = _by_item(data, FRAMES, place, wanted, "item")
    found = {}
    for item, row in truth.items():
        labels, frame = decode_png(row["parts"]), frames.get(item)
        if frame is not None:
            size = frame["width"], frame["height"]
            labels = labels_in_frame(labels, frame_from_photo_of(frame), *size)
        found[item] = labels
    return found


def _by_item(
    data: Path, schema: TableSchema, columns: Sequence[str], wanted: Sequence[Row], key: str
) -> dict[str, Row]:
    """Rows of a table whose items are the ``key`` of the wanted rows, by item."""
    items = pa.array([row[key] for row in wanted], pa.string())
    table = read_table(data, schema, list(columns), pc.field("item").isin(items))
    return {row["item"]: row for row in table.to_pylist()}
