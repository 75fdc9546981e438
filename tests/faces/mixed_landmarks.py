"""The 240 landmarks as mixes of the 478 points, by their table."""

import numpy as np

from headwater.faces.landmarks_240 import POINTS_240, SHARES_240

# From the subject's right ear over the chin, row 16, to the left ear.
CONTOUR_240 = slice(0, 33)


def landmarks_240(points: np.ndarray) -> np.ndarray:
    """The 240 points (..., 240, D) of 478 points (..., 478, D)."""
    return (points[..., POINTS_240, :] * SHARES_240[..., None]).sum(axis=-2)
