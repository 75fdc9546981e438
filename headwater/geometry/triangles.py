"""Exact closest points on a triangle surface, in bounded memory whatever its triangles.

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
            nearest = low.take(runs, axis=0)
            np.maximum(nearest, place[:, None], out=nearest)
            np.minimum(nearest, high.take(runs, axis=0), out=nearest)
            nearest -= place[:, None]
            nearest *= nearest
            total += nearest
        return total

    def joined(self) -> "Boxes":
        """Boxes that each enclose one run of these boxes."""
        return Boxes.in_runs(self.low.min(axis=2), self.high.max(axis=2))

    @staticmethod
    def in_runs(low: Float64Array, high: Float64Array) -> "Boxes":
        """Boxes with the corners (3, m), the last run filled up by boxes that no point is near."""
        missing = np.full((3, -low.shape[1] % RUN), np.inf)
        return Boxes(
            np.concatenate([low, missing], axis=1).reshape(3, -1, RUN),
            np.concatenate([high, -missing], axis=1).reshape(3, -1, RUN),
        )


class Closest(NamedTuple):
    """Closest points of a surface.

    points: (n, 3) mm, those that they are closest to; distances: (n,) mm; directions: (n, 3) unit
    vectors from them to the points, the gradient of the distance: on the surface itself its normal,
    and zeros on a triangle without area. triangles: (n,) the surface's own numbers of those that
    they lie on.
    """

    points: Float64Array
    distances: Float64Array
    directions: Float64Array
    triangles: IntArray

    @property
    def on_surface(self) -> Float64Array:
        """The closest points (n, 3) themselves, mm."""
        return np.asarray(self.points - self.distances[:, None] * self.directions)


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
        return np.sqrt(self._nearest(points)[1])

    def closest(self, points: FloatArray, guess: IntArray | None = None) -> Closest:
        """The exact closest points of points (n, 3) mm.

        guess: (n,) triangles that lie near, from points that have moved little: it saves time.
        """
        nearest, squared = self._nearest(points, guess)
        places = np.asarray(points, np.float64)
        columns, triangles = places.T, self._triangles(nearest)
        away = columns - feet(columns, triangles)
        on_it = squared <= np.square(8 * np.spacing(np.abs(columns).max(axis=0, initial=1.0)))
        a, b, c = triangles
        away = np.where(on_it, _cross(b - a, c - a), away)
        length = np.sqrt(_dot(away, away))
        directions = (away / np.where(length > 0, length, 1.0)).T
        return Closest(places, np.sqrt(squared), directions, nearest)

    def nearest_faces(self, points: FloatArray) -> IntArray:
        """Rows (n,), in the given faces, of the triangles nearest to points (n, 3) mm."""
        return np.asarray(self._tree.indices[self._nearest(points)[0]])

    def _nearest(
        self, points: FloatArray, guess: IntArray | None = None
    ) -> tuple[IntArray, Float64Array]:
        """Nearest triangle (n,) of points (n, 3), and the squared distance (n,) to it."""
        places = np.asarray(points, dtype=np.float64)
        columns = np.ascontiguousarray(places.T)
        nearest, best = np.zeros(len(places), dtype=np.intp), np.zeros(len(places))
        for some in _slices(len(places), POINTS):
            if guess is None:
                nearest[some] = self._place[self._tree.query(places[some])[1]]
            else:
                nearest[some] = guess[some]
            best[some] = squared_distances(columns[:, some], self._triangles(nearest[some]))
            rows = np.arange(some.start, some.stop)
            self._open(0, rows, np.zeros_like(rows), columns, nearest, best)
        return nearest, best

    def _triangles(self, numbers: IntArray) -> Float64Array:
        return self._corners.take(numbers, axis=2)

    def _open(
        self,
        level: int,
        rows: IntArray,
        runs: IntArray,
        points: Float64Array,
        nearest: IntArray,
        best: Float64Array,
    ) -> None:
        """Lower ``best`` (n,) to what lies in the runs (p,) of a level, for the points ``rows``.

        ``nearest`` (n,) follows. Rows ascend. A box that is further than the best so far hides
        nothing nearer.
        """
        for some in _slices(len(rows), PAIRS):
            boxes = self._levels[level].squared_distances(
                points.take(rows[some], axis=1), runs[some]
            )
            pair, child = np.nonzero(boxes < best[rows[some], None])
            under, within = rows[some][pair], runs[some][pair] * RUN + child
            if level + 1 < len(self._levels):
                self._open(level + 1, under, within, points, nearest, best)
            else:
                self._try(under, within, boxes[pair, child], points, nearest, best)

    def _try(
        self,
        rows: IntArray,
        triangles: IntArray,
        boxes: Float64Array,
        points: Float64Array,
        nearest: IntArray,
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
            lower = left[tried == best[rows[left]]]
            nearest[rows[lower]] = triangles[lower]


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
        foot = offset - _share(offset, along) * along
        edge = np.minimum(edge, _dot(foot, foot))
        inside &= _dot(_cross(along, offset), normal) >= 0
    height = _dot(points - a, normal)
    plane = height**2 / np.where(area > 0, area, 1.0)
    return np.where(inside, np.minimum(plane, edge), edge)


def feet(points: Float64Array, triangles: Float64Array) -> Float64Array:
    """Closest points (3, n) of triangles (3 corners, 3, n) to points (3, n), pair by pair."""
    a, b, c = triangles
    normal = _cross(b - a, c - a)
    area = _dot(normal, normal)
    inside = area > 0
    nearest, best = np.zeros_like(points), np.full(points.shape[1], np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        along, offset = end - start, points - start
        away = offset - _share(offset, along) * along
        squared = _dot(away, away)
        nearest = np.where(squared < best, points - away, nearest)
        best = np.minimum(best, squared)
        inside &= _dot(_cross(along, offset), normal) >= 0
    height = _dot(points - a, normal)
    # The normal of a triangle that is a line but for rounding may point anywhere.
    inside &= height**2 / np.where(area > 0, area, 1.0) < best
    return np.where(inside, points - height / np.where(area > 0, area, 1.0) * normal, nearest)


def _share(offset: Float64Array, along: Float64Array) -> Float64Array:
    """Shares (n,) of edges (3, n) at which the offsets (3, n) from their starts are nearest."""
    length = _dot(along, along)
    return np.clip(_dot(offset, along) / np.where(length > 0, length, 1.0), 0.0, 1.0)


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
