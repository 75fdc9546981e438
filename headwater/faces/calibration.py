"""The camera of a single frame, by PnP of its 68 landmarks against a head model's.

Start: SQPnP (Terzakis & Lourakis 2020) with a focal length that puts the head at the usual
distance. Then robust least squares over pose and focal length. One face hardly tells focal length
from distance, so the logarithm of the distance is drawn to its prior; with a known focal length
only the pose is solved, as in ``geometry.pose``.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.vocabulary import (
    IBUG_LEFT_OUTER_EYE_CORNER,
    IBUG_POSE_WEIGHTS,
    IBUG_RIGHT_OUTER_EYE_CORNER,
    outer_eye_distance,
)
from headwater.geometry.cameras import Camera
from headwater.geometry.pose import Sighting, solve_pose
from headwater.geometry.registration import Similarity
from headwater.geometry.robust_fit import robust_minimum
from headwater.reject_reasons import RejectReason

# Portraits and selfies are taken from 0.4 to 2.5 m: twice the spread below on either side.
PRIOR_DISTANCE_MM: Final = 1000.0
PRIOR_LOG_SPREAD: Final = 0.5

# Standard deviation of a person's landmarks from the model's, as a share of the outer eye-corner
# distance.
_POINT_SPREAD: Final = 0.04
_TOLERANCE: Final = 1e-7
_MAX_NME_PERCENT: Final = 15.0
_MIN_DISTANCE_MM: Final = 120.0
_MAX_EVALUATIONS: Final = 60
# Least depth of a point, as a share of the origin's; nearer ones lie in or behind the camera.
_LEAST_DEPTH: Final = 0.02

_NO_DISTORTION: Final = np.zeros(4)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A pinhole camera, x_cam = rotation x_head + translation.

    intrinsics: (3, 3) px. rotation: (3, 3) proper. translation: (3,) mm. reprojection_error_px:
    mean over those of the 68 landmarks that count; nme_percent: the same, of the outer eye-corner
    distance.
    """

    intrinsics: FloatArray
    rotation: FloatArray
    translation: FloatArray
    reprojection_error_px: float
    nme_percent: float

    def camera(self, width: int, height: int) -> Camera:
        """The camera of an image of this size, px."""
        return Camera(self.intrinsics, self.rotation, self.translation, width, height)


def calibrate(
    landmarks68_px: NDArray[np.float32],
    points68_mm: NDArray[np.float32],
    principal_px: tuple[float, float],
    focal_px: float | None = None,
    seen: NDArray[np.bool_] | None = None,
) -> Calibration:
    """Camera that sees ``points68_mm`` (68, 3), head frame, at ``landmarks68_px`` (68, 2).

    principal_px is the photo's middle in px of the frame; focal_px the focal length, if known.
    seen: (68,) the landmarks that count, all when left out.
    Raises ``ItemRejected`` (camera_failed) if the landmarks are not finite, no pose with the face
    before the camera fits, or the mean error is above 15 % of the outer eye-corner distance.
    """
    used = np.ones(len(landmarks68_px), np.bool_) if seen is None else seen
    image = landmarks68_px[used].astype(np.float64)
    model = points68_mm[used].astype(np.float64)
    eyes = _eye_distance(landmarks68_px, points68_mm, used)
    if not np.isfinite(image).all() or not eyes > 0:
        raise _failure("the landmarks are not finite")
    start_focal = focal_px or _usual_focal(image, model)
    weights = IBUG_POSE_WEIGHTS[used] / (_POINT_SPREAD * eyes)
    problem = _Problem(image - principal_px, model, weights[:, None], eyes)
    intrinsics = _intrinsics(start_focal, principal_px)
    view = _start(image, model, intrinsics, problem)
    if focal_px:
        lens = Camera(intrinsics, np.eye(3), np.zeros(3), 1, 1)
        start = Similarity(1.0, view.rotation, view.translation)
        pose = solve_pose(model, [Sighting(lens, image, weights)], start)
        view = problem.placed(pose.rotation, pose.translation, focal_px)
    else:
        view = robust_minimum(problem, view, _TOLERANCE, _MAX_EVALUATIONS)
        intrinsics = _intrinsics(view.scale * view.distance, principal_px)
    return _checked(view, problem.image, intrinsics, eyes)


