"""Landmark error, normalised by the distance of the outer eye corners."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import outer_eye_distance


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
