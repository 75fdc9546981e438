"""Area-fair samples of triangle meshes."""

from bisect import bisect
from math import isqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.triangles import squared_distances

# Most samples of a mesh. Where it has spikes or another size, its longest edges are cut less often,
# so that no prediction takes more memory.
MOST_SAMPLES: Final = 500_000

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


def _cuts(triangles: NDArray[np.float64], edge_mm: float, most: int) -> NDArray[np.intp]:
    """Pieces (n,) into which every edge of triangles (n, 3, 3) is cut to be short enough.

    A triangle cut n times makes n^2 pieces. One limit to n holds for all, so that there are no
    more than ``most`` pieces in all, or no triangle is cut.
    """
    longest = _edges(triangles).max(axis=1, initial=0.0)
    cuts = np.clip(np.ceil(longest / edge_mm - 1e-9), 1, isqrt(most)).astype(np.intp)
    limits = range(1, int(cuts.max(initial=1)) + 1)
    limit = bisect(limits, most, key=lambda limit: int((np.minimum(cuts, limit) ** 2).sum()))
    return np.minimum(cuts, max(limit, 1))


def pieces_near(
    triangles: NDArray[np.float64], centre: FloatArray, radius_mm: float
) -> NDArray[np.float64]:
    """Pieces (m, 3, 3) of triangles (n, 3, 3) mm that reach within ``radius_mm`` of a centre (3,).

    Triangles are left whole, but for those longer than the radius: they are halved until no piece
    is, so that a sheet of any size has a few pieces near, which make up all of it there. Halving
    ends early where there would be more than ``MOST_SAMPLES``.
    """
    near = _within(np.asarray(triangles, np.float64), centre, radius_mm)
    done, count = [], 0
    while len(near) and count + len(near) <= MOST_SAMPLES:
        edges = _edges(near)
        long = edges.max(axis=1) > radius_mm
        done.append(near[~long])
        count += len(done[-1])
        near = _within(_halves(near[long], edges[long].argmax(axis=1)), centre, radius_mm)
    return np.concatenate([*done, near])


def _within(
    triangles: NDArray[np.float64], centre: FloatArray, radius_mm: float
) -> NDArray[np.float64]:
    middle = np.broadcast_to(np.asarray(centre, np.float64)[:, None], (3, len(triangles)))
    squared = squared_distances(middle, triangles.transpose(1, 2, 0))
    return triangles[squared <= radius_mm**2]


def _halves(triangles: NDArray[np.float64], edge: IntArray) -> NDArray[np.float64]:
    """Both halves (2n, 3, 3) of triangles (n, 3, 3), cut through the middle of their edge (n,)."""
    corners = (edge[:, None] + np.arange(3)) % 3
    start, end, tip = np.take_along_axis(triangles, corners[:, :, None], axis=1).transpose(1, 0, 2)
    middle = 0.5 * (start + end)
    return np.concatenate(
        [np.stack([start, middle, tip], axis=1), np.stack([middle, end, tip], axis=1)]
    )


def _edges(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths (n, 3) of the edges of triangles (n, 3, 3), each from the corner of its number."""
    lengths = np.linalg.norm(triangles - np.roll(triangles, -1, axis=1), axis=2)
    return np.asarray(lengths)


def area_samples(
    triangles: NDArray[np.float64], edge_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 3) on triangles (n, 3, 3) mm, and the area (n,) mm2 that each stands for.

    The centres of triangles after cutting until no edge is longer than ``edge_mm``: unlike
    vertices, they weigh every part of the surface by its size. There are at most ``MOST_SAMPLES``,
    or as many as triangles.
    """
    sides = triangles[:, 1:] - triangles[:, :1]
    area = 0.5 * np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    cuts = _cuts(triangles, edge_mm, MOST_SAMPLES)
    points, areas = [np.zeros((0, 3))], [np.zeros(0)]
    for count in np.unique(cuts):
        chosen = cuts == count
        centres = _piece_weights(count).mean(axis=1)
        points.append((centres @ triangles[chosen]).reshape(-1, 3))
        areas.append(np.repeat(area[chosen] / count**2, count**2))
    return np.concatenate(points), np.concatenate(areas)


def _piece_weights(cuts: int) -> NDArray[np.float64]:
    """Barycentric weights (cuts^2, 3, 3) of the corners of a triangle's alike pieces."""
    i, j = np.meshgrid(np.arange(cuts), np.arange(cuts), indexing="ij")
    upright, turned = i + j < cuts, i + j < cuts - 1
    low = np.stack([i[upright], j[upright]], axis=1)
    high = np.stack([i[turned], j[turned]], axis=1)
    corners = np.concatenate(
        [
            low[:, None] + np.array([[0, 0], [1, 0], [0, 1]]),
            high[:, None] + np.array([[1, 1], [0, 1], [1, 0]]),
        ]
    )
    third = cuts - corners.sum(axis=2, keepdims=True)
    return np.asarray(np.concatenate([corners, third], axis=2) / cuts)
