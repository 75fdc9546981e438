"""Examples for the parser: crops of rendered views around their faces, and their classes."""

from collections.abc import Iterator
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
from headwater.faces.affine import labels_in_frame
from headwater.faces.canonical_crop import placement_of
from headwater.faces.resampling import resampled
from headwater.parsing.crop import CROP_TO_FACE, raised
from headwater.parsing.parser import CROP_PX

# Pixels on every side beyond the parser's crop, which augmentation moves in.
MARGIN_PX: Final = 20
EXAMPLE_PX: Final = CROP_PX + 2 * MARGIN_PX


def examples(data: Path, split: str = "train") -> tuple[Tensor, Tensor]:
    """Crops (n, S, S, 3) and classes (n, S, S), uint8, S ``EXAMPLE_PX``, of a split's views.

    They lie where the true landmarks put the face; they need no frame, so that no photo changes
    what is trained. Raises HeadwaterError where there is no such view.
    """
    pairs = list(_pairs(data, split))
    if not pairs:
        raise HeadwaterError(
            f"no rendered view has the split {split!r}; set synthesize.subjects higher"
        )
    pixels, classes = zip(*pairs, strict=True)
    return torch.from_numpy(np.stack(pixels)), torch.from_numpy(np.stack(classes))


def _pairs(data: Path, split: str) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    own = pc.field("split") == split
    truths = read_table(
        data, TRUTH, ["item", "split", "landmarks_478_px", "classes"], own
    ).to_pylist()
    known = {row["item"]: row for row in truths}
    for view in read_table(data, SYNTHETIC_FRAMES, ["item", "split", "image"], own).to_pylist():
        truth = known[view["item"]]
        place = raised(placement_of(landmarks_of(truth)))
        affine = place.square_map(CROP_TO_FACE * EXAMPLE_PX / CROP_PX, EXAMPLE_PX)
        pixels = resampled(decode_png(view["image"]), affine, EXAMPLE_PX, EXAMPLE_PX)
        yield pixels, labels_in_frame(decode_png(truth["classes"]), affine, EXAMPLE_PX, EXAMPLE_PX)
