"""Rigid registration of points to a surface: LM-ICP (Fitzgibbon 2003) with exact closest points.

Minimises the sum of squared distances sum_i d(R p_i + t)^2 by Levenberg-Marquardt. The derivative
of a distance is the direction n_i from the closest point, so that an undamped step is that of
point-to-plane ICP, and a strongly damped one a short step of point-to-point ICP.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from headwater.geometry.registration import Similarity
from headwater.geometry.triangles import Closest, Triangles

__all__ = ["Registration", "surface_icp"]

LEAST_DAMPING: Final = 1e-6
FIRST_DAMPING: Final = 1e-3

Points = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Registration:
    """The result of an iterated registration.

    transform: maps source onto target, without scale. distances: (n,) of the source's points there,
    in their unit. steps: tried. converged: False when their limit was reached first; such a result
    must be counted as failed, not averaged in.
    """

    transform: Similarity
    distances: Float64Array
    steps: int
    converged: bool

    @property
    def rms(self) -> float:
        """Root mean square of the distances."""
        return float(np.sqrt((self.distances**2).mean()))


def surface_icp(
    source: Points,
    target: Triangles,
    start: Similarity,
    *,
    max_steps: int = 100,
    tolerance: float = 2e-2,
) -> Registration:
    """Rigid map of points onto a surface, to the nearest minimum of their squared distances.

    source: (n, 3), in the surface's unit; start: first guess, its scale ignored. Ends when the next
    step would move no point by ``tolerance`` along any axis: near the minimum distances change with
    its square.
    """
    rigid, damping = Similarity(1.0, start.rotation, start.translation), FIRST_DAMPING
    moved = rigid.apply(source)
    closest = target.closest(moved)
    for steps in range(max_steps + 1):
        step, promised = _step(moved, closest, damping)
        there = step.apply(moved)
        if float(np.abs(there - moved).max(initial=0.0)) < tolerance:
            return Registration(rigid, closest.distances, steps, converged=True)
        tried = target.closest(there, closest.triangles)
        gain = _sum_of_squares(closest.distances) - _sum_of_squares(tried.distances)
        if gain > 0.75 * promised:
            damping = max(damping / 10.0, LEAST_DAMPING)
        elif gain < 0.25 * promised:
            damping *= 10.0
        if gain >= 0.0:
            rigid, moved, closest = step.after(rigid), there, tried
    return Registration(rigid, closest.distances, max_steps, converged=False)


def _step(points: Float64Array, closest: Closest, damping: float) -> tuple[Similarity, float]:
    """Damped Gauss-Newton step about the points' centre, and the decrease of the sum it promises.

    The damping weighs the points' squared displacements, so that it holds in any unit.
    """
    centre = points.mean(axis=0)
    arms, directions = points - centre, closest.directions
    jacobian = np.concatenate([np.cross(arms, directions), directions], axis=1)
    products = arms.T @ arms
    displacement = np.zeros((6, 6))
    displacement[:3, :3] = np.trace(products) * np.eye(3) - products
    displacement[3:, 3:] = len(points) * np.eye(3)
    normal, gradient = jacobian.T @ jacobian, jacobian.T @ closest.distances
    change = -np.linalg.solve(normal + damping * displacement, gradient)
    rotation = Rotation.from_rotvec(change[:3]).as_matrix()
    step = Similarity(1.0, rotation, centre + change[3:] - rotation @ centre)
    return step, float(-2.0 * gradient @ change - change @ normal @ change)


def _sum_of_squares(values: Float64Array) -> float:
    return float(values @ values)
