"""Triangle meshes as the scores need them: dense points and area-fair samples."""

from bisect import bisect
from math import isqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

EDGE_MM: Final = 1.0
# A head takes a tenth of this. Of a mesh with spikes, or of another size, the longest edges are cut
# less often, so that no prediction takes more memory than this.
MOST_PIECES: Final = 4_000_000
MOST_SAMPLES: Final = 500_000

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


def subdivide(
    vertices: FloatArray, faces: IntArray, edge_mm: float = EDGE_MM
) -> NDArray[np.float64]:
    """Points (n, 3) mm of the mesh after cutting it until no edge is longer than ``edge_mm``.

    A triangle is cut into n^2 alike ones, an edge as finely as its finer triangle, so no point
    stands twice. Vertices that no face uses are left out. Where this would take more than
    ``MOST_PIECES`` triangles, those that are cut most are cut less.
    """
    corners = np.asarray(vertices, dtype=np.float64)
    if not len(faces):
        return np.zeros((0, 3))
    edges = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1)
    cuts = _cuts(corners[faces], edge_mm, MOST_PIECES)

    pieces = [corners[np.unique(faces)]]
    low, high = np.sort(edges.reshape(-1, 2).astype(np.int64), axis=1).T
    keys, line = np.unique(low * len(corners) + high, return_inverse=True)
    lines = np.stack(np.divmod(keys, len(corners)), axis=1)
    line_cuts = np.ones(len(lines), dtype=np.intp)
    np.maximum.at(line_cuts, line, np.repeat(cuts, 3))
    for count in np.unique(line_cuts):
        share = (np.arange(1, count) / count)[None, :, None]
        a, b = (corners[end][:, None] for end in lines[line_cuts == count].T)
        pieces.append(((1 - share) * a + share * b).reshape(-1, 3))
    pieces.extend(
        (_inner_weights(count) @ corners[faces[cuts == count]]).reshape(-1, 3)
        for count in np.unique(cuts)
    )
    return np.concatenate(pieces)


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


def _inner_weights(cuts: int) -> NDArray[np.float64]:
    """Barycentric weights (n, 3) of the grid points strictly inside a triangle cut ``cuts`` x."""
    i, j = np.meshgrid(np.arange(1, cuts), np.arange(1, cuts), indexing="ij")
    kept = i + j < cuts
    return np.stack([i[kept], j[kept], cuts - i[kept] - j[kept]], axis=1) / cuts


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
