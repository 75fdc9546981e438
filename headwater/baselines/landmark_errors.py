"""Errors of detected landmarks on a template's own points: their mean and their covariance.

A detector's errors are far from independent: the jaw line slides as a whole, and the points of a
lip move together. As one normal distribution of all 68 they are measured on rendered heads, whose
true landmarks are known (as the noise of a Gaussian likelihood, Blanz et al. 2004, section 3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import (
    IBUG68_FROM_478,
    IBUG_JAW,
    MIRROR_PARTNERS,
    outer_eye_distance,
)
from headwater.geometry.cameras import Camera, project
from headwater.metrics.strata import yaw_degrees

# Assumed where too few views are known, of the outer eye-corner distance.
POINT_SPREAD: Final = 0.025
# The jaw line of a turned face is a silhouette rather than a fixed set of points.
JAW_WEIGHT: Final = 0.3
# At this yaw errors have doubled.
TURN_DEGREES: Final = 30.0
# A covariance of 136 numbers takes as many views, or nearly, even when shrunk.
FEWEST_VIEWS: Final = 100
SHRINKAGE: Final = 0.1
# Root mean square error, in units of a view's spread, beyond which something else was detected.
MISDETECTED: Final = 0.12

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]

_POINTS: Final = len(IBUG68_FROM_478)
_SIDE: Final = {int(point): row for row, point in enumerate(IBUG68_FROM_478)}
_PARTNERS: Final = np.array([_SIDE[int(MIRROR_PARTNERS[point])] for point in IBUG68_FROM_478])


@dataclass(frozen=True)
class LandmarkView:
    """Landmarks of one image, (68, 2) px in iBUG-68 order, and its camera from the head frame."""

    landmarks_68_px: FloatArray
    camera: Camera

    @cached_property
    def upright(self) -> Float64Array:
        """(2, 2) px of the image to spreads of this view, along axes in which the head stands up.

        A spread is the distance of the outer eye corners, and the more of it the further the head
        is turned.
        """
        x, y = self.camera.R[:2, 1]
        length = np.hypot(x, y)
        # Seen from straight above no direction is up.
        sine, cosine = (x / length, -y / length) if length > 1e-6 else (0.0, 1.0)
        eyes = outer_eye_distance(np.asarray(self.landmarks_68_px, dtype=np.float32))
        growth = 1.0 + (yaw_degrees(self.camera.R) / TURN_DEGREES) ** 2
        return np.array([[cosine, sine], [-sine, cosine]]) / (eyes * growth)


@dataclass(frozen=True)
class LandmarkErrors:
    """Normal distribution of the errors of 68 landmarks, in a view's spreads and upright axes.

    mean: (68, 2). covariance: (136, 136), of x and y of the first landmark, then of the second.
    """

    mean: Float64Array
    covariance: Float64Array

    @cached_property
    def deviations(self) -> Float64Array:
        """(68, 1) root mean square standard deviation of a landmark's two errors."""
        variances = np.diag(self.covariance).reshape(_POINTS, 2)
        return np.sqrt(variances.mean(axis=1, keepdims=True))

    @cached_property
    def whitening(self) -> Float64Array:
        """(136, 136): errors times it are independent, of variance 1."""
        return np.linalg.inv(np.linalg.cholesky(self.covariance))


def assumed_errors() -> LandmarkErrors:
    """Independent errors of one size, those of the jaw line larger."""
    weights = np.ones(_POINTS)
    weights[IBUG_JAW] = JAW_WEIGHT
    variances = (POINT_SPREAD / weights) ** 2
    return LandmarkErrors(np.zeros((_POINTS, 2)), np.diag(np.repeat(variances, 2)))


def measured_errors(views: Iterable[tuple[LandmarkView, FloatArray]]) -> LandmarkErrors:
    """Errors over views whose true landmarks (68, 3) are known, mm, head frame.

    Of each view and of its mirror image, so that both sides err alike. Views in which something
    else was taken for the face are left out; the covariance is shrunk towards its diagonal. Fewer
    than ``FEWEST_VIEWS`` give the assumed errors.
    """
    errors = [_error(view, truth) for view, truth in views]
    known = [one for one in errors if np.sqrt(np.square(one).mean()) < MISDETECTED]
    if len(known) < FEWEST_VIEWS:
        return assumed_errors()
    both = np.stack([*known, *_mirrored(known)]).reshape(2 * len(known), -1)
    mean = both.mean(axis=0)
    covariance = (both - mean).T @ (both - mean) / len(both)
    covariance *= 1.0 - SHRINKAGE
    covariance[np.diag_indices_from(covariance)] /= 1.0 - SHRINKAGE
    return LandmarkErrors(mean.reshape(_POINTS, 2), covariance)


def _error(view: LandmarkView, truth_mm: FloatArray) -> Float64Array:
    true_px, _ = project(view.camera, truth_mm)
    error: Float64Array = (view.landmarks_68_px - true_px) @ view.upright.T
    return error


def _mirrored(errors: Sequence[Float64Array]) -> list[Float64Array]:
    return [one[_PARTNERS] * [-1.0, 1.0] for one in errors]
