"""Relative encodings P: where a vertex stands among the keypoints of the moment."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

_TINY: Final = 1e-8


@dataclass(frozen=True)
class RelativeEncoding:
    """A function of vertices (B, Q, 3) and keypoints (B, K, 3), and its width for K keypoints."""

    encode: Callable[[Tensor, Tensor], Tensor]
    width: Callable[[int], int]


def distances(vertices: Tensor, keypoints: Tensor) -> Tensor:
    """Euclidean distances (B, Q, K) in canonical units; the gradient is finite at zero."""
    offsets = vertices[:, :, None, :] - keypoints[:, None, :, :]
    return torch.sqrt((offsets**2).sum(dim=-1) + _TINY)


RELATIVE_ENCODINGS: Final = MappingProxyType(
    {"dist": RelativeEncoding(encode=distances, width=lambda keypoints: keypoints)}
)
