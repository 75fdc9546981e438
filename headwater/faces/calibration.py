"""The camera of a single frame, by PnP of its 68 landmarks against a head model's.

Start: SQPnP (Terzakis & Lourakis 2020) with a focal length that puts the head at the usual
distance. Then robust least squares over pose and focal length. One face hardly tells focal length
from distance, so the logarithm of the distance is drawn to its prior; with a known focal length
only the pose is solved. Points of the jaw and the lips count less: they move with the expression,
and the jaw line of a turned face is a silhouette rather than a fixed set of points.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from headwater.errors import ItemRejected
from headwater.faces.landmark_sets import outer_eye_distance
from headwater.reject_reasons import RejectReason

# Portraits and selfies are taken from 0.4 to 2.5 m: twice the spread below on either side.
PRIOR_DISTANCE_MM: Final = 1000.0
PRIOR_LOG_SPREAD: Final = 0.5

# Deviation of a person's landmarks from the model's, of the outer eye-corner distance.
_POINT_SPREAD: Final = 0.04
_TOLERANCE: Final = 1e-7
_MAX_NME_PERCENT: Final = 15.0
_MIN_DISTANCE_MM: Final = 120.0

_WEIGHTS: Final = np.ones(68)
_WEIGHTS[:17] = 0.3
_WEIGHTS[48:] = 0.5
_WEIGHTS.setflags(write=False)

_NO_DISTORTION: Final = np.zeros(4)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A pinhole camera, x_cam = rotation x_head + translation.

    intrinsics: (3, 3) px. rotation: (3, 3) proper. translation: (3,) mm. reprojection_error_px:
    mean over the 68 landmarks; nme_percent: the same, of the outer eye-corner distance.
    """

    intrinsics: FloatArray
    rotation: FloatArray
    translation: FloatArray
    reprojection_error_px: float
    nme_percent: float


def calibrate(
    landmarks68_px: NDArray[np.float32],
    points68_mm: NDArray[np.float32],
    principal_px: tuple[float, float],
    focal_px: float | None = None,
) -> Calibration:
    """Camera that sees ``points68_mm`` (68, 3), head frame, at ``landmarks68_px`` (68, 2).

    principal_px is the photo's middle in px of the frame; focal_px the focal length, if known.
    Raises ``ItemRejected`` (camera_failed) if the landmarks are not finite, no pose with the face
    before the camera fits, or the mean error is above 15 % of the outer eye-corner distance.
    """
    image = landmarks68_px.astype(np.float64)
    model = points68_mm.astype(np.float64)
    eyes = outer_eye_distance(landmarks68_px)
    if not np.isfinite(image).all() or not eyes > 0:
        raise _failure("the landmarks are not finite")
    start_focal = focal_px or _usual_focal(image, model)
    pose = _start(image, model, _intrinsics(start_focal, principal_px))
    free = focal_px is None
    parameters = np.append(pose, np.log(start_focal))[: 7 if free else 6]
    problem = _Problem(image, model, principal_px, _POINT_SPREAD * eyes, start_focal)
    solution = least_squares(
        problem.residuals,
        parameters,
        problem.jacobian,
        loss="soft_l1",
        ftol=_TOLERANCE,
        xtol=_TOLERANCE,
        max_nfev=60,
    ).x
    return problem.calibration(solution, eyes)


@dataclass(frozen=True)
class _Problem:
    """Weighted reprojection; parameters are rotation vector, translation and log focal length."""

    image: FloatArray
    model: FloatArray
    principal: tuple[float, float]
    spread_px: float
    known_focal: float

    def focal(self, parameters: FloatArray) -> float:
        """Focal length, px: the last parameter of seven, or the known one."""
        return float(np.exp(parameters[6])) if len(parameters) == 7 else self.known_focal

    def project(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points (68, 2) px and their derivatives (136, 7)."""
        focal = self.focal(parameters)
        intrinsics = _intrinsics(focal, self.principal)
        points, slopes = cv2.projectPoints(
            self.model, parameters[:3], parameters[3:6], intrinsics, _NO_DISTORTION
        )
        slopes = np.asarray(slopes, dtype=np.float64)
        by_log_focal = (slopes[:, 6] + slopes[:, 7]) * focal
        seen = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        return seen, np.column_stack([slopes[:, :6], by_log_focal])

    def residuals(self, parameters: FloatArray) -> FloatArray:
        """Errors (136) of the landmarks over their spread, then that of the distance prior."""
        points, _ = self.project(parameters)
        errors = (points - self.image) * (_WEIGHTS / self.spread_px)[:, None]
        distance = np.log(max(parameters[5], 1.0) / PRIOR_DISTANCE_MM) / PRIOR_LOG_SPREAD
        return np.append(errors.ravel(), distance if len(parameters) == 7 else 0.0)

    def jacobian(self, parameters: FloatArray) -> FloatArray:
        """Derivatives (137, 6 or 7) of ``residuals`` by the parameters."""
        _, slopes = self.project(parameters)
        weighted = slopes * np.repeat(_WEIGHTS / self.spread_px, 2)[:, None]
        prior = np.zeros((1, 7))
        if len(parameters) == 7 and parameters[5] > 1:
            prior[0, 5] = 1.0 / (parameters[5] * PRIOR_LOG_SPREAD)
        return np.vstack([weighted, prior])[:, : len(parameters)]

    def calibration(self, parameters: FloatArray, eyes: float) -> Calibration:
        """Checked result; ``eyes`` is the outer eye-corner distance in px."""
        rotation = np.asarray(cv2.Rodrigues(parameters[:3])[0], dtype=np.float64)
        translation = parameters[3:6].copy()
        depths = self.model @ rotation[2] + translation[2]
        if depths.min() < _MIN_DISTANCE_MM or rotation[2, 2] >= 0:
            raise _failure("the face would be behind the camera or turned away from it")
        error = float(np.linalg.norm(self.project(parameters)[0] - self.image, axis=1).mean())
        percent = 100.0 * error / eyes
        if not percent <= _MAX_NME_PERCENT:
            raise _failure(
                f"the landmarks are missed by {percent:.1f} % of the eye distance on average"
            )
        intrinsics = _intrinsics(self.focal(parameters), self.principal)
        return Calibration(intrinsics, rotation, translation, error, percent)


def _intrinsics(focal: float, principal: tuple[float, float]) -> FloatArray:
    return np.array([[focal, 0.0, principal[0]], [0.0, focal, principal[1]], [0.0, 0.0, 1.0]])


def _usual_focal(image: FloatArray, model: FloatArray) -> float:
    """Focal length, px, that shows the model at its size in the image from the prior distance."""
    # Of an affine camera's two rows, the longer is shortened least by noise and turning.
    centred = model - model.mean(axis=0)
    rows = np.linalg.lstsq(centred, image - image.mean(axis=0), rcond=None)[0].T
    return float(np.linalg.norm(rows, axis=1).max()) * PRIOR_DISTANCE_MM


def _start(image: FloatArray, model: FloatArray, intrinsics: FloatArray) -> FloatArray:
    """Rotation vector and translation (6,) by SQPnP."""
    found, turn, shift = cv2.solvePnP(
        model, image, intrinsics, _NO_DISTORTION, flags=cv2.SOLVEPNP_SQPNP
    )
    if not found or not (np.isfinite(turn).all() and np.isfinite(shift).all()):
        raise _failure("no starting pose was found")
    return np.concatenate([turn.ravel(), shift.ravel()])


def _failure(why: str) -> ItemRejected:
    return ItemRejected(RejectReason.CAMERA_FAILED, f"No camera fits the landmarks: {why}.")