@dataclass(frozen=True)
class _View:
    """A pinhole camera, by parameters that one face tells apart, and what it sees.

    rotation: (3, 3). origin: (2,) px from the principal point, where the head's origin is seen.
    scale: px per mm there. distance: mm, its depth; focal length = scale distance. Hence points
    with coordinates ``turned`` (n, 3), mm, along the camera's axes about the origin are ``seen``
    (n, 2), px from the principal point, at (scale turned_xy + origin) / depth, where
    depth (n, 1) = 1 + turned_z / distance.
    """

    rotation: FloatArray
    origin: FloatArray
    scale: float
    distance: float
    turned: FloatArray
    depth: FloatArray
    seen: FloatArray

    @property
    def translation(self) -> FloatArray:
        """(3,) mm: the head's origin in the camera."""
        return np.append(self.origin / self.scale, self.distance)


def principal_px(
    frame_from_photo: FloatArray, photo_width: int, photo_height: int
) -> tuple[float, float]:
    """The photo's middle in px of the frame: where a lens that was not shifted points.

    frame_from_photo: (2, 3), px of the photo to px of the frame.
    """
    x, y = frame_from_photo @ (photo_width / 2, photo_height / 2, 1.0)
    return float(x), float(y)


@dataclass(frozen=True)
class _Problem:
    """Weighted reprojection and the distance's prior, a ``robust_fit.Problem``.

    Steps are a rotation vector, the origin in ``unit_px``, and logarithms of distance and scale.
    image: (n, 2) px from the principal point. model: (n, 3) mm. weights: (n, 1) per px.
    """

    image: FloatArray
    model: FloatArray
    weights: FloatArray
    unit_px: float

    def view(
        self, rotation: FloatArray, origin: FloatArray, scale: float, distance: float
    ) -> _View:
        """A camera with what it sees of the model."""
        turned = self.model @ rotation.T
        depth = 1 + turned[:, 2:] / distance
        # Behind the camera nothing is seen.
        in_front = np.where(depth > _LEAST_DEPTH, depth, np.nan)
        seen = (scale * turned[:, :2] + origin) / in_front
        return _View(rotation, origin, scale, distance, turned, depth, seen)

    def placed(self, rotation: FloatArray, translation: FloatArray, focal_px: float) -> _View:
        """The view of a pose, for a focal length."""
        scale = focal_px / float(translation[2])
        return self.view(rotation, scale * translation[:2], scale, float(translation[2]))

    def moved(self, state: _View, step: FloatArray) -> _View:
        """The view a step (7,) away."""
        rotation = np.asarray(cv2.Rodrigues(step[:3])[0], dtype=np.float64) @ state.rotation
        return self.view(
            rotation,
            state.origin + self.unit_px * step[3:5],
            state.scale * float(np.exp(step[6])),
            state.distance * float(np.exp(step[5])),
        )

    def residuals(self, state: _View) -> FloatArray:
        """Errors (2 n + 1,) of the landmarks over their spread, then that of the distance prior."""
        errors = (state.seen - self.image) * self.weights
        prior = np.log(state.distance / PRIOR_DISTANCE_MM) / PRIOR_LOG_SPREAD
        return np.append(errors.ravel(), prior)

    def slopes(self, state: _View) -> FloatArray:
        """Derivatives (2 n + 1, 7) of ``residuals`` by a step."""
        count = len(self.model)
        slopes = np.zeros((2 * count + 1, 7))
        by = slopes[:-1].reshape(count, 2, 7)
        across = state.scale * state.turned / state.depth
        forward = state.turned / (state.distance * state.depth)
        by[:, :, 0] = -state.seen * forward[:, 1:2]
        by[:, :, 1] = state.seen * forward[:, 0:1]
        by[:, 0, 1] += across[:, 2]
        by[:, 1, 0] -= across[:, 2]
        by[:, 0, 2], by[:, 1, 2] = -across[:, 1], across[:, 0]
        by[:, 0, 3] = by[:, 1, 4] = self.unit_px / state.depth[:, 0]
        by[:, :, 5] = state.seen * forward[:, 2:]
        by[:, :, 6] = across[:, :2]
        by *= self.weights[:, :, None]
        slopes[-1, 5] = 1 / PRIOR_LOG_SPREAD
        return slopes


