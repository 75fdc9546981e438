"""Face alignment as AFLW2000-3D judges it: the normalised mean error of points, by yaw.

Zhu, Lei, Liu, Shi and Li (CVPR 2016), and what later papers measure under the same name.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

# Origin of depths, which an image does not tell: their least (3DDFA, 2DASL) or their mean
# (SADRNet).
DepthOrigin = Literal["least", "mean"]
# Largest yaw, degrees, of the first two bins; the third has all others.
YAW_LIMITS: Final = (30.0, 60.0)
YAW_BINS: Final = ("0 to 30", "30 to 60", "60 to 90")


@dataclass(frozen=True)
class ByYaw:
    """Mean error of each bin of yaw, NaN of an empty one, and the number of its pictures."""

    errors: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def mean(self) -> float:
        """The published figure: the mean of the bins' means, NaN where one is empty."""
        return float(np.mean(self.errors))


def box_size(points: FloatArray) -> float:
    """Square root of the area of the bounding box of points (n, 2 or 3), in their unit."""
    width, height = np.ptp(np.asarray(points, np.float64)[:, :2], axis=0)
    return float(np.sqrt(width * height))


def alignment_nme(found: FloatArray, truth: FloatArray, size: float) -> float:
    """Mean distance of corresponding points (n, 2), or (n, 3) with depth, divided by ``size``.

    size: ``box_size`` of the true 68 points, also for other points.
    """
    apart = np.asarray(found, np.float64) - np.asarray(truth, np.float64)
    return float(np.linalg.norm(apart, axis=1).mean() / size)


def from_depth_origin(points: FloatArray, origin: DepthOrigin) -> NDArray[np.float64]:
    """Points (n, 3) with depths relative to their least or to their mean."""
    moved = np.array(points, np.float64)
    moved[:, 2] -= moved[:, 2].min() if origin == "least" else moved[:, 2].mean()
    return moved


def by_yaw(errors: FloatArray, yaw_degrees: FloatArray) -> ByYaw:
    """Mean errors by yaw of errors (n,) of pictures with yaws (n,), whose sign does not count."""
    number = np.searchsorted(YAW_LIMITS, np.abs(yaw_degrees), side="left")
    groups = [np.asarray(errors, np.float64)[number == one] for one in range(len(YAW_BINS))]
    return ByYaw(
        tuple(float(group.mean()) if len(group) else float("nan") for group in groups),
        tuple(len(group) for group in groups),
    )
