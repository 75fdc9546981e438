"""Spirals of vertices on a triangle surface, along which spiral convolutions run.

A spiral begins with its vertex, then goes round it counter-clockwise, ring by ring. The first
neighbour is the one on the shortest way over the edges to a reference vertex; of the reference
itself, the nearest (Bouritsas and others 2019). Rings that are open at a border are walked as
if they closed over the gap.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from headwater.geometry.rings import Rings

FloatArray = NDArray[np.floating[Any]]
Spirals = NDArray[np.int64]

# Vertices taken at a time, which bounds the memory.
_TOGETHER: Final = 8192
# Edges are measured in whole parts of the mean one: sums of such lengths are exact.
_PARTS: Final = 2**20


def spirals(
    vertices: FloatArray, rings: Rings, reference: int, length: int, hops: int = 2
) -> Spirals:
    """(V, length) the spirals of all vertices, cut where they are longer.

    vertices: (V, 3), any unit. hops: rings that are walked, 1 or 2; what is missing of ``length``
    then is V, the number of a vertex of zeros.
    """
    turned = Rings(_turned(vertices, rings, reference), rings.degrees, rings.border)
    count = len(vertices)
    found = np.full((count, length), count)
    for first in range(0, count, _TOGETHER):
        rows = np.arange(first, min(first + _TOGETHER, count))
        walk = np.concatenate([rows[:, None], turned.neighbours[rows]], axis=1)
        if hops == 2:
            walk = np.concatenate([walk, _second_ring(turned, rows)], axis=1)
        row, place, value = _firsts(walk)
        kept = place < length
        found[rows[row[kept]], place[kept]] = value[kept]
    return found


def _turned(vertices: FloatArray, rings: Rings, reference: int) -> NDArray[np.int64]:
    """The rings (V, D), each turned so that it begins with the neighbour towards the reference."""
    around, degrees, _ = rings
    count, width = around.shape
    there = around >= 0
    points = np.asarray(vertices, np.float64)
    away = points[around] - points[:, None]
    length = np.sqrt((away * away).sum(axis=2))
    parts = np.where(there, np.maximum(np.round(length * (_PARTS / length[there].mean())), 1.0), 0)
    row = np.nonzero(there)[0]
    graph = coo_array((parts[there], (row, around[there])), shape=(count, count)).tocsr()
    # Both directions of an edge are given: the directed search needs no transposed copy.
    distance = dijkstra(graph, indices=reference)
    onward = np.where(there, distance[around] + parts, np.inf)
    onward[reference] = np.where(there[reference], parts[reference], np.inf)
    # Of equally near neighbours the one of the lowest number.
    nearest = onward == onward.min(axis=1, keepdims=True)
    start = np.where(nearest, around, count).argmin(axis=1)
    place = (start[:, None] + np.arange(width)) % degrees[:, None]
    return np.where(there, np.take_along_axis(around, place, axis=1), -1)


def _second_ring(rings: Rings, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, D · D) what lies round the neighbours of vertices (n,), in order; -1 for nothing.

    Round each neighbour in turn, from the vertex itself on: the neighbour before, what lies
    outside, the neighbour after.
    """
    around, degrees, _ = rings
    first = around[rows]
    there = first >= 0
    their = around[first]
    back = (their == rows[:, None, None]).argmax(axis=2)
    width = around.shape[1]
    steps, sizes = np.arange(width), np.where(there, degrees[first], 1)
    place = (back[..., None] + steps) % sizes[..., None]
    turned = np.take_along_axis(their, place, axis=2)
    shown = there[..., None] & (steps < sizes[..., None])
    return np.where(shown, turned, -1).reshape(len(rows), -1)


def _firsts(
    walk: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows, places and values of what stands in each row of a walk (n, K) for the first time.

    -1 is left out; places are counted without it and without repetitions.
    """
    order = np.argsort(walk, axis=1, kind="stable")
    ordered = np.take_along_axis(walk, order, axis=1)
    fresh = np.ones(walk.shape, np.bool_)
    fresh[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    new = np.zeros(walk.shape, np.bool_)
    np.put_along_axis(new, order, fresh & (ordered >= 0), axis=1)
    row, column = np.nonzero(new)
    return row, (new.cumsum(axis=1) - 1)[row, column], walk[row, column]
