"""The camera of a photo, refined against landmarks of a reconstructed head."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from headwater.geometry.cameras import Camera, project

FloatArray = NDArray[np.floating[Any]]


def refined_camera(camera: Camera, points: FloatArray, pixels: FloatArray) -> Camera:
    """The camera turned and moved so that it projects points (n, 3) mm best to pixels (n, 2).

    Robust least squares from the given pose; the robust scale is 2 % of the points' extent.
    """
    scale = 0.02 * float(np.ptp(pixels, axis=0).max())
    depth = float(camera.t[2])

    def moved(x: NDArray[np.float64]) -> Camera:
        turn = Rotation.from_rotvec(x[:3]).as_matrix() @ camera.R
        return replace(camera, R=turn, t=camera.t + depth * x[3:])

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return (project(moved(x), points)[0] - pixels).ravel() / scale

    return moved(least_squares(residuals, np.zeros(6), loss="soft_l1", x_scale="jac").x)
