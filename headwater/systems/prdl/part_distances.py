"""Part re-projection distance loss (PRDL): distances from every pixel to the points of face parts.

Of a set of points and an anchor, which is the centre of a pixel, PRDL looks at the smallest, the
largest and the mean distance, f_min, f_max and f_ave (eq. 4 of arXiv 2312.00311). For each part of
a face it compares those of the projected vertices with those of the part's pixels (eqs. 5, 6).
Coordinates are px, x to the right and y down; the pixel of row r and column c has its centre at
(c + 0.5, r + 0.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.autograd.function import once_differentiable

from headwater.errors import HeadwaterError
from headwater.systems.prdl import mean_distances
from headwater.systems.prdl.mean_distances import NO_DIRECTION_PX
from headwater.systems.prdl.point_search import Anchors, PointSets, winning_points

Average = Literal["mesh", "direct"]


@dataclass(frozen=True)
class PartTargets:
    """The image's side of PRDL, which no network changes: to compute once per image.

    descriptors: (P, 3, H, W) px, f_min, f_max and f_ave of every part's pixels at every pixel's
    centre; zero for parts without a pixel. present: for each of the P parts, whether it has one.
    """

    descriptors: Tensor
    present: tuple[bool, ...]

    @staticmethod
    def of_masks(masks: NDArray[np.bool_], *, dtype: torch.dtype = torch.float32) -> "PartTargets":
        """Targets of the pixels (P, H, W) bool of each part. Exact to 1e-9 px before ``dtype``."""
        if masks.ndim != 3 or masks.dtype != np.bool_ or min(masks.shape[1:]) < 4:
            raise HeadwaterError(
                "masks of face parts must be booleans of shape (parts, height, width), 4 x 4 px or "
                f"more, not {masks.dtype} of shape {masks.shape}"
            )
        present = masks.any(axis=(1, 2))
        descriptors = torch.zeros((len(masks), 3, *masks.shape[1:]), dtype=dtype)
        if present.any():
            descriptors[torch.from_numpy(present)] = _of_masks(masks[present]).to(dtype)
        return PartTargets(descriptors, tuple(present.tolist()))

    def to(self, device: torch.device) -> "PartTargets":
        """The targets on a device."""
        return PartTargets(self.descriptors.to(device), self.present)


def part_reprojection_loss(
    projected: Sequence[Tensor],
    targets: PartTargets,
    *,
    weights: Tensor | None = None,
    stride: int = 1,
    average: Average = "mesh",
) -> Tensor:
    """PRDL of one image (eq. 6), px²: ``batch_part_reprojection_loss`` of it alone."""
    return batch_part_reprojection_loss(
        [projected], [targets], weights=weights, stride=stride, average=average
    )[0]


def batch_part_reprojection_loss(
    projected: Sequence[Sequence[Tensor]],
    targets: Sequence[PartTargets],
    *,
    weights: Tensor | None = None,
    stride: int = 1,
    average: Average = "mesh",
) -> Tensor:
    """PRDL (B,) px² of each of B images: the sum over parts of w_p times the mean of |ΔΓ|² (eq. 6).

    projected: of each image the points (n_p, 2) px of each of P parts, float32 or float64. weights:
    (P,) or (B, P), 1 where None. A part without a point or without a pixel counts nothing; the mean
    is over all anchors, whatever their distance from the part.

    What is exact and what is not:

    - f_min and f_max are exact, at every stride, and so are their gradients (eqs. 8 to 12).
    - average: ``direct`` is exact. ``mesh`` takes a fifteenth of the time; for parts of 100 points
      and more it differs by up to 0.01 px in f_ave and by up to 1e-5 of the gradient's length,
      which is less than rounding to float32 does.
    - stride: 2 takes every second pixel of every second row as anchor, and so on. The gradients of
      2, 4 and 8 differ from that of 1 by up to 1, 3 and 8 % of its length.

    Raises HeadwaterError where images, parts, sizes or dtypes do not fit together.
    """
    _check(projected, targets, stride)
    points = torch.cat(list(chain.from_iterable(projected)))
    shape = (len(targets), len(targets[0].present))
    # Of no point, so that parts that count nothing have a gradient, which is zero.
    losses = points.new_zeros(shape) + points[:0].sum()
    live = [
        (image, part)
        for image, (sets, target) in enumerate(zip(projected, targets, strict=True))
        for part, (one, present) in enumerate(zip(sets, target.present, strict=True))
        if present and len(one)
    ]
    if live:
        height, width = targets[0].descriptors.shape[-2:]
        anchors = Anchors(height, width, stride)
        sets = [projected[image][part] for image, part in live]
        sizes = tuple(map(len, sets))
        # Each point's share in the mean of its set.
        shares = torch.cat([points.new_ones(size) / size for size in sizes])
        found = _Descriptors.apply(  # type: ignore[no-untyped-call]
            torch.cat(sets), shares, sizes, anchors, average
        )
        wanted = [anchors.view(targets[image].descriptors[part]) for image, part in live]
        differences = found - torch.stack(wanted).flatten(2).to(found)
        apart = differences.square().sum(dim=1).mean(dim=1)
        losses = losses.index_put(tuple(torch.tensor(live, device=apart.device).T), apart)
    if weights is not None:
        losses = losses * weights.to(losses)
    return losses.sum(dim=1)


class _Descriptors(torch.autograd.Function):
    """f_min, f_max and f_ave (S, 3, A) px of sets of points at the anchors.

    For the gradient it keeps the points and two indices per anchor, no distance. Autocast, which
    would round matrix products of coordinates to 1 px, has nothing to act on.
    """

    @staticmethod
    def forward(
        ctx: Any,
        points: Tensor,
        shares: Tensor,
        sizes: tuple[int, ...],
        anchors: Anchors,
        average: Average,
    ) -> Tensor:
        """Nearest, farthest and mean distances at the anchors (eq. 4)."""
        sets = PointSets.of(points, sizes)
        found = points.new_empty(len(sizes), 3, anchors.rows * anchors.columns)
        winners = [winning_points(sets, anchors, farthest=farthest) for farthest in (False, True)]
        lines, places = points.T.contiguous(), anchors.points(points).T.contiguous()
        for channel, winner in enumerate(winners):
            for row, index in zip(found[:, channel], winner, strict=True):
                torch.hypot(*_offsets(lines, index, places), out=row)
        means = mean_distances.mesh_means if average == "mesh" else mean_distances.direct_means
        found[:, 2] = means(sets, shares, anchors)
        ctx.save_for_backward(points, shares, *winners)
        ctx.sizes, ctx.anchors, ctx.average = sizes, anchors, average
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Gradient by the points, from that by the distances (eqs. 8 to 12)."""
        points, shares, *winners = ctx.saved_tensors
        sets, anchors = PointSets.of(points, ctx.sizes), ctx.anchors
        pull = mean_distances.mesh_pull if ctx.average == "mesh" else mean_distances.direct_pull
        # By axis: sums of rows of two are many times slower.
        pulls = pull(sets, shares, anchors, gradient[:, 2]).T.contiguous()
        lines, places = points.T.contiguous(), anchors.points(points).T.contiguous()
        for channel, winner in enumerate(winners):
            for weight, index in zip(gradient[:, channel], winner, strict=True):
                offsets = _offsets(lines, index, places)
                distance = torch.hypot(*offsets)
                push = torch.where(distance < NO_DIRECTION_PX, 0, weight / distance)
                for axis, offset in zip(pulls, offsets, strict=True):
                    axis.index_add_(0, index, offset.mul_(push))
        return pulls.T, None, None, None, None


