"""Landmark error, normalised by the distance of the outer eye corners."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

RIGHT_OUTER_EYE_CORNER, LEFT_OUTER_EYE_CORNER = 36, 45  # iBUG-68, zero-based


def normalised_mean_error(
    predicted: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]]
) -> float:
    """Mean distance of 68 landmarks divided by the outer inter-ocular distance of ``truth``.

    predicted, truth: (68, 2) or (68, 3) in one unit, iBUG-68 order. Returns a fraction; NaN when
    a landmark is missing (NaN), never a mean over those that happen to be there.
    """
    if predicted.shape != truth.shape or predicted.shape[0] != 68:
        raise ValueError(f"need two (68, d) arrays, got {predicted.shape} and {truth.shape}")
    scale = np.linalg.norm(truth[RIGHT_OUTER_EYE_CORNER] - truth[LEFT_OUTER_EYE_CORNER])
    return float(np.linalg.norm(predicted - truth, axis=1).mean() / scale)
