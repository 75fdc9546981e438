"""A face of three ellipses: masks, points off their places, and the targets of PRDL."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.systems.prdl.part_distances import PartTargets
from tests.systems.prdl.slow_prdl import ellipse_mask, ellipse_points

SIZE = 72
# Centre and axes of an eye, a lip and the skin, and how far each is from where it should be.
PARTS = (((22.0, 30.0), (8.0, 3.0)), ((36.0, 52.0), (12.0, 3.5)), ((36.0, 36.0), (25.0, 32.0)))
COUNTS = (60, 110, 500)
OFFSET = (2.2, -1.4)


def masks_of() -> NDArray[np.bool_]:
    return np.stack([ellipse_mask(SIZE, *part) for part in PARTS])


def points_of(dtype: torch.dtype = torch.float64, seed: int = 0) -> list[Tensor]:
    """Points of the three parts, off their places, that want a gradient."""
    generator = torch.Generator().manual_seed(seed)
    points = [
        ellipse_points(count, (x + OFFSET[0], y + OFFSET[1]), axes, generator)
        for count, ((x, y), axes) in zip(COUNTS, PARTS, strict=True)
    ]
    return [one.to(dtype).requires_grad_() for one in points]


def gradients(loss: Tensor, points: list[Tensor]) -> Tensor:
    return torch.cat(torch.autograd.grad(loss, points, materialize_grads=True))


def apart(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def exact_targets(masks: NDArray[np.bool_] | None = None) -> PartTargets:
    return PartTargets.of_masks(masks_of() if masks is None else masks, dtype=torch.float64)
