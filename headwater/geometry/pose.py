"""The pose of known points before calibrated cameras: the one solver of it (PnP, any view count).

Points x_i, (n, 3) mm, stand in the cameras' world at X_i = R x_i + t. Camera v sees X_i at
u_vi(R, t) (``cameras.project``, derivative in ``cameras.projection_slopes``). R and t are those of
the least

    sum_vij sqrt(1 + (w_vi (u_vij - y_vij))^2)
      [+ sum_k sqrt(1 + (phi_k / a)^2) + sqrt(1 + (d_k / b)^2)]

for landmarks y_vi at pixels whose spread is 1 / w_vi. The part in brackets is a prior, where there
is one: phi is the rotation vector of R R_0^T and d = t - t_0, from the start R_0, t_0, and a and b
are its spreads. A step turns the points by a rotation vector about their middle c and shifts them:
dX = -[X - c]_x dw + ds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from headwater.geometry.cameras import Camera, project, projection_slopes
from headwater.geometry.registration import Similarity
from headwater.geometry.robust_fit import robust_minimum

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]

# At a face, steps of a tenth of a metre are as long as those of a radian.
STEP_MM: Final = 100.0
TOLERANCE: Final = 1e-12
MAX_EVALUATIONS: Final = 100
# Standard deviation of a head's landmarks from its model's, as a share of the extent of the points
# in the image.
REFINED_SPREAD: Final = 0.02


@dataclass(frozen=True)
class Sighting:
    """Points as one camera sees them.

    pixels: (n, 2) px. weights: (n,) per px, one over the spread of each.
    """

    camera: Camera
    pixels: FloatArray
    weights: FloatArray


@dataclass(frozen=True)
class PosePrior:
    """Spreads of a pose about its start: of the rotation vector and of the shift, per axis."""

    degrees: float
    shift_mm: float


def solve_pose(
    points: FloatArray,
    sightings: Sequence[Sighting],
    start: Similarity,
    prior: PosePrior | None = None,
) -> Similarity:
    """Rigid map by which the cameras see points (n, 3) mm nearest to where they were detected.

    start: rigid, from the points' frame to the cameras' world; returned as it is where a point
    lies behind a camera by it. The minimum is the one near the start.
    """
    problem = _Problem(np.asarray(points, np.float64), tuple(sightings), start, prior)
    return robust_minimum(problem, start, TOLERANCE, MAX_EVALUATIONS)


def refined_camera(camera: Camera, points: FloatArray, pixels: FloatArray) -> Camera:
    """The camera turned and moved so that it sees points (n, 3) mm nearest to pixels (n, 2)."""
    weights = np.full(len(points), 1 / (REFINED_SPREAD * float(np.ptp(pixels, axis=0).max())))
    still = replace(camera, R=np.eye(3), t=np.zeros(3))
    place = solve_pose(
        points, [Sighting(still, pixels, weights)], Similarity(1.0, camera.R, camera.t)
    )
    return replace(camera, R=place.rotation, t=place.translation)


@dataclass(frozen=True)
class _Problem:
    """The sum of the module's head, a ``robust_fit.Problem`` over rigid maps."""

    points: Float64Array
    sightings: tuple[Sighting, ...]
    start: Similarity
    prior: PosePrior | None

    def residuals(self, state: Similarity) -> Float64Array:
        """Weighted errors (2 n per view), then six of the prior; NaN behind a camera."""
        world = state.apply(self.points)
        errors = [
            (_seen(one.camera, world) - one.pixels) * one.weights[:, None] for one in self.sightings
        ]
        return np.concatenate([*(error.ravel() for error in errors), self._off_start(state)])

    def slopes(self, state: Similarity) -> Float64Array:
        """Derivatives of ``residuals`` by a step (6,)."""
        world = state.apply(self.points)
        middle = world.mean(axis=0)
        by_step = _by_step(world - middle)
        slopes = []
        for one in self.sightings:
            _, by_point = projection_slopes(one.camera, world)
            slopes.append((one.weights[:, None, None] * by_point @ by_step).reshape(-1, 6))
        if self.prior is not None:
            turn = self._turn(state)
            by_prior = np.zeros((6, 6))
            by_prior[:3, :3] = _inverse_left_jacobian(turn) / np.deg2rad(self.prior.degrees)
            by_prior[3:] = _by_step((state.translation - middle)[None])[0] / self.prior.shift_mm
            slopes.append(by_prior)
        return np.concatenate(slopes)

    def moved(self, state: Similarity, step: Float64Array) -> Similarity:
        """The map a step (6,) away: a rotation vector about the middle, and a shift."""
        turn = Rotation.from_rotvec(step[:3]).as_matrix()
        middle = state.apply(self.points).mean(axis=0)
        shift = turn @ (state.translation - middle) + middle + STEP_MM * step[3:]
        return Similarity(1.0, turn @ state.rotation, shift)

    def _off_start(self, state: Similarity) -> Float64Array:
        if self.prior is None:
            return np.zeros(0)
        turn = self._turn(state) / np.deg2rad(self.prior.degrees)
        return np.append(turn, (state.translation - self.start.translation) / self.prior.shift_mm)

    def _turn(self, state: Similarity) -> Float64Array:
        return Rotation.from_matrix(state.rotation @ self.start.rotation.T).as_rotvec()


def _seen(camera: Camera, world: Float64Array) -> Float64Array:
    """Pixels (n, 2) of points (n, 3); NaN for those behind the camera."""
    pixels, depth = project(camera, world)
    return np.where(depth[:, None] > 0, pixels, np.nan)


def _by_step(arms: Float64Array) -> Float64Array:
    """Derivatives (n, 3, 6) of points that lie at ``arms`` (n, 3) mm from the middle."""
    by_step = np.zeros((len(arms), 3, 6))
    by_step[:, :, :3] = -_cross(arms)
    by_step[:, :, 3:] = STEP_MM * np.eye(3)
    return by_step


def _cross(vectors: Float64Array) -> Float64Array:
    """Matrices (n, 3, 3) of the cross products with vectors (n, 3)."""
    x, y, z = vectors.T
    matrices = np.zeros((len(vectors), 3, 3))
    matrices[:, 0, 1], matrices[:, 0, 2], matrices[:, 1, 2] = -z, y, -x
    return matrices - matrices.transpose(0, 2, 1)


def _inverse_left_jacobian(turn: Float64Array) -> Float64Array:
    """Derivative (3, 3) of the rotation vector ``turn`` (3,) by a small one applied after it.

    I - [turn]_x / 2 + (1 - (a / 2) cot(a / 2)) [turn]_x^2 / a^2 for an angle a = |turn| < pi.
    """
    cross = _cross(turn[None])[0]
    angle = float(np.linalg.norm(turn))
    series = 1 / 12 if angle < 1e-4 else (1 - angle / 2 / np.tan(angle / 2)) / angle**2
    return np.asarray(np.eye(3) - cross / 2 + series * cross @ cross)