def _offsets(points: Tensor, index: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Offsets (A,) in x and in y of the points (2, N) of an index (A,) from places (2, A)."""
    x, y = (line.index_select(0, index) - place for line, place in zip(points, places, strict=True))
    return x, y


def _check(
    projected: Sequence[Sequence[Tensor]], targets: Sequence[PartTargets], stride: int
) -> None:
    counts = {len(one) for one in projected} | {len(one.present) for one in targets}
    if not targets or len(projected) != len(targets) or len(counts) != 1:
        raise HeadwaterError(
            "PRDL compares points and targets of the same images and parts, not points of "
            f"{len(projected)} images with targets of {len(targets)}, of {sorted(counts)} parts"
        )
    if len({one.descriptors.shape for one in targets}) != 1:
        raise HeadwaterError("images of one batch have targets of one size; crop them alike")
    smallest = min(targets[0].descriptors.shape[-2:])
    if not 1 <= stride <= smallest:
        raise HeadwaterError(f"the anchors' stride must be from 1 to {smallest} px, not {stride}")
    for points in chain.from_iterable(projected):
        if points.dtype not in {torch.float32, torch.float64} or points.shape[1:] != (2,):
            raise HeadwaterError(
                "projected points must be float32 or float64 of shape (points, 2), not "
                f"{points.dtype} of shape {tuple(points.shape)}; project them outside autocast"
            )
        if not points.isfinite().all():
            raise HeadwaterError("a projected point is not finite; lower the learning rate")


def _of_masks(masks: NDArray[np.bool_]) -> Tensor:
    """f_min, f_max, f_ave (P, 3, H, W) float64 px of the pixels of parts, none of them empty."""
    nearest = np.stack([distance_transform_edt(~mask) for mask in masks])
    pixels = torch.from_numpy(masks / masks.sum(axis=(1, 2), keepdims=True))
    return torch.stack(
        [torch.from_numpy(nearest), _farthest(masks), mean_distances.convolved(pixels)], dim=1
    )


def _farthest(masks: NDArray[np.bool_]) -> Tensor:
    """f_max (P, H, W) float64 px: the farthest pixel is the first or the last one of its row."""
    before = np.logical_or.accumulate(masks, axis=2)
    after = np.logical_or.accumulate(masks[:, :, ::-1], axis=2)[:, :, ::-1]
    inner = np.zeros_like(masks)
    inner[:, :, 1:-1] = before[:, :, :-2] & after[:, :, 2:]
    ends = masks & ~inner
    points = torch.from_numpy(np.argwhere(ends)[:, [2, 1]] + 0.5)
    sizes = tuple(ends.sum(axis=(1, 2)).tolist())
    anchors = Anchors(*masks.shape[1:])
    winners = winning_points(PointSets.of(points, sizes), anchors, farthest=True)
    places = anchors.points(points)
    lengths = [(points[winner] - places).square().sum(dim=1).sqrt() for winner in winners]
    return torch.stack(lengths).reshape(masks.shape)
