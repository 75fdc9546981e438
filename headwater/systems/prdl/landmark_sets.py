"""The sets of landmarks that PRDL compares: the 68 of iBUG, or the paper's 240."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from torch import Tensor

from headwater.faces.landmarks_240 import (
    COUNT_240,
    DENSE_134,
    EYES_106,
    LIPS_106,
    MIRROR_PARTNERS_240,
    POINTS_240,
    SHARES_240,
)
from headwater.faces.vocabulary import IBUG68_FROM_478, IBUG_INNER_LIPS, MIRROR_PARTNERS
from headwater.heads.model import SurfacePoints

# Deep3D's weights of the 68 landmarks: the nose's lower bridge and the inner lips count more. The
# paper gives none for its 240; eyes and lips count more there.
_HEAVY_68, _HEAVY_240 = 20.0, 5.0
_HEAVY_NOSE: Final = slice(28, 31)
_DENSE_BROWS: Final = slice(DENSE_134.start + 44, DENSE_134.start + 70)


@dataclass(frozen=True)
class LandmarkSet:
    """n landmarks as mixes of the 478 points.

    points: (n, k) int64 numbers among the 478, and shares (n, k) float32, each row of which sums to
    1. partners: (n,) int64, each landmark's mirror image. weights: (n,) float32, in the loss.
    marching: which of the 33 points of the contour the first landmarks are.
    """

    points: Tensor
    shares: Tensor
    partners: Tensor
    weights: Tensor
    marching: slice

    def of(self, landmarks_478: Tensor) -> Tensor:
        """The landmarks (..., n, D) of points (..., 478, D); NaN where one of their points is."""
        return (landmarks_478[..., self.points, :] * self.shares[..., None]).sum(dim=-2)

    def on(self, landmarks_478: SurfacePoints) -> tuple[Tensor, Tensor]:
        """Vertices (n, 3 k) int64 of a topology, and their weights (n, 3 k), for each landmark."""
        corners = torch.from_numpy(landmarks_478.triangles.astype(np.int64))[self.points]
        within = torch.from_numpy(landmarks_478.weights)[self.points]
        return corners.flatten(1), (within * self.shares[..., None]).flatten(1)


def _ibug68() -> LandmarkSet:
    own = IBUG68_FROM_478.astype(np.int64)
    row = np.full(len(MIRROR_PARTNERS), -1)
    row[own] = np.arange(len(own))
    weights = torch.ones(len(own))
    weights[_HEAVY_NOSE] = weights[IBUG_INNER_LIPS] = _HEAVY_68
    return LandmarkSet(
        torch.from_numpy(own)[:, None],
        torch.ones(len(own), 1),
        torch.from_numpy(row[MIRROR_PARTNERS[own]]),
        weights,
        slice(None, None, 2),
    )


def _paper240() -> LandmarkSet:
    weights = torch.ones(COUNT_240)
    weights[EYES_106] = weights[LIPS_106] = weights[DENSE_134] = _HEAVY_240
    weights[_DENSE_BROWS] = 1.0
    return LandmarkSet(
        torch.from_numpy(POINTS_240.astype(np.int64)),
        torch.from_numpy(SHARES_240.copy()),
        torch.from_numpy(MIRROR_PARTNERS_240.astype(np.int64)),
        weights,
        slice(None),
    )


# Sets by their number of landmarks.
LANDMARK_SETS: Final[Mapping[int, LandmarkSet]] = MappingProxyType(
    {68: _ibug68(), COUNT_240: _paper240()}
)
