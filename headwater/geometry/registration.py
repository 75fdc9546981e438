"""Rigid and similarity registration of points: closed form, and iterated closest points."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Similarity:
    """The map x -> scale * rotation @ x + translation.

    rotation: (3, 3) float64, proper. translation: (3,) float64, in the points' unit.
    """

    scale: float
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    @staticmethod
    def identity() -> "Similarity":
        """The map that moves nothing."""
        return Similarity(1.0, np.eye(3), np.zeros(3))

    def apply(self, points: Points) -> NDArray[np.float64]:
        """Move points (n, 3)."""
        return self.scale * points.astype(np.float64) @ self.rotation.T + self.translation

    def inverse(self) -> "Similarity":
        """The map that undoes this one."""
        rotation = self.rotation.T
        return Similarity(1.0 / self.scale, rotation, -(rotation @ self.translation) / self.scale)

    def after(self, first: "Similarity") -> "Similarity":
        """The map that applies ``first`` and then this one."""
        return Similarity(
            self.scale * first.scale,
            self.rotation @ first.rotation,
            self.scale * self.rotation @ first.translation + self.translation,
        )


@dataclass(frozen=True)
class Registration:
    """The result of an iterated registration.

    transform: maps source onto target. rms: root mean square of the last nearest distances, in the
    points' unit. iterations: done. converged: False when the limit was reached first; such a
    result must be counted as failed, not averaged in.
    """

    transform: Similarity
    rms: float
    iterations: int
    converged: bool


def umeyama(source: Points, target: Points, *, with_scale: bool) -> Similarity:
    """Least-squares map of ``source`` onto ``target`` (Umeyama 1991).

    source, target: (n, 3) corresponding points, n >= 3, same unit. The rotation is always proper,
    also when the points are mirrored. Scale is tr(D S) / Var(source), the least-squares value.
    Raises ValueError for points that fix no rotation (fewer than three, or all on one line).
    """
    if source.shape != target.shape or len(source) < 3:
        raise ValueError(f"need 3 or more pairs of points, got {source.shape} and {target.shape}")
    mean_source = source.mean(axis=0, dtype=np.float64)
    mean_target = target.mean(axis=0, dtype=np.float64)
    a = source.astype(np.float64) - mean_source
    b = target.astype(np.float64) - mean_target
    u, singular, vt = np.linalg.svd(b.T @ a / len(a))
    if singular[1] <= 1e-12 * max(singular[0], 1e-300):
        raise ValueError("the points lie on one line: no rotation can be found")
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * sign) @ vt
    scale = float((singular * sign).sum() / (a**2).sum(axis=1).mean()) if with_scale else 1.0
    return Similarity(scale, rotation, mean_target - scale * rotation @ mean_source)


def rigid_icp(
    source: Points,
    target: Points,
    start: Similarity,
    *,
    max_iterations: int = 300,
    tolerance: float = 1e-3,
) -> Registration:
    """Rigid map of ``source`` onto the cloud ``target`` by iterated closest points, no scale.

    source: (n, 3), target: (m, 3), same unit; start: first guess. Iterates until no source point
    moves by ``tolerance`` (in the points' unit) or more: a stop on the residual alone would quit
    early on data in other units. All source points are used in every iteration.
    """
    tree = cKDTree(target)
    transform = Similarity(1.0, start.rotation, start.translation)
    moved = transform.apply(source)
    for iteration in range(1, max_iterations + 1):
        distance, nearest = tree.query(moved)
        transform = umeyama(source, target[nearest], with_scale=False)
        previous, moved = moved, transform.apply(source)
        if float(np.abs(moved - previous).max()) < tolerance:
            return Registration(transform, _rms(distance), iteration, converged=True)
    return Registration(transform, _rms(distance), max_iterations, converged=False)


def _rms(distance: NDArray[np.float64]) -> float:
    return float(np.sqrt((distance**2).mean()))
