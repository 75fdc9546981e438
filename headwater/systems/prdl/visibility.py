"""The part of a posed face that its image shows, and colours that gradients pass through.

Which triangle a pixel shows is found by a z-buffer and held; where on it, and its colour, follow
from the vertices.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from headwater.geometry.rasterise import rasterise

# A point this far behind what its pixel's centre shows, in canonical units (5 mm), is hidden: less
# is the slope of the face within a pixel.
_HIDDEN: Final = 0.05


@dataclass(frozen=True)
class Shown:
    """triangle: (B, S, S) int64, -1 where no face is. depth: (B, S, S), infinite there."""

    triangle: Tensor
    depth: Tensor

    def visible(self, points: Tensor, depth: Tensor) -> Tensor:
        """(B, n) bool: points (B, n, 2) px at depth (B, n) that nothing of the face hides."""
        side = self.depth.shape[1]
        column, row = points.floor().long().clamp(0, side - 1).unbind(dim=-1)
        image = torch.arange(len(points), device=points.device)[:, None]
        return depth <= self.depth[image, row, column] + _HIDDEN


def shown_faces(points: Tensor, depth: Tensor, faces: Tensor, side: int) -> Shown:
    """Faces (F, 3) with corners (B, V, 2) px at depth (B, V), as seen in images of ``side`` px."""
    drawn = [
        rasterise(pixels, far, faces.cpu().numpy(), side, side)
        for pixels, far in zip(
            points.detach().cpu().numpy(), depth.detach().cpu().numpy(), strict=True
        )
    ]
    return Shown(
        torch.from_numpy(np.stack([one.triangle for one in drawn])).long().to(points.device),
        torch.from_numpy(np.stack([one.depth for one in drawn])).to(points.device),
    )


def rendered(
    colours: Tensor, points: Tensor, depth: Tensor, faces: Tensor, shown: Shown
) -> tuple[Tensor, Tensor]:
    """Colours (n, 3) of the n pixels that show a face, and which those are, (B, S, S) bool.

    colours: (B, V, 3), points: (B, V, 2) px and depth: (B, V) of the vertices.
    """
    seen = shown.triangle >= 0
    image, row, column = seen.nonzero(as_tuple=True)
    corners = faces[shown.triangle[seen]]
    at = image[:, None]
    a, b, c = points[at, corners].unbind(dim=1)
    centre = torch.stack([column, row], dim=1).to(points) + 0.5
    area = _cross(b - a, c - a)
    # A pixel's triangle is seen edge on in the limit only.
    area = torch.where(area.abs() < 1e-9, torch.full_like(area, 1e-9), area)
    second = _cross(centre - a, c - a) / area
    third = _cross(b - a, centre - a) / area
    flat = torch.stack([1.0 - second - third, second, third], dim=1)
    weights = flat / depth[at, corners]
    weights = weights / weights.sum(dim=1, keepdim=True)
    return (weights[..., None] * colours[at, corners]).sum(dim=1), seen


def _cross(first: Tensor, second: Tensor) -> Tensor:
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
