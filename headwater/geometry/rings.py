"""Rings of neighbours on a triangle surface, and the checks that make it one.

A ring goes counter-clockwise, seen from the side on which faces do. On a border, where it is open,
it begins with the neighbour after the gap.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from headwater.errors import HeadwaterError

IntArray = NDArray[np.integer[Any]]


class Rings(NamedTuple):
    """neighbours: (V, D) int64, -1 after the last. degrees: (V,). border: (V,) bool."""

    neighbours: NDArray[np.int64]
    degrees: NDArray[np.int64]
    border: NDArray[np.bool_]


def components(faces: IntArray, count: int) -> NDArray[np.int64]:
    """(count,) number of the connected piece of every vertex of faces (F, 3)."""
    edges = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def rings_of(faces: IntArray, count: int, name: str) -> Rings:
    """The rings of ``count`` vertices of a surface with faces (F, 3).

    Raises HeadwaterError, which begins with ``name``, for what is no connected, consistently
    turned manifold of all its vertices. Borders are allowed.
    """
    faces = np.asarray(faces, np.int64)
    starts = faces.reshape(-1)
    ends, thirds = np.roll(faces, -1, axis=1).reshape(-1), np.roll(faces, -2, axis=1).reshape(-1)
    twin = _twins(starts, ends, count, name)
    corners = np.bincount(starts, minlength=count)
    if not corners.all():
        raise HeadwaterError(
            f"{name}: vertex {corners.argmin()} is in no triangle; leave unused vertices out"
        )
    pieces = components(faces, count).max() + 1
    if pieces > 1:
        raise HeadwaterError(
            f"{name}: the surface is in {pieces} pieces; give one connected surface"
        )
    # Half-edge before each in its face: its twin leaves the same vertex, a neighbour further on.
    edges = np.arange(len(starts))
    before = edges - edges % 3 + (edges + 2) % 3
    first = np.full(count, len(starts))
    np.minimum.at(first, starts, edges)
    open_edges = np.flatnonzero(twin < 0)
    border = np.zeros(count, np.bool_)
    border[starts[open_edges]] = True
    first[starts[open_edges]] = open_edges
    columns, here, seen = [ends[first]], first.copy(), np.ones(count, np.int64)
    active = np.ones(count, np.bool_)
    while active.any():
        column = np.full(count, -1)
        column[active] = thirds[here[active]]
        here[active] = twin[before[here[active]]]
        active &= (here >= 0) & (here != first)
        # A closed ring ends where it began.
        column[(column == columns[0]) & ~border] = -1
        columns.append(column)
        seen += active
    if (seen != corners).any():
        vertex = int(np.flatnonzero(seen != corners)[0])
        raise HeadwaterError(
            f"{name}: no manifold, several fans of triangles meet in vertex {vertex} alone; "
            "separate them"
        )
    neighbours = np.stack(columns, axis=1)
    degrees = (neighbours >= 0).sum(axis=1)
    return Rings(neighbours[:, : degrees.max()], degrees, border)


def _twins(starts: IntArray, ends: IntArray, count: int, name: str) -> NDArray[np.int64]:
    """(h,) the opposite of every half-edge, -1 on a border."""
    keys, opposite = starts * count + ends, ends * count + starts
    if (starts == ends).any():
        raise HeadwaterError(f"{name}: a triangle names a vertex twice; leave such triangles out")
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(twice):
        edge = order[twice[0]]
        raise HeadwaterError(
            f"{name}: no manifold, edge {starts[edge]} to {ends[edge]} is in several triangles of "
            "one turning direction; mend the mesh"
        )
    place = np.minimum(np.searchsorted(ordered, opposite), len(ordered) - 1)
    return np.where(ordered[place] == opposite, order[place], -1)
