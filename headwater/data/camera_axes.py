"""The axes that heads are predicted in: canonical, or, as in LVD, those of the first view's camera.

The origin and the unit stay the canonical ones. x points to the image's right, y up and z to the
camera, so that a head seen from the front has the same axes in both.
"""

from typing import Literal

import torch
from torch import Tensor

Space = Literal["canonical", "camera"]

_TO_OPENCV = torch.tensor([1.0, -1.0, -1.0])


def axes_of(space: Space, projection: Tensor) -> Tensor:
    """Rotations (B, 3, 3) from canonical axes to those of ``space``, for cameras (B, N, 3, 4)."""
    if space == "camera":
        return camera_axes(projection[:, 0])
    return torch.eye(3).to(projection).expand(len(projection), -1, -1)


def camera_axes(projection: Tensor) -> Tensor:
    """Rotations (B, 3, 3) from canonical axes to those of cameras (B, 3, 4).

    RQ decomposition of K R, for square pixels and no skew up to rounding.
    """
    flipped = projection[:, :, :3].flip(1).transpose(1, 2)
    q, r = torch.linalg.qr(flipped)
    signs = torch.sign(torch.diagonal(r, dim1=1, dim2=2))
    rotation = (q * signs[:, None, :]).transpose(1, 2).flip(1)
    return _TO_OPENCV.to(projection)[:, None] * rotation


def turned_cameras(projection: Tensor, axes: Tensor) -> Tensor:
    """Cameras (B, N, 3, 4) for points whose canonical axes were turned by ``axes`` (B, 3, 3)."""
    turned = projection[..., :3] @ axes.transpose(1, 2)[:, None]
    return torch.cat([turned, projection[..., 3:]], dim=-1)


def turned_points(points: Tensor, axes: Tensor) -> Tensor:
    """Points (B, ..., 3), canonical, in the axes (B, 3, 3) of cameras."""
    return torch.einsum("bij,b...j->b...i", axes, points)


def turned_back(points: Tensor, axes: Tensor) -> Tensor:
    """The inverse of ``turned_points``."""
    return turned_points(points, axes.transpose(1, 2))
