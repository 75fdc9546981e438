"""PRDL on every n-th anchor of every n-th row, with targets of few anchors by plain distances.

Every ``stride``-th pixel of every ``stride``-th row is the pixel of a coarse image. In its pixels
all distances are ``stride`` times smaller; the loss is given in pixels of the fine one.
"""

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.faces.vocabulary import Part
from headwater.systems.prdl.part_distances import PartTargets, batch_part_reprojection_loss
from headwater.systems.prdl.part_points import PRDL_PARTS
from headwater.systems.prdl.point_sets import (
    SKIN_POINTS,
    cell_points,
    farthest_points,
    pixel_centres,
    pixels_of,
)

Sampler = Literal["cell", "farthest"]
_Places = TypeVar("_Places", Tensor, NDArray[np.float64])


def part_masks(labels: NDArray[np.uint8], sampler: Sampler) -> NDArray[np.bool_]:
    """Pixels (P, S, S) of each of ``PRDL_PARTS`` in labels (S, S); of the skin a sample."""
    masks = np.stack([labels == part for part in PRDL_PARTS])
    skin = masks[PRDL_PARTS.index(Part.SKIN)]
    # Seeded anew for every image: equal images have equal samples.
    rng, centres = np.random.default_rng(0), pixel_centres(skin)
    if sampler == "farthest":
        rows = farthest_points(centres, SKIN_POINTS, rng)
    else:
        rows = cell_points(centres, rng)
    skin[:] = pixels_of(rows, skin)
    return masks


def coarse_targets(labels: NDArray[np.uint8], stride: int, sampler: Sampler) -> PartTargets:
    """Targets of part labels (S, S) at the anchors of a stride, in px of the coarse image."""
    masks = part_masks(labels, sampler)
    if stride == 1:
        return PartTargets.of_masks(masks)
    count = len(range(stride // 2, len(labels), stride))
    places = torch.arange(count) + 0.5
    descriptors = torch.zeros(len(masks), 3, count, count)
    for mask, found in zip(masks, descriptors, strict=True):
        if mask.any():
            x, y = torch.from_numpy(_coarse(pixel_centres(mask), stride)).float().T
            across, down = places[:, None] - x, places[:, None] - y
            distances = (down.square()[:, None] + across.square()).sqrt()
            found[0], found[1] = distances.amin(dim=2), distances.amax(dim=2)
            found[2] = distances.mean(dim=2)
    return PartTargets(descriptors, tuple(masks.any(axis=(1, 2)).tolist()))


def strided_loss(
    projected: Sequence[Sequence[Tensor]], targets: Sequence[PartTargets], stride: int
) -> Tensor:
    """PRDL (B,) px² of points (n, 2) px of each part of each image, at the anchors of a stride.

    targets: of ``coarse_targets``.
    """
    if stride == 1:
        return batch_part_reprojection_loss(projected, targets)
    coarse = [[_coarse(points, stride) for points in sets] for sets in projected]
    loss = batch_part_reprojection_loss(coarse, targets, average="direct")
    return loss * stride**2


def _coarse(places: _Places, stride: int) -> _Places:
    """Pixel coordinates in the image of the anchors, whose first is at stride // 2 + 0.5."""
    return (places - (stride // 2 + 0.5)) / stride + 0.5
