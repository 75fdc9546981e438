"""Exact distances of points to a triangle surface, in bounded memory whatever its triangles.

Arrays have their coordinates first: every operation then runs over contiguous rows.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

RUN: Final = 4  # triangles or boxes under one box
POINTS: Final = 16_384  # taken at a time
PAIRS: Final = 32_768  # of a point and a box or triangle, taken at a time

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]


class Boxes(NamedTuple):
    """Lower and upper corners (3, m, RUN) of axis-aligned boxes, in m runs."""

    low: Float64Array
    high: Float64Array

    def squared_distances(self, points: Float64Array, runs: IntArray) -> Float64Array:
        """Squared distances (p, RUN) of points (3, p) to the boxes in the runs (p,)."""
        total = np.zeros((len(runs), RUN))
        for low, high, place in zip(self.low, self.high, points, strict=True):
            below, above = low.take(runs, axis=0), high.take(runs, axis=0)
            below -= place[:, None]
            np.subtract(place[:, None], above, out=above)
            gap = np.maximum(below, above, out=below)
            np.maximum(gap, 0.0, out=gap)
            gap *= gap
            total += gap
        return total

    def joined(self) -> "Boxes":
        """One box over each run of these."""
        return Boxes.in_runs(self.low.min(axis=2), self.high.max(axis=2))

    @staticmethod
    def in_runs(low: Float64Array, high: Float64Array) -> "Boxes":
        """Boxes with the corners (3, m), the last run filled up by boxes that no point is near."""
        missing = np.full((3, -low.shape[1] % RUN), np.inf)
        return Boxes(
            np.concatenate([low, missing], axis=1).reshape(3, -1, RUN),
            np.concatenate([high, -missing], axis=1).reshape(3, -1, RUN),
        )


class Triangles:
    """A triangle surface that answers exact distances of points.

    vertices: (V, 3) mm; faces: (F, 3), at least one. Boxes stand over runs of triangles that lie
    close together, in the order of a k-d tree of their centres, and boxes over runs of boxes.
    """

    def __init__(self, vertices: FloatArray, faces: IntArray) -> None:
        corners = np.asarray(vertices, dtype=np.float64)[faces]
        self._tree = cKDTree(corners.mean(axis=1), leafsize=8, compact_nodes=False)
        self._place = np.argsort(self._tree.indices)
        # (3 corners, 3 coordinates, F), in the tree's order.
        self._corners = np.ascontiguousarray(corners[self._tree.indices].transpose(1, 2, 0))
        self._levels = [Boxes.in_runs(self._corners.min(axis=0), self._corners.max(axis=0))]
        while self._levels[0].low.shape[1] > 1:
            self._levels.insert(0, self._levels[0].joined())

    def distances(self, points: FloatArray) -> Float64Array:
        """Exact distance (n,) mm of points (n, 3) to the surface."""
        places = np.asarray(points, dtype=np.float64)
        columns, best = np.ascontiguousarray(places.T), np.zeros(len(places))
        for some in _slices(len(places), POINTS):
            _, near = self._tree.query(places[some])
            best[some] = squared_distances(columns[:, some], self._triangles(self._place[near]))
            rows = np.arange(some.start, some.stop)
            self._open(0, rows, np.zeros_like(rows), columns, best)
        return np.sqrt(best)

    def _triangles(self, numbers: IntArray) -> Float64Array:
        return self._corners.take(numbers, axis=2)

    def _open(
        self,
        level: int,
        rows: IntArray,
        runs: IntArray,
        points: Float64Array,
        best: Float64Array,
    ) -> None:
        """Lower ``best`` (n,) to what lies in the runs (p,) of a level, for the points ``rows``.

        Rows ascend. A box that is further than the best so far hides nothing nearer.
        """
        for some in _slices(len(rows), PAIRS):
            boxes = self._levels[level].squared_distances(
                points.take(rows[some], axis=1), runs[some]
            )
            pair, child = np.nonzero(boxes < best[rows[some], None])
            under, within = rows[some][pair], runs[some][pair] * RUN + child
            if level + 1 < len(self._levels):
                self._open(level + 1, under, within, points, best)
            else:
                self._try(under, within, boxes[pair, child], points, best)

    def _try(
        self,
        rows: IntArray,
        triangles: IntArray,
        boxes: Float64Array,
        points: Float64Array,
        best: Float64Array,
    ) -> None:
        """Lower ``best`` to the triangles, the one with the nearest box of each point first."""
        if not len(rows):
            return
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        counts = np.diff(starts, append=len(rows))
        first = boxes == np.repeat(np.minimum.reduceat(boxes, starts), counts)
        for which in (first, ~first):
            left = np.flatnonzero(which & (boxes < best[rows]))
            tried = squared_distances(
                points.take(rows[left], axis=1), self._triangles(triangles[left])
            )
            np.minimum.at(best, rows[left], tried)


def squared_distances(points: Float64Array, triangles: Float64Array) -> Float64Array:
    """Squared distance (n,) of points (3, n) to triangles (3 corners, 3, n), pair by pair.

    Either the foot of the perpendicular lies in the triangle, or an edge is nearest. An empty
    triangle counts as its edges.
    """
    a, b, c = triangles
    normal = _cross(b - a, c - a)
    area = _dot(normal, normal)
    inside = area > 0
    edge = np.full(points.shape[1], np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        along, offset = end - start, points - start
        length = _dot(along, along)
        share = _dot(offset, along) / np.where(length > 0, length, 1.0)
        foot = offset - np.clip(share, 0.0, 1.0) * along
        edge = np.minimum(edge, _dot(foot, foot))
        inside &= _dot(_cross(along, offset), normal) >= 0
    height = _dot(points - a, normal)
    plane = height**2 / np.where(area > 0, area, 1.0)
    return np.where(inside, np.minimum(plane, edge), edge)


def _cross(u: Float64Array, v: Float64Array) -> Float64Array:
    """Cross products (3, n) of vectors (3, n)."""
    return np.stack(
        [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
    )


def _dot(u: Float64Array, v: Float64Array) -> Float64Array:
    """Dot products (n,) of vectors (3, n)."""
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def _slices(count: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
