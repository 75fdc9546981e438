"""Lambertian shading by second-order spherical harmonics, eq. 2 of the paper."""

from typing import Final

import torch
from torch import Tensor

from headwater.networks.shading import BANDS, harmonics

# Deep3D's first light, on the constant band.
FIRST_LIGHT: Final = 0.8


def shaded(texture: Tensor, normals: Tensor, light: Tensor) -> Tensor:
    """Colours (B, V, 3) of a texture (B, V, 3) with unit normals (B, V, 3).

    light: (B, 27), 9 bands of red, of green and of blue, beside the first light.
    """
    bands = light.unflatten(1, (3, BANDS))
    first = torch.zeros(BANDS, device=light.device, dtype=light.dtype)
    first[0] = FIRST_LIGHT
    return texture * (harmonics(normals) @ (bands + first).transpose(1, 2))
