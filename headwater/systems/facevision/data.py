"""Training images of FaceVision-GAN: crops with maps, of rendered heads and of photos."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.images import decode_png
from headwater.artifacts.schemas import HEADS, MAPS
from headwater.artifacts.tables import Row, read_table, table_files
from headwater.data.crops import seen_points
from headwater.data.face_codes import face_cut
from headwater.data.face_maps import from_levels
from headwater.data.placement import true_placement
from headwater.data.scenes import FloatArray, Heads, Template
from headwater.data.tables import read_heads, read_model, template_of
from headwater.errors import HeadwaterError
from headwater.metrics.strata import ESTIMATED, GIVEN
from headwater.systems.facevision.config import FaceVisionConfig

TRAIN, VALIDATION = "train", "validation"
PHOTO = "photo"
PLANES = ("depth", "code_x", "code_y", "code_z")
_COLUMNS = (
    *("item", "subject", "split", "source", "parent", "picture", "camera", "view", "image"),
    *("width", "crop_mm", *PLANES, "projection"),
)


def reads(config: FaceVisionConfig) -> tuple[TableSchema, ...]:
    """The tables that a training reads."""
    return (HEADS, MAPS)


@dataclass(frozen=True)
class MappedImage:
    """One crop with its maps.

    pixels: (S, S, 3) uint8 RGB. maps: (4, S, S) float16, depth and codes in 0..1, 0 off the face.
    projection: (3, 4) float32, canonical units to px. head: number of the true head, -1 of a photo.
    held_out: whether it is of the validation split. estimated: whether its camera is estimated.
    """

    pixels: NDArray[np.uint8]
    maps: NDArray[np.float16]
    projection: FloatArray
    head: int
    held_out: bool
    estimated: bool


@dataclass(frozen=True)
class Examples:
    """n crops with maps.

    pixels: (n, S, S, 3) uint8 RGB. maps: (n, 4, S, S) float16, depth and codes in 0..1, 0 off the
    face. projection: (n, 3, 4) float32, canonical units to px in the crop. anchors: (n, m, 3)
    float32, where ``projection`` sees the anchors of the true head in the template's place: px, px,
    depth in mm; NaN of photos. held_out: (n,) bool, of the validation split. estimated: (n,) bool,
    of crops by an estimated camera. head: (n,) number of the true head, -1 of photos.
    """

    pixels: Tensor
    maps: Tensor
    projection: Tensor
    anchors: Tensor
    held_out: Tensor
    estimated: Tensor
    head: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def choose(self, rows: Tensor) -> "Examples":
        """The examples of some rows."""
        return Examples(*(getattr(self, one.name)[rows] for one in fields(self)))


@dataclass(frozen=True)
class TrainingSet:
    """Examples, the heads to which their numbers refer, and the topology of these."""

    examples: Examples
    heads: Heads
    template: Template

    @property
    def training_heads(self) -> Heads:
        """The heads that some example of the training split shows."""
        known = (self.examples.head >= 0) & ~self.examples.held_out
        rows = self.examples.head[known].unique().numpy()
        return Heads(self.heads.vertices[rows], self.heads.subjects[rows])


def read_training_set(config: FaceVisionConfig, data: Path) -> TrainingSet:
    """The crops of the training and validation splits below ``data``, in a fixed order.

    Raises HeadwaterError where there is none of the training split.
    """
    heads = read_heads(data, (TRAIN, VALIDATION))
    images = _images(config, data, heads)
    if not any(one.head >= 0 and not one.held_out for one in images):
        raise HeadwaterError(
            f"{data / MAPS.name}: no crop of a rendered head of the split 'train' has "
            f"{config.image_px} px of {config.crop_mm:g} mm; nothing to train on"
        )
    return training_set(config, images, heads, template_of(read_model(data)))


def training_set(
    config: FaceVisionConfig, images: Sequence[MappedImage], heads: Heads, template: Template
) -> TrainingSet:
    """Images, whose heads have the numbers of ``heads``, with the anchors of these heads."""
    examples = Examples(
        torch.from_numpy(np.stack([one.pixels for one in images])),
        torch.from_numpy(np.stack([one.maps for one in images])),
        torch.from_numpy(np.stack([one.projection for one in images])),
        torch.from_numpy(_anchors(config, images, heads, template)),
        torch.tensor([one.held_out for one in images]),
        torch.tensor([one.estimated for one in images]),
        torch.tensor([one.head for one in images]),
    )
    return TrainingSet(examples, heads, template)


def _anchors(
    config: FaceVisionConfig, images: Sequence[MappedImage], heads: Heads, template: Template
) -> FloatArray:
    """``Examples.anchors`` (n, m, 3) of images."""
    cut, wanted = face_cut(template), template.landmarks_68(template.mean)
    rows = cut.vertex[cut.anchors(config.anchors)]
    unknown = np.full((len(rows), 3), np.nan, np.float32)
    placed = {
        number: true_placement(template.landmarks_68(heads.vertices[number]), wanted).apply(
            heads.vertices[number][rows]
        )
        for number in {one.head for one in images if one.head >= 0}
    }
    return np.stack(
        [
            seen_points(
                torch.from_numpy(one.projection[None]), placed[one.head], template.nose_bridge
            )[0].astype(np.float32)
            if one.head >= 0
            else unknown
            for one in images
        ]
    )


def _images(config: FaceVisionConfig, data: Path, heads: Heads) -> list[MappedImage]:
    """All crops of both splits, those of photos last."""
    number = {subject: index for index, subject in enumerate(heads.subjects.tolist())}
    found: list[tuple[Any, MappedImage]] = []
    for path in table_files(data, MAPS):
        table = read_table(data, MAPS, list(_COLUMNS), _chosen(config), path.name)
        for row in table.to_pylist():
            head = -1 if row["source"] == PHOTO else number[row["subject"]]
            found.append((_place(row, head), _image(row, head)))
    return [image for _, image in sorted(found, key=lambda one: one[0])]


def _chosen(config: FaceVisionConfig) -> pc.Expression:
    """The rows of the table of maps that the settings ask for."""
    cameras = [GIVEN, ESTIMATED] if config.estimated_views else [GIVEN]
    rendered = (pc.field("source") != PHOTO) & pc.field("camera").isin(cameras)
    wanted = rendered | (pc.field("source") == PHOTO) if config.photos else rendered
    return (
        (pc.field("picture") == "crop")
        & (pc.field("width") == config.image_px)
        & (pc.field("crop_mm") == config.crop_mm)
        & pc.field("split").isin([TRAIN, VALIDATION])
        & wanted
    )


def _place(row: Row, head: int) -> tuple[Any, ...]:
    """Sort key of a row: given cameras first, by head and view; then estimated ones, by parent."""
    if row["camera"] == GIVEN:
        return 0, head, row["view"], row["item"]
    return 1 + (head < 0), 0, 0, row["parent"]


def _image(row: Row, head: int) -> MappedImage:
    maps = np.stack([from_levels(decode_png(row[name])) for name in PLANES])
    return MappedImage(
        decode_png(row["image"]),
        maps.astype(np.float16),
        np.array(row["projection"], np.float32).reshape(3, 4),
        head,
        row["split"] == VALIDATION,
        row["camera"] == ESTIMATED,
    )