def _checked(view: _View, image: FloatArray, intrinsics: FloatArray, eyes: float) -> Calibration:
    """The result; ``image`` (n, 2) px from the principal point, ``eyes`` their distance in px."""
    nearest = float(view.depth.min()) * view.distance
    if nearest < _MIN_DISTANCE_MM or view.rotation[2, 2] >= 0:
        raise _failure("the face would be behind the camera or turned away from it")
    error = float(np.linalg.norm(view.seen - image, axis=1).mean())
    percent = 100.0 * error / eyes
    if not percent <= _MAX_NME_PERCENT:
        raise _failure(
            f"the landmarks are missed by {percent:.1f} % of the eye distance on average"
        )
    return Calibration(intrinsics, view.rotation, view.translation, error, percent)


def _intrinsics(focal: float, principal: tuple[float, float]) -> FloatArray:
    return np.array([[focal, 0.0, principal[0]], [0.0, focal, principal[1]], [0.0, 0.0, 1.0]])


def _eye_distance(
    landmarks: NDArray[np.float32], model: NDArray[np.float32], seen: NDArray[np.bool_]
) -> float:
    """Distance of the outer eye corners, px; the model's at its size in the image where unseen."""
    if seen[[IBUG_RIGHT_OUTER_EYE_CORNER, IBUG_LEFT_OUTER_EYE_CORNER]].all():
        return outer_eye_distance(landmarks)
    usual = _usual_focal(landmarks[seen].astype(np.float64), model[seen].astype(np.float64))
    return outer_eye_distance(model) * usual / PRIOR_DISTANCE_MM


def _usual_focal(image: FloatArray, model: FloatArray) -> float:
    """Focal length, px, that shows the model at its size in the image from the prior distance."""
    # Of an affine camera's two rows, the longer is shortened least by noise and turning.
    centred = model - model.mean(axis=0)
    rows = np.linalg.lstsq(centred, image - image.mean(axis=0), rcond=None)[0].T
    return float(np.linalg.norm(rows, axis=1).max()) * PRIOR_DISTANCE_MM


def _start(
    image: FloatArray, model: FloatArray, intrinsics: FloatArray, problem: _Problem
) -> _View:
    """The view of ``problem`` that SQPnP finds for points (n, 2) px, with known intrinsics."""
    try:
        found, turn, shift = cv2.solvePnP(
            model, image, intrinsics, _NO_DISTORTION, flags=cv2.SOLVEPNP_SQPNP
        )
    except cv2.error as error:  # points in one place
        raise _failure("no starting pose was found") from error
    if not found or not (np.isfinite(turn).all() and np.isfinite(shift).all()):
        raise _failure("no starting pose was found")
    distance = float(shift[2, 0])
    if distance < _MIN_DISTANCE_MM:
        raise _failure("the face would be behind the camera")
    rotation = np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)
    view = problem.placed(rotation, shift[:, 0].astype(np.float64), float(intrinsics[0, 0]))
    if view.depth.min() <= _LEAST_DEPTH:
        raise _failure("the face would be behind the camera")
    return view


def _failure(why: str) -> ItemRejected:
    return ItemRejected(RejectReason.CAMERA_FAILED, f"No camera fits the landmarks: {why}.")
