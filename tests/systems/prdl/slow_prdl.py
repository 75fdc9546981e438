"""PRDL as its equations say: every distance from every pixel, kept for autograd."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def pixel_grid(height: int, width: int, stride: int = 1) -> Tensor:
    """Centres (A, 2) float64 px of every ``stride``-th pixel."""
    return torch.tensor(
        [
            [column + 0.5, row + 0.5]
            for row in range(stride // 2, height, stride)
            for column in range(stride // 2, width, stride)
        ],
        dtype=torch.float64,
    )


def slow_descriptors(points: Tensor, anchors: Tensor, areas: Tensor | None = None) -> Tensor:
    """f_min, f_max and f_ave (3, A) px of points (n, 2)."""
    distances = torch.cdist(anchors.to(points), points, compute_mode="donot_use_mm_for_euclid_dist")
    mean = distances.mean(dim=1) if areas is None else distances @ (areas / areas.sum())
    return torch.stack([distances.amin(dim=1), distances.amax(dim=1), mean])


def slow_loss(
    projected: Sequence[Tensor],
    masks: NDArray[np.bool_],
    weights: Sequence[float] | None = None,
    stride: int = 1,
) -> Tensor:
    """Eq. 6 for one image, from masks (P, H, W)."""
    anchors = pixel_grid(*masks.shape[1:], stride)
    total = torch.zeros((), dtype=projected[0].dtype)
    for part, (points, mask) in enumerate(zip(projected, masks, strict=True)):
        if len(points) and mask.any():
            rows, columns = np.nonzero(mask)
            pixels = torch.tensor(np.stack([columns + 0.5, rows + 0.5], axis=1)).to(points)
            found = slow_descriptors(points, anchors)
            apart = (found - slow_descriptors(pixels, anchors)).square().sum(dim=0).mean()
            total = total + apart * (1.0 if weights is None else weights[part])
    return total


def ellipse_mask(
    size: int, centre: tuple[float, float], axes: tuple[float, float]
) -> NDArray[np.bool_]:
    """Pixels (size, size) whose centres lie in an ellipse, px."""
    rows, columns = np.mgrid[:size, :size] + 0.5
    return ((columns - centre[0]) / axes[0]) ** 2 + ((rows - centre[1]) / axes[1]) ** 2 < 1


def ellipse_points(
    count: int, centre: tuple[float, float], axes: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """Points (count, 2) float64 px spread at random in an ellipse."""
    radius = torch.rand(count, generator=generator, dtype=torch.float64).sqrt()
    angle = 2 * torch.pi * torch.rand(count, generator=generator, dtype=torch.float64)
    unit = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return unit * torch.tensor(axes, dtype=torch.float64) + torch.tensor(
        centre, dtype=torch.float64
    )


def slow_apart(projected: Sequence[Tensor], descriptors: Tensor) -> Tensor:
    """Eq. 6 for one image, from the targets' descriptors (P, 3, H, W)."""
    anchors = pixel_grid(*descriptors.shape[2:]).to(descriptors)
    pairs = zip(projected, descriptors.flatten(2), strict=True)
    return torch.stack(
        [
            (slow_descriptors(points, anchors) - wanted).square().sum(dim=0).mean()
            for points, wanted in pairs
        ]
    ).sum()


def slow_farthest_points(
    points: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Farthest point sampling in plain Python, with the draws of ``farthest_points``."""
    extent = (np.ptp(points, axis=0) ** 2).sum()
    luck = (rng.random(len(points)) * 1e-9 * extent).tolist()
    latest = int(rng.integers(len(points)))
    places = [tuple(place) for place in points.tolist()]
    far = [float("inf")] * len(points)
    chosen = [latest]
    while len(chosen) < count:
        x, y = places[latest]
        for number, place in enumerate(places):
            dx, dy = place[0] - x, place[1] - y
            squared = dx * dx + dy * dy + luck[number]
            if squared < far[number]:  # noqa: PLR1730 - a call of min takes twice as long
                far[number] = squared
        far[latest] = -1.0
        latest = max(range(len(places)), key=far.__getitem__)
        chosen.append(latest)
    return np.array(chosen)
