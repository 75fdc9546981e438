"""Quadric edge collapse that keeps end points (Garland and Heckbert 1997), on one heap.

A collapse merges one end of an edge into the other, which stays where it is: coarse vertices are a
subset of the fine ones. Collapses that would break the surface are refused (the link condition of
Dey and others 1999). All sums are of plain double-precision numbers in a fixed order, and equal
costs are told apart by vertex numbers: the result is the same everywhere.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.errors import HeadwaterError

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

# Weight of the planes that hold open borders in place, beside those of faces.
BORDER: Final = 10.0
# Weight of the distance to a vertex itself: it tells collapses on flat surfaces apart.
COMPACT: Final = 1e-3

# Symmetric 4 x 4 matrix by rows, its entries off the diagonal doubled: xx xy xz x yy yz y zz z 1.
_Quadric = tuple[float, float, float, float, float, float, float, float, float, float]
_Entry = tuple[float, int, int]


class Decimated(NamedTuple):
    """A coarser surface.

    kept: (v,) int64 vertices of the fine one, ascending. faces: (f, 3) int64, of their places in
    ``kept``, in the order and orientation of the fine faces.
    """

    kept: NDArray[np.int64]
    faces: NDArray[np.int64]


def decimate(vertices: FloatArray, faces: IntArray, target: int) -> Decimated:
    """The surface with ``target`` of its vertices.

    vertices: (V, 3), any unit; faces: (F, 3), a manifold, with or without borders, in which every
    vertex is used. Raises HeadwaterError where collapses that keep it a manifold end before.
    """
    with _no_garbage():
        mesh = _Mesh(vertices, faces)
        left = len(vertices)
        while left > target and mesh.heap:
            left -= mesh.collapse_cheapest()
    if left > target:
        raise HeadwaterError(
            f"the surface of {len(vertices)} vertices cannot be simplified to {target} without "
            f"breaking it: {left} are left; mend its holes and handles, or ask for fewer levels"
        )
    into = mesh.merged_into()
    kept = np.flatnonzero(into == np.arange(len(into)))
    moved = into[faces]
    whole = (moved != np.roll(moved, 1, axis=1)).all(axis=1)
    return Decimated(kept, np.searchsorted(kept, moved[whole]))


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Without the search for circles of references, of which millions of tuples here have none.

    It would take a third of the time.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


class _Mesh:
    """Neighbours and quadrics of a surface that is being simplified.

    heap: (cost, kept vertex, removed vertex) of edges. edges: of every vertex its neighbours, with
    the heap's entry of the edge between them; other entries of the heap are outdated. One vertex
    more stands for everything outside: it is a neighbour of every vertex on a border.
    """

    def __init__(self, vertices: FloatArray, faces: IntArray) -> None:
        points = np.asarray(vertices, np.float64)
        points = points - points[0]
        faces = np.asarray(faces, np.int64)
        directed = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        keys = directed.min(axis=1) * len(points) + directed.max(axis=1)
        unique, first, uses = np.unique(keys, return_index=True, return_counts=True)
        pairs = np.stack(np.divmod(unique, len(points)), axis=1)
        open_edges = np.sort(first[uses == 1])
        border = directed[open_edges]
        quadrics = _quadrics(points, faces, border, open_edges // 3)
        self.points: list[tuple[float, float, float]] = [tuple(p) for p in points.tolist()]
        self.quadrics: list[_Quadric] = [tuple(q) for q in quadrics.tolist()]
        self.outside = len(points)
        self.into = np.arange(len(points))
        self.edges: list[dict[int, _Entry | None]] = [{} for _ in range(len(points) + 1)]
        self.heap = _entries(points, quadrics, pairs)
        for entry in self.heap:
            self._join(entry[1], entry[2], entry)
        for vertex in np.unique(border).tolist():
            self._join(vertex, self.outside, None)
        heapify(self.heap)

    def _join(self, one: int, other: int, entry: _Entry | None) -> None:
        self.edges[one][other] = entry
        self.edges[other][one] = entry

    def collapse_cheapest(self) -> int:
        """Take the cheapest edge from the heap; 1 where a vertex went, 0 where it had to stay."""
        entry = heappop(self.heap)
        _, kept, removed = entry
        around, gone = self.edges[kept], self.edges[removed]
        if around.get(removed) is not entry:
            return 0
        # Links of the ends may meet in the two sides of the edge alone.
        common = around.keys() & gone.keys()
        if len(common) != 2 or len(around) + len(gone) < 7:
            return 0
        for other in gone:
            del self.edges[other][removed]
            if other != kept:
                around[other] = self.edges[other][kept] = None
        gone.clear()
        self.into[removed] = kept
        first, second = self.quadrics[kept], self.quadrics[removed]
        self.quadrics[kept] = tuple(map(float.__add__, first, second))  # type: ignore[assignment]
        self._renew(kept)
        return 1

    def _renew(self, vertex: int) -> None:
        """New entries of all edges of a vertex whose quadric has changed.

        Everything is written out: this is where the time goes.
        """
        around, quadrics, points, heap = self.edges[vertex], self.quadrics, self.points, self.heap
        qa, qb, qc, qd, qe, qf, qg, qh, qi, qj = quadrics[vertex]
        px, py, pz = points[vertex]
        for other in around:
            if other == self.outside:
                continue
            a, b, c, d, e, f, g, h, i, j = quadrics[other]
            a, b, c, d, e = a + qa, b + qb, c + qc, d + qd, e + qe
            f, g, h, i, j = f + qf, g + qg, h + qh, i + qi, j + qj
            x, y, z = points[other]
            here = (
                px * (a * px + b * py + c * pz + d) + py * (e * py + f * pz + g) + pz * (h * pz + i)
            )
            there = x * (a * x + b * y + c * z + d) + y * (e * y + f * z + g) + z * (h * z + i)
            if here < there or (here == there and vertex < other):
                entry = (here + j, vertex, other)
            else:
                entry = (there + j, other, vertex)
            around[other] = self.edges[other][vertex] = entry
            heappush(heap, entry)

    def merged_into(self) -> NDArray[np.int64]:
        """(V,) the vertex that each was merged into in the end, itself where it is left."""
        into = self.into
        while not np.array_equal(into[into], into):
            into = into[into]
        return into


def _quadrics(
    points: FloatArray, faces: IntArray, border: IntArray, beside: IntArray
) -> FloatArray:
    """(V, 10) squared distances to the planes round each vertex of points (V, 3), by their areas.

    faces: (F, 3). border: (b, 2) edges with a face on one side alone; beside: (b,) these faces.
    """
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    length = np.sqrt((across * across).sum(axis=1))
    unit = across / np.where(length > 0, length, 1.0)[:, None]
    total, area = np.zeros((len(points), 10)), np.zeros(len(points))
    of_faces = _plane(unit, a, length / 2)
    for corner in range(3):
        _add_at(total, faces[:, corner], of_faces)
        area += np.bincount(faces[:, corner], length / 2, len(points))
    total += _distance(points, COMPACT * area)
    start, end = points[border[:, 0]], points[border[:, 1]]
    # Planes through border edges, perpendicular to their faces.
    side = np.cross(end - start, unit[beside])
    squared = (side * side).sum(axis=1)
    side = side / np.sqrt(np.where(squared > 0, squared, 1.0))[:, None]
    for which in range(2):
        _add_at(total, border[:, which], _plane(side, start, BORDER * squared))
    return total


def _plane(normal: FloatArray, point: FloatArray, weight: FloatArray) -> FloatArray:
    """(n, 10) squared distances to planes through points (n, 3) with unit normals (n, 3)."""
    x, y, z = normal.T
    p, q, r = point.T
    d = -(x * p + y * q + z * r)
    rows = [x * x, 2 * x * y, 2 * x * z, 2 * x * d, y * y, 2 * y * z, 2 * y * d, z * z, 2 * z * d]
    return np.stack([*rows, d * d], axis=1) * weight[:, None]


def _distance(points: FloatArray, weight: FloatArray) -> FloatArray:
    """(n, 10) squared distances to points (n, 3)."""
    x, y, z = points.T
    one, none = np.ones(len(points)), np.zeros(len(points))
    rows = [one, none, none, -2 * x, one, none, -2 * y, one, -2 * z, x * x + y * y + z * z]
    return np.stack(rows, axis=1) * weight[:, None]


def _add_at(total: FloatArray, rows: IntArray, values: FloatArray) -> None:
    """Add values (n, 10) to rows (n,) of ``total``, one after the other."""
    for column in range(total.shape[1]):
        total[:, column] += np.bincount(rows, values[:, column], len(total))


def _entries(points: FloatArray, quadrics: FloatArray, pairs: IntArray) -> list[_Entry]:
    """The heap's first entries, of edges (E, 2)."""
    low, high = pairs.T
    both = (quadrics[low] + quadrics[high]).T
    here, there = _value(both, points[low].T), _value(both, points[high].T)
    first = here <= there
    cost = np.where(first, here, there).tolist()
    kept, removed = np.where(first, low, high).tolist(), np.where(first, high, low).tolist()
    return list(zip(cost, kept, removed, strict=True))


def _value(quadric: FloatArray, point: FloatArray) -> FloatArray:
    """(n,) of quadrics (10, n) at points (3, n)."""
    k, m, n, o, p, q, r, s, t, u = quadric
    x, y, z = point
    return x * (k * x + m * y + n * z + o) + y * (p * y + q * z + r) + z * (s * z + t) + u
