"""Area-fair samples of triangle meshes."""

from bisect import bisect
from math import isqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Of a mesh with spikes, or of another size, the longest edges are cut less often, so that no
# prediction takes more memory than this.
MOST_SAMPLES: Final = 500_000

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


def _cuts(triangles: NDArray[np.float64], edge_mm: float, most: int) -> NDArray[np.intp]:
    """Pieces (n,) into which every edge of triangles (n, 3, 3) is cut to be short enough.

    A triangle cut n times makes n^2 pieces. One limit to n holds for all, so that there are no
    more than ``most`` pieces in all, or no triangle is cut.
    """
    edges = np.linalg.norm(triangles - np.roll(triangles, -1, axis=1), axis=2)
    longest = edges.max(axis=1, initial=0.0)
    cuts = np.clip(np.ceil(longest / edge_mm - 1e-9), 1, isqrt(most)).astype(np.intp)
    limits = range(1, int(cuts.max(initial=1)) + 1)
    limit = bisect(limits, most, key=lambda limit: int((np.minimum(cuts, limit) ** 2).sum()))
    return np.minimum(cuts, max(limit, 1))


def area_samples(
    vertices: FloatArray, faces: IntArray, edge_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 3) on the surface and the area (n,) mm2 that each stands for.

    The centres of triangles after cutting until no edge is longer than ``edge_mm``: unlike
    vertices, they weigh every part of the surface by its size. There are at most ``MOST_SAMPLES``,
    or as many as triangles.
    """
    triangles = np.asarray(vertices, dtype=np.float64)[faces]
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
