"""The topology of the 478-point face mesh, and fields that spread smoothly over it."""

from collections.abc import Iterable
from functools import cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets
from headwater.faces.mediapipe_adapter import face_mesh_edges

# Three edges of the tessellation that meet but bound two other triangles: the nostrils' sides.
_NO_TRIANGLES: Final = frozenset({(49, 64, 129), (279, 294, 358)})

RING_POINTS: Final = len(sets.FACE_OVAL)
RING_SCALE: Final = 1.45


@cache
def skin_triangles() -> NDArray[np.int32]:
    """Triangles (852, 3) of the mesh, all turned alike; eyes and mouth are open."""
    edges = face_mesh_edges()
    neighbours = _neighbours(edges)
    found = [
        (a, b, c)
        for a, b in sorted(edges)
        for c in sorted(neighbours[a] & neighbours[b])
        if c > b and (a, b, c) not in _NO_TRIANGLES
    ]
    return _turned_alike(found)


@cache
def eye_triangles() -> NDArray[np.int32]:
    """Triangles (28, 3) that close the two eyes, between the upper and the lower lid."""
    right = _strip(sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID)
    return np.vstack([right, _strip(sets.LEFT_UPPER_LID[::-1], sets.LEFT_LOWER_LID[::-1])])


@cache
def mouth_triangles() -> NDArray[np.int32]:
    """Triangles (18, 3) between the lips."""
    return _strip(sets.UPPER_LIP_BOTTOM, sets.LOWER_LIP_TOP)


@cache
def ring_triangles() -> NDArray[np.int32]:
    """Triangles (72, 3) between the face oval and the ring around it, points 478 to 513."""
    oval = sets.FACE_OVAL
    ring = [sets.COUNT_478 + i for i in range(RING_POINTS)]
    strips = []
    for i in range(RING_POINTS):
        j = (i + 1) % RING_POINTS
        strips += [(oval[i], ring[j], oval[j]), (oval[i], ring[i], ring[j])]
    return np.array(strips, dtype=np.int32)


def with_ring(landmarks_478: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (478, 2) and after them the ring (36, 2): the face oval, enlarged about its middle."""
    oval = landmarks_478[list(sets.FACE_OVAL)]
    middle = oval.mean(axis=0)
    return np.vstack([landmarks_478, middle + RING_SCALE * (oval - middle)])


def near(points: Iterable[int], steps: int) -> frozenset[int]:
    """Mesh points within ``steps`` edges of any of ``points``, these included."""
    neighbours = _neighbours(face_mesh_edges())
    reached = set(points)
    for _ in range(steps):
        reached |= {other for point in reached for other in neighbours[point]}
    return frozenset(reached)


def spread(driven: tuple[int, ...], free: frozenset[int]) -> NDArray[np.float64]:
    """Weights (514, n) that spread values at n ``driven`` points over the ``free`` ones.

    Harmonic on the mesh's graph (each free point is the mean of its neighbours), zero everywhere
    else, so that a warp by it is smooth and ends in unmoved points.
    """
    return _spread(driven, tuple(sorted(free - set(driven))))


@cache
def _spread(driven: tuple[int, ...], free: tuple[int, ...]) -> NDArray[np.float64]:
    count = sets.COUNT_478 + RING_POINTS
    adjacency = np.zeros((count, count))
    for triangles in (skin_triangles(), ring_triangles()):
        for a, b in combinations(range(3), 2):
            adjacency[triangles[:, a], triangles[:, b]] = 1
            adjacency[triangles[:, b], triangles[:, a]] = 1
    laplacian = np.diag(adjacency.sum(axis=1)) - adjacency
    weights = np.zeros((count, len(driven)))
    weights[list(driven), np.arange(len(driven))] = 1
    rows = list(free)
    towards_driven = -laplacian[np.ix_(rows, list(driven))]
    weights[rows] = np.linalg.solve(laplacian[np.ix_(rows, rows)], towards_driven)
    weights.setflags(write=False)
    return weights


def _strip(upper: tuple[int, ...], lower: tuple[int, ...]) -> NDArray[np.int32]:
    """Triangles between two lines of points that share their ends."""
    quads = zip(upper[:-1], upper[1:], lower[:-1], lower[1:], strict=True)
    halves = [corners for a, b, c, d in quads for corners in ((a, b, d), (a, d, c))]
    return np.array([corners for corners in halves if len(set(corners)) == 3], dtype=np.int32)


def _neighbours(edges: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    neighbours: dict[int, set[int]] = {point: set() for point in range(sets.MESH_POINTS)}
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    return neighbours


def _turned_alike(triangles: list[tuple[int, int, int]]) -> NDArray[np.int32]:
    """The triangles with corners in one turning sense: no directed edge occurs twice."""
    by_edge: dict[frozenset[int], list[int]] = {}
    for index, triangle in enumerate(triangles):
        for pair in combinations(triangle, 2):
            by_edge.setdefault(frozenset(pair), []).append(index)
    turned = {0: triangles[0]}
    waiting = [0]
    while waiting:
        index = waiting.pop()
        a, b, c = turned[index]
        for start, end in ((a, b), (b, c), (c, a)):
            for other in by_edge[frozenset((start, end))]:
                if other not in turned:
                    (third,) = set(triangles[other]) - {start, end}
                    turned[other] = (end, start, third)
                    waiting.append(other)
    return np.array([turned[index] for index in range(len(triangles))], dtype=np.int32)
