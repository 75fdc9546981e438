"""Relative encodings P: the place of a vertex among the keypoints of the moment.

The paper names Euclidean distances and no formula, so the readings are a switch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

_TINY: Final = 1e-8
_OCTAVES: Final = 3
GAUSS_SIGMA: Final = 0.3
# KeypointNeRF's 0.1 m.
KPNERF_SIGMA: Final = 1.0


@dataclass(frozen=True)
class RelativeEncoding:
    """encode: vertices (B, Q, 3), keypoints (B, K, 3), projection (B, N, 3, 4) -> (B, Q, width K).

    All in canonical units; width: numbers per keypoint.
    """

    encode: Callable[[Tensor, Tensor, Tensor], Tensor]
    width: int


def distances(vertices: Tensor, keypoints: Tensor) -> Tensor:
    """Equation 3: Euclidean distances (B, Q, K); the gradient is finite at zero."""
    # A sum over three numbers that lie side by side takes three times as long, for the same bits.
    x, y, z = ((vertices[:, :, None, i] - keypoints[:, None, :, i]) ** 2 for i in range(3))
    return torch.sqrt(x + y + z + _TINY)


def waves(values: Tensor) -> Tensor:
    """Positional encoding (..., 7) of (...): the value, sin and cos at pi, 2 pi and 4 pi."""
    octaves = torch.arange(_OCTAVES, dtype=values.dtype, device=values.device)
    angles = values[..., None] * (math.pi * 2.0**octaves)
    return torch.cat([values[..., None], angles.sin(), angles.cos()], dim=-1)


def _dist(vertices: Tensor, keypoints: Tensor, projection: Tensor) -> Tensor:
    return distances(vertices, keypoints)


def _dist_pe(vertices: Tensor, keypoints: Tensor, projection: Tensor) -> Tensor:
    return waves(distances(vertices, keypoints)).flatten(2)


def _gauss(vertices: Tensor, keypoints: Tensor, projection: Tensor) -> Tensor:
    return torch.exp(-0.5 * (distances(vertices, keypoints) / GAUSS_SIGMA) ** 2)


def _offset(vertices: Tensor, keypoints: Tensor, projection: Tensor) -> Tensor:
    return (vertices[:, :, None, :] - keypoints[:, None, :, :]).flatten(2)


def _kpnerf(vertices: Tensor, keypoints: Tensor, projection: Tensor) -> Tensor:
    """KeypointNeRF's: depth differences in a camera, as waves, fading with distance; view mean."""
    depth_axis = projection[:, :, 2, :3]
    offsets = vertices[:, :, None, :] - keypoints[:, None, :, :]
    depths = torch.einsum("bnc,bqkc->bnqk", depth_axis, offsets)
    near = torch.exp(-0.5 * (distances(vertices, keypoints) / KPNERF_SIGMA) ** 2)
    return (waves(depths).mean(dim=1) * near[..., None]).flatten(2)


RELATIVE_ENCODINGS: Final = MappingProxyType(
    {
        "dist": RelativeEncoding(_dist, 1),
        "dist_pe": RelativeEncoding(_dist_pe, 1 + 2 * _OCTAVES),
        "gauss": RelativeEncoding(_gauss, 1),
        "offset": RelativeEncoding(_offset, 3),
        "kpnerf": RelativeEncoding(_kpnerf, 1 + 2 * _OCTAVES),
    }
)
