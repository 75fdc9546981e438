"""Similarity registration of corresponding points, and nearest neighbours of moving ones."""

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


def umeyama(source: Points, target: Points, *, with_scale: bool) -> Similarity:
    """Least-squares map of ``source`` onto ``target`` (Umeyama 1991).

    source, target: (n, 3) corresponding points, n >= 3, same unit. The rotation is always proper,
    also when the points are mirrored. Scale is tr(D S) / Var(source), the least-squares value.
    Raises ValueError for points that fix no rotation (fewer than three, or all on one line,
    or at one point but for rounding).
    """
    if source.shape != target.shape or len(source) < 3:
        raise ValueError(f"need 3 or more pairs of points, got {source.shape} and {target.shape}")
    mean_source = source.mean(axis=0, dtype=np.float64)
    mean_target = target.mean(axis=0, dtype=np.float64)
    a = source.astype(np.float64) - mean_source
    b = target.astype(np.float64) - mean_target
    u, singular, vt = np.linalg.svd(b.T @ a / len(a))
    at_a_point = _is_a_point(a, mean_source) or _is_a_point(b, mean_target)
    if at_a_point or singular[1] <= 1e-12 * max(singular[0], 1e-300):
        raise ValueError("the points lie on one line: no rotation can be found")
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * sign) @ vt
    scale = float((singular * sign).sum() / (a**2).sum(axis=1).mean()) if with_scale else 1.0
    return Similarity(scale, rotation, mean_target - scale * rotation @ mean_source)


def _is_a_point(offsets: NDArray[np.float64], mean: NDArray[np.float64]) -> bool:
    """True where offsets (n, 3) from the mean (3,) of points are but their rounding."""
    return bool(np.abs(offsets).max() <= 1e-12 * np.abs(mean).max())


class MovingNearest:
    """Exact nearest neighbours in a fixed cloud of points that move little between queries.

    tree: of the cloud. What was nearest at some place stays so while the point, having moved by s
    from there, is nearer to it than any other one can have become: than the second nearest was,
    less s. Otherwise the nearest few, kept with the distance of the last of them, are tried under
    the same rule, and only then the tree.
    """

    KEPT = 16

    def __init__(self, tree: cKDTree) -> None:
        self._tree = tree
        self._cloud = np.ascontiguousarray(tree.data.T)
        self._kept = min(self.KEPT, tree.n)
        self._nearest = np.zeros(0, dtype=np.intp)

    def query(self, points: Points) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Distance (n,) and row in the cloud (n,) of the nearest neighbour of points (n, 3).

        Row i must be the same point in every query.
        """
        # Coordinates first: every operation then runs over contiguous rows.
        here = np.ascontiguousarray(np.asarray(points, dtype=np.float64).T)
        if len(self._nearest) != here.shape[1]:
            self._forget(here.shape[1])
            self._ask(here, np.arange(here.shape[1]))
        distance = np.sqrt(self._squared(here, self._nearest))
        unsure = np.flatnonzero(distance > self._others - _lengths(here - self._place))
        self._ask(here, self._try_kept(here, unsure))
        distance[unsure] = np.sqrt(self._squared(here[:, unsure], self._nearest[unsure]))
        return distance, self._nearest.copy()

    def _squared(self, here: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Squared distances of places (3, n) to rows (n,) of the cloud, or (3, n, 1) to (n, k)."""
        x, y, z = (axis.take(rows) - place for axis, place in zip(self._cloud, here, strict=True))
        return np.asarray(x * x + y * y + z * z)

    def _forget(self, count: int) -> None:
        self._nearest = np.zeros(count, dtype=np.intp)
        self._others = np.zeros(count)
        self._place = np.zeros((3, count))
        self._rows = np.zeros((count, self._kept), dtype=np.intp)
        self._reach = np.zeros(count)
        self._asked_at = np.zeros((3, count))

    def _try_kept(self, here: NDArray[np.float64], which: NDArray[np.intp]) -> NDArray[np.intp]:
        """Settle what the kept rows can; returns the points that need the tree."""
        if not len(which):
            return which
        place, kept = here[:, which], self._rows[which]
        squared = self._squared(place[:, :, None], kept)
        column = squared.argmin(axis=1)[:, None]
        best = np.sqrt(np.take_along_axis(squared, column, axis=1)[:, 0])
        np.put_along_axis(squared, column, np.inf, axis=1)
        unkept = self._reach[which] - _lengths(place - self._asked_at[:, which])
        settled = best <= unkept
        rows = which[settled]
        self._place[:, rows] = place[:, settled]
        self._nearest[rows] = np.take_along_axis(kept, column, axis=1)[settled, 0]
        self._others[rows] = np.minimum(np.sqrt(squared.min(axis=1)), unkept)[settled]
        return which[~settled]

    def _ask(self, here: NDArray[np.float64], which: NDArray[np.intp]) -> None:
        if not len(which):
            return
        place = here[:, which]
        distances, rows = self._tree.query(place.T, k=np.arange(1, self._kept + 1))
        self._place[:, which] = self._asked_at[:, which] = place
        self._rows[which], self._nearest[which] = rows, rows[:, 0]
        self._reach[which] = np.inf if self._kept == self._tree.n else distances[:, -1]
        self._others[which] = distances[:, 1] if self._kept > 1 else np.inf


def _lengths(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths (n,) of vectors (3, n)."""
    return np.asarray(np.sqrt(np.einsum("cn,cn->n", vectors, vectors)))
