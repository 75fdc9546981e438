"""Exact distances of points to a triangle surface, in bounded memory whatever its triangles."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]


class Boxes(NamedTuple):
    """Lower and upper corners (m, 3) each of axis-aligned boxes."""

    low: Float64Array
    high: Float64Array

    def squared_distances(self, points: Float64Array, nodes: IntArray) -> Float64Array:
        """Squared distances (p, RUN) of points (p, 3) to the boxes under each of the nodes (p,)."""
        centre = points[:, None]
        gap = np.clip(centre, self._runs(self.low)[nodes], self._runs(self.high)[nodes]) - centre
        return np.asarray(np.einsum("pkc,pkc->pk", gap, gap))

    def joined(self) -> "Boxes":
        """The boxes over runs of these."""
        return Boxes(self._runs(self.low).min(axis=1), self._runs(self.high).max(axis=1))

    @staticmethod
    def over(triangles: Float64Array) -> "Boxes":
        """The boxes of triangles (m, 3, 3)."""
        return Boxes(triangles.min(axis=1), triangles.max(axis=1)).padded()

    def padded(self) -> "Boxes":
        """The same in whole runs, filled up by boxes that no point is near."""
        missing = np.full((-len(self.low) % RUN, 3), np.inf)
        return Boxes(np.concatenate([self.low, missing]), np.concatenate([self.high, -missing]))

    @staticmethod
    def _runs(corners: Float64Array) -> Float64Array:
        return corners.reshape(-1, RUN, 3)


RUN = 4
SEEDS = 2
POINTS = 16_384  # taken at a time
PAIRS = 65_536  # of a point and a node, opened at a time


class Triangles:
    """A triangle surface that answers exact distances of points.

    vertices: (V, 3) mm; faces: (F, 3), at least one. Boxes stand over runs of triangles that lie
    close together, in the order of a k-d tree of their centres, and boxes over runs of boxes.
    """

    def __init__(self, vertices: FloatArray, faces: IntArray) -> None:
        corners = np.asarray(vertices, dtype=np.float64)[faces]
        self._tree = cKDTree(corners.mean(axis=1), compact_nodes=False)
        self._place = np.argsort(self._tree.indices)
        self._corners = corners[self._tree.indices]
        levels = [Boxes.over(self._corners)]
        while len(levels[0].low) > RUN:
            levels.insert(0, levels[0].joined().padded())
        self._levels = levels

    def distances(self, points: FloatArray) -> Float64Array:
        """Exact distance (n,) mm of points (n, 3) to the surface."""
        points = np.asarray(points, dtype=np.float64)
        best = np.zeros(len(points))
        for some in _slices(len(points), POINTS):
            best[some] = self._nearest_centres(points[some])
            rows = np.arange(some.start, some.stop)
            self._open(0, rows, np.zeros(len(rows), np.intp), points, best)
        return np.sqrt(best)

    def _nearest_centres(self, points: Float64Array) -> Float64Array:
        """Squared distance (n,) to the nearer of the triangles with the nearest centres."""
        seeds = min(SEEDS, self._tree.n)
        _, near = self._tree.query(points, k=np.arange(1, seeds + 1))
        corners = self._corners[self._place[near.ravel()]]
        return (
            squared_distances(np.repeat(points, seeds, axis=0), corners).reshape(-1, seeds).min(1)
        )

    def _open(
        self,
        level: int,
        rows: IntArray,
        nodes: IntArray,
        points: Float64Array,
        best: Float64Array,
    ) -> None:
        """Lower ``best`` (n,) to what lies under ``nodes`` (p,), each for the point in ``rows``.

        Rows ascend. A box that is further than the best so far hides nothing nearer.
        """
        for some in _slices(len(rows), PAIRS):
            boxes = self._levels[level].squared_distances(points[rows[some]], nodes[some])
            pair, child = np.nonzero(boxes < best[rows[some], None])
            under, within = rows[some][pair], nodes[some][pair] * RUN + child
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
            tried = squared_distances(points[rows[left]], self._corners[triangles[left]])
            np.minimum.at(best, rows[left], tried)


def squared_distances(points: Float64Array, triangles: Float64Array) -> Float64Array:
    """Squared distance (n,) of points (n, 3) to triangles (n, 3, 3), row by row.

    Either the foot of the perpendicular lies in the triangle, or an edge is nearest. An empty
    triangle counts as its edges.
    """
    # Coordinates first: every operation then runs over one contiguous row.
    a, b, c = np.ascontiguousarray(np.moveaxis(triangles, 0, -1))
    point = np.ascontiguousarray(points.T)
    normal = _cross(b - a, c - a)
    area = _dot(normal, normal)
    inside = area > 0
    edge = np.full(len(points), np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        along, offset = end - start, point - start
        length = _dot(along, along)
        share = _dot(offset, along) / np.where(length > 0, length, 1.0)
        foot = offset - np.clip(share, 0.0, 1.0) * along
        edge = np.minimum(edge, _dot(foot, foot))
        inside &= _dot(_cross(along, offset), normal) >= 0
    height = _dot(point - a, normal)
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
