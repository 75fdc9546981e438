"""Normals, and Lambertian shading by second-order spherical harmonics (Ramamoorthi, Hanrahan)."""

from math import pi, sqrt
from typing import Final

import torch
from torch import Tensor

BANDS: Final = 9
_A: Final = (pi, 2 * pi / sqrt(3), 2 * pi / sqrt(8))
_C: Final = (1 / sqrt(4 * pi), sqrt(3) / sqrt(4 * pi), 3 * sqrt(5) / sqrt(12 * pi))


def harmonics(normals: Tensor) -> Tensor:
    """The 9 harmonics (..., 9) at unit normals (..., 3), weighted for a Lambertian surface."""
    x, y, z = normals.unbind(dim=-1)
    one, two, three = (a * c for a, c in zip(_A, _C, strict=True))
    return torch.stack(
        [
            one * torch.ones_like(x),
            -two * y,
            two * z,
            -two * x,
            three * x * y,
            -three * y * z,
            0.5 / sqrt(3) * three * (3 * z**2 - 1),
            -three * x * z,
            0.5 * three * (x**2 - y**2),
        ],
        dim=-1,
    )


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Unit normals (B, V, 3), weighted by the areas of the faces (F, 3) round each vertex."""
    a, b, c = (vertices[:, faces[:, corner]] for corner in range(3))
    across = torch.cross(b - a, c - a, dim=-1)
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total = total.index_add(1, faces[:, corner], across)
    return torch.nn.functional.normalize(total, dim=-1, eps=1e-12)
