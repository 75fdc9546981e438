"""Triangle meshes as the scores need them: dense points, exact distances, area-fair samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

EDGE_MM = 1.0

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


def subdivide(
    vertices: FloatArray, faces: IntArray, edge_mm: float = EDGE_MM
) -> NDArray[np.float64]:
    """Points (n, 3) mm of the mesh after cutting it until no edge is longer than ``edge_mm``.

    A triangle is cut into n^2 alike ones, an edge as its finer triangle asks, so no point stands
    twice. Vertices that no face uses are left out.
    """
    corners = np.asarray(vertices, dtype=np.float64)
    if not len(faces):
        return np.zeros((0, 3))
    edges = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1)
    cuts = _cuts(corners[faces], edge_mm)

    pieces = [corners[np.unique(faces)]]
    lines, line = np.unique(np.sort(edges.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    line_cuts = np.ones(len(lines), dtype=np.intp)
    np.maximum.at(line_cuts, line.reshape(-1), np.repeat(cuts, 3))
    for count in np.unique(line_cuts):
        share = (np.arange(1, count) / count)[None, :, None]
        a, b = (corners[end][:, None] for end in lines[line_cuts == count].T)
        pieces.append(((1 - share) * a + share * b).reshape(-1, 3))
    pieces.extend(
        (_inner_weights(count) @ corners[faces[cuts == count]]).reshape(-1, 3)
        for count in np.unique(cuts)
    )
    return np.concatenate(pieces)


def _cuts(triangles: NDArray[np.float64], edge_mm: float) -> NDArray[np.intp]:
    """Pieces (n,) into which every edge of triangles (n, 3, 3) is cut to be short enough."""
    edges = np.linalg.norm(triangles - np.roll(triangles, -1, axis=1), axis=2)
    longest = edges.max(axis=1, initial=0.0)
    return np.maximum(np.ceil(longest / edge_mm - 1e-9), 1).astype(np.intp)


def _inner_weights(cuts: int) -> NDArray[np.float64]:
    """Barycentric weights (n, 3) of the grid points strictly inside a triangle cut ``cuts`` x."""
    i, j = np.meshgrid(np.arange(1, cuts), np.arange(1, cuts), indexing="ij")
    kept = i + j < cuts
    return np.stack([i[kept], j[kept], cuts - i[kept] - j[kept]], axis=1) / cuts


class Triangles:
    """A triangle surface that answers exact distances of points.

    vertices: (V, 3) mm; faces: (F, 3), at least one. Large triangles are cut into alike pieces,
    so that one radius bounds them all closely.
    """

    PIECE_MM = 3.0
    FEW = 8

    def __init__(self, vertices: FloatArray, faces: IntArray) -> None:
        whole = np.asarray(vertices, dtype=np.float64)[faces]
        cuts = _cuts(whole, self.PIECE_MM)
        self._pieces = np.concatenate(
            [
                np.einsum("pkj,fjc->fpkc", _piece_weights(count), whole[cuts == count]).reshape(
                    -1, 3, 3
                )
                for count in np.unique(cuts)
            ]
        )
        centres = self._pieces.mean(axis=1)
        reach = ((self._pieces - centres[:, None]) ** 2).sum(axis=2).max(initial=0.0)
        self._radius = float(np.sqrt(reach))
        self._tree = cKDTree(centres, balanced_tree=False, compact_nodes=False)

    def distances(self, points: FloatArray) -> NDArray[np.float64]:
        """Exact distance (n,) mm of points (n, 3) to the surface.

        The pieces are tried from the nearest centre on, until no further one can be nearer than
        the best: its centre is further away than that plus a piece's radius.
        """
        points = np.asarray(points, dtype=np.float64)
        best = np.full(len(points), np.inf)
        open_rows, few = np.arange(len(points)), self.FEW
        while len(open_rows):
            few = min(few, self._tree.n)
            away, pieces = self._tree.query(points[open_rows], k=np.arange(1, few + 1))
            tried = point_triangle_distances(
                np.repeat(points[open_rows], few, axis=0), self._pieces[pieces.ravel()]
            )
            best[open_rows] = tried.reshape(-1, few).min(axis=1)
            if few == self._tree.n:
                break
            open_rows = open_rows[away[:, -1] - self._radius < best[open_rows]]
            few *= 4
        return best


def point_triangle_distances(
    points: NDArray[np.float64], triangles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance (n,) of points (n, 3) to triangles (n, 3, 3), row by row.

    Either the foot of the perpendicular lies in the triangle, or an edge is nearest. An empty
    triangle counts as its edges.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    area = np.einsum("nc,nc->n", normal, normal)
    inside = area > 0
    edge = np.full(len(points), np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        along = end - start
        offset = points - start
        length = np.einsum("nc,nc->n", along, along)
        share = np.einsum("nc,nc->n", offset, along) / np.where(length > 0, length, 1.0)
        foot = offset - np.clip(share, 0.0, 1.0)[:, None] * along
        edge = np.minimum(edge, np.einsum("nc,nc->n", foot, foot))
        inside &= np.einsum("nc,nc->n", np.cross(along, offset), normal) >= 0
    height = np.einsum("nc,nc->n", points - a, normal)
    plane = height**2 / np.where(area > 0, area, 1.0)
    return np.sqrt(np.where(inside, np.minimum(plane, edge), edge))


def area_samples(
    vertices: FloatArray, faces: IntArray, edge_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 3) on the surface and the area (n,) mm2 that each stands for.

    The centres of triangles after cutting until no edge is longer than ``edge_mm``: unlike
    vertices, they weigh every part of the surface by its size.
    """
    triangles = np.asarray(vertices, dtype=np.float64)[faces]
    sides = triangles[:, 1:] - triangles[:, :1]
    area = 0.5 * np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    cuts = _cuts(triangles, edge_mm)
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
