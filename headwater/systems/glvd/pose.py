"""The camera of a photo, refined against landmarks of a reconstructed head."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

FloatArray = NDArray[np.floating[Any]]


def project_mm(
    points: FloatArray, intrinsics: FloatArray, rotation: FloatArray, translation: FloatArray
) -> NDArray[np.float64]:
    """Pixels (n, 2) of head-frame points (n, 3) mm."""
    camera = points.astype(np.float64) @ rotation.T + translation
    pixels = camera @ intrinsics.T
    return np.asarray(pixels[:, :2] / pixels[:, 2:])


def refine_pose(
    points: FloatArray,
    pixels: FloatArray,
    intrinsics: FloatArray,
    rotation: FloatArray,
    translation: FloatArray,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rotation (3, 3) and translation (3,) mm that best project points (n, 3) mm to pixels (n, 2).

    Robust least squares from the given pose; the robust scale is 2 % of the points' extent.
    """
    scale = 0.02 * float(np.ptp(pixels, axis=0).max())
    depth = float(translation[2])

    def pose(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        turn = Rotation.from_rotvec(x[:3]).as_matrix() @ rotation
        return turn, translation + depth * x[3:]

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        turn, shift = pose(x)
        return (project_mm(points, intrinsics, turn, shift) - pixels).ravel() / scale

    found = least_squares(residuals, np.zeros(6), loss="soft_l1", x_scale="jac")
    turn, shift = pose(found.x)
    return turn.astype(np.float32), shift.astype(np.float32)
