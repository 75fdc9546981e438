"""Training images warped as if they showed other people: landmarks and parts move along.

A few hundred heads are too few to learn shape from, but PRDL learns from no true shape: an image
that is pulled to where the landmarks of another identity would lie is as good an example as the
first. The way of every pixel is interpolated between the landmarks' by Gaussians.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from headwater.systems.prdl.data import Examples

# Reach of a landmark, of the side of the crop, and what is added to the system's diagonal.
_REACH: Final = 0.16
_SMOOTHING: Final = 0.02
# Cells of a side on which ways are found; those of pixels lie between.
_CELLS: Final = 20


def warped(examples: Examples, moved: Tensor) -> Examples:
    """Examples whose landmarks lie ``moved`` (B, m, 2) px from where they were.

    Landmarks that are not seen move nothing.
    """
    side = examples.pixels.shape[1]
    seen = (examples.landmarks.isfinite() & moved.isfinite()).all(dim=2)
    moved = torch.where(seen[..., None], moved, torch.zeros_like(moved))
    landmarks = examples.landmarks + moved
    way = _field(torch.where(seen[..., None], landmarks, -10.0 * side), moved, side)
    places = (torch.arange(side) + 0.5) * (2.0 / side) - 1.0
    y, x = torch.meshgrid(places, places, indexing="ij")
    grid = torch.stack([x, y], dim=-1) - way.movedim(1, -1) * (2.0 / side)
    pixels = functional.grid_sample(
        examples.pixels.movedim(-1, 1).float(), grid, padding_mode="border", align_corners=False
    )
    parts = functional.grid_sample(
        examples.parts[:, None].float(), grid, "nearest", align_corners=False
    )
    return Examples(
        pixels.round().clamp(0, 255).to(torch.uint8).movedim(1, -1),
        parts[:, 0].to(torch.uint8),
        landmarks,
        examples.projection,
    )


def _field(points: Tensor, moved: Tensor, side: int) -> Tensor:
    """Ways (B, 2, side, side) px that take ``moved`` (B, n, 2) at points (B, n, 2) px."""
    reach = _REACH * side
    weights = torch.exp(-torch.cdist(points, points).square() / (2 * reach**2))
    weights = weights + _SMOOTHING * torch.eye(points.shape[1])
    shares = torch.linalg.solve(weights, moved)
    middle = (torch.arange(_CELLS) + 0.5) * (side / _CELLS)
    y, x = torch.meshgrid(middle, middle, indexing="ij")
    cells = torch.stack([x, y], dim=-1).reshape(1, -1, 2).expand(len(points), -1, -1)
    near = torch.exp(-torch.cdist(cells, points).square() / (2 * reach**2))
    coarse = (near @ shares).transpose(1, 2).unflatten(2, (_CELLS, _CELLS))
    return functional.interpolate(coarse, size=(side, side), mode="bilinear", align_corners=False)
