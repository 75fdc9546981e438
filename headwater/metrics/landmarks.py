"""Landmark error, normalised by the distance of the outer eye corners."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import (
    IBUG_LEFT_OUTER_EYE_CORNER,
    IBUG_RIGHT_OUTER_EYE_CORNER,
    outer_eye_distance,
)


def normalised_mean_error(
    predicted: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]]
) -> float:
    """Mean distance of 68 landmarks divided by the outer inter-ocular distance of ``truth``.

    predicted, truth: (68, 2) or (68, 3) in one unit, iBUG-68 order. Returns a fraction; NaN when
    a landmark is missing (NaN), never a mean over those that happen to be there.
    """
    if predicted.shape != truth.shape or predicted.shape[0] != 68:
        raise ValueError(f"need two (68, d) arrays, got {predicted.shape} and {truth.shape}")
    return float(np.linalg.norm(predicted - truth, axis=1).mean() / outer_eye_distance(truth))


def seen_mean_error(
    predicted: NDArray[np.floating[Any]], detected: NDArray[np.floating[Any]]
) -> float:
    """``normalised_mean_error`` over the landmarks that a photo shows.

    detected: (68, 2), NaN for the landmarks that lie outside the photo. Where an outer eye corner
    does, the predicted ones tell the distance. NaN where no landmark was detected.
    """
    seen = np.isfinite(detected).all(axis=1)
    if seen.all():
        return normalised_mean_error(predicted, detected)
    if not seen.any():
        return float("nan")
    corners = seen[[IBUG_RIGHT_OUTER_EYE_CORNER, IBUG_LEFT_OUTER_EYE_CORNER]].all()
    eyes = outer_eye_distance(detected if corners else predicted)
    return float(np.linalg.norm(predicted - detected, axis=1)[seen].mean() / eyes)
