"""Openings of the eyes and the mouth, and heights of the brows, from the face mesh."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets

_RIGHT_BROW_OVER_LID: Final = ((52, 159), (65, 158))
_LEFT_BROW_OVER_LID: Final = ((282, 386), (295, 385))


class AspectRatios(NamedTuple):
    """Opening over width; eyes are the subject's."""

    eye_left: float
    eye_right: float
    mouth: float


def aspect_ratios(landmarks_478: NDArray[np.float32]) -> AspectRatios:
    """Aspect ratios of the eyes and the mouth from points (478, 2 or 3), px.

    Eyes: EAR, equation 1 of Soukupova and Cech 2016, (|p2 p6| + |p3 p5|) / (2 |p1 p4|). Mouth: the
    same over the three inner pairs of iBUG-68, (|61 67| + |62 66| + |63 65|) / (3 |60 64|).
    """
    points = sets.ibug68(landmarks_478)[:, :2].astype(np.float64)
    return AspectRatios(
        _ratio(points[sets.IBUG_LEFT_EYE]),
        _ratio(points[sets.IBUG_RIGHT_EYE]),
        _ratio(points[sets.IBUG_INNER_LIPS]),
    )


def brow_height(landmarks_478: NDArray[np.float32]) -> float:
    """Mean distance of the inner brows from the upper lids, of the outer eye-corner distance.

    Falls with a frown (FACS action unit 4, brow lowerer).
    """
    points = landmarks_478[:, :2].astype(np.float64)
    pairs = np.array(_RIGHT_BROW_OVER_LID + _LEFT_BROW_OVER_LID)
    gaps = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    return float(gaps.mean() / sets.outer_eye_distance(sets.ibug68(points)))


def _ratio(loop: NDArray[np.float64]) -> float:
    """Mean height over width of a loop that starts at a corner and has the other half-way round."""
    half = len(loop) // 2
    heights = np.linalg.norm(loop[1:half] - loop[:half:-1], axis=1)
    return float(heights.mean() / np.linalg.norm(loop[0] - loop[half]))
