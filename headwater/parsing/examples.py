"""Examples of faces in rendered views: crops around them, their classes, and detected landmarks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.schemas import SYNTHETIC_FRAMES, TRUTH
from headwater.artifacts.tables import read_table
from headwater.errors import HeadwaterError
from headwater.faces.affine import labels_in_frame, map_points
from headwater.faces.canonical_crop import MeshNetwork, Placement, placement_of
from headwater.faces.frame_landmarks import landmarks_at
from headwater.faces.resampling import resampled
from headwater.parsing.crop import CROP_TO_FACE, raised
from headwater.parsing.parser import CROP_PX

TRAIN: Final = "train"
# Pixels around the parser's crop that random shifts and turns need.
MARGIN_PX: Final = 20
EXAMPLE_PX: Final = CROP_PX + 2 * MARGIN_PX


@dataclass(frozen=True)
class Examples:
    """Crops of n faces, with the classes that a parser learns to find, and detected landmarks.

    pixels: (n, S, S, 3) uint8, classes: (n, S, S) uint8. landmarks: (n, 478, 2) float32, px of the
    crops, as the detector finds them in the views.
    """

    pixels: Tensor
    classes: Tensor
    landmarks: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def choose(self, rows: Tensor) -> "Examples":
        """The examples of the given rows."""
        return Examples(self.pixels[rows], self.classes[rows], self.landmarks[rows])


@dataclass(frozen=True)
class _View:
    """A rendered view (h, w, 3), its classes (h, w), and the true place of its face there."""

    image: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    face: Placement


def examples(data: Path, network: MeshNetwork) -> Examples:
    """Examples of ``EXAMPLE_PX`` a side of the training views in which the network finds the face.

    The crops are placed by the true landmarks and not cut from frames, whose table a photo would
    change. Raises HeadwaterError where there is no such view.
    """
    found = []
    to_face = CROP_TO_FACE * EXAMPLE_PX / CROP_PX
    for view in _views(data):
        landmarks = landmarks_at(view.image, view.face, network)
        if landmarks is not None:
            points = map_points(_example_map(view, to_face, EXAMPLE_PX), landmarks)[:, :2]
            found.append((*_example(view, to_face, EXAMPLE_PX), points))
    if not found:
        raise HeadwaterError(
            f"in no rendered view of the split {TRAIN!r} a face was found; "
            "set synthesize.subjects higher"
        )
    return Examples(*(torch.from_numpy(np.stack(one)) for one in zip(*found, strict=True)))


def pictures(data: Path, to_face: float, px: int) -> tuple[Tensor, Tensor]:
    """Crops (n, px, px, 3) and classes (n, px, px), uint8, of all training views.

    to_face: side of the crops, as a multiple of the face's. They are placed as those of
    ``examples``. Raises HeadwaterError where there is no such view.
    """
    pairs = [_example(view, to_face, px) for view in _views(data)]
    if not pairs:
        raise HeadwaterError(
            f"no rendered view has the split {TRAIN!r}; set synthesize.subjects higher"
        )
    pixels, classes = zip(*pairs, strict=True)
    return torch.from_numpy(np.stack(pixels)), torch.from_numpy(np.stack(classes))


def _views(data: Path) -> Iterator[_View]:
    own = pc.field("split") == TRAIN
    truths = read_table(
        data, TRUTH, ["item", "split", "landmarks_478_px", "classes"], own
    ).to_pylist()
    known = {row["item"]: row for row in truths}
    for view in read_table(data, SYNTHETIC_FRAMES, ["item", "split", "image"], own).to_pylist():
        truth = known[view["item"]]
        face = placement_of(landmarks_of(truth))
        yield _View(decode_png(view["image"]), decode_png(truth["classes"]), face)


def _example_map(view: _View, to_face: float, px: int) -> NDArray[np.float64]:
    """Map (2, 3), px of the view to px of its example."""
    return raised(view.face).square_map(to_face, px)


def _example(view: _View, to_face: float, px: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    affine = _example_map(view, to_face, px)
    return resampled(view.image, affine, px, px), labels_in_frame(view.classes, affine, px, px)
