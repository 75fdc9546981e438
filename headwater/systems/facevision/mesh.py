"""A depth map as a triangle mesh: lifted, without background and spikes, in one piece."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, label
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from headwater.data.canonical import UNIT_MM, to_head_frame
from headwater.data.scenes import FloatArray

Points = NDArray[np.floating[Any]]
Faces = NDArray[np.int32]

# Triangles so many times longer or larger than the median one are spikes.
SPIKE: Final = 4.0
# The outermost pixels of a map mix face and background: 3 of them at 512 px, 1 at least.
RIM_SHARE: Final = 3 / 512
_EIGHT: Final = np.ones((3, 3), np.bool_)


@dataclass(frozen=True)
class Surface:
    """A mesh of a map's pixels.

    vertices: (v, 3) float64 mm. faces: (f, 3) int32, counter-clockwise seen from outside. pixel:
    (v, 2) int64, row and column of each vertex in the map. edges: (v, v), how many triangles each
    edge has: 1 at a boundary, 2 inside.
    """

    vertices: NDArray[np.float64]
    faces: Faces
    pixel: NDArray[np.int64]
    edges: csr_array

    def moved(self, vertices: NDArray[np.float64]) -> "Surface":
        """The same mesh with other vertices."""
        return replace(self, vertices=vertices)


def clean_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest 8-connected part of a mask (S, S) without its rim."""
    inner = binary_erosion(mask, iterations=max(1, round(len(mask) * RIM_SHARE)))
    parts, count = label(inner, _EIGHT)
    if not count:
        return inner
    return np.asarray(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])))


def grid_faces(mask: NDArray[np.bool_]) -> Faces:
    """Triangles (f, 3) of the pixels of a mask (S, S), numbered row by row.

    Two in each cell of four pixels, one in each of three: a Delaunay triangulation of the grid
    with its diagonals chosen, without those that reach over background.
    """
    number = np.full(mask.shape, -1, np.int32)
    number[mask] = np.arange(np.count_nonzero(mask))
    a, b = number[:-1, :-1].ravel(), number[:-1, 1:].ravel()
    c, d = number[1:, :-1].ravel(), number[1:, 1:].ravel()
    corners = np.stack([a, b, c, d])
    full, three = (np.count_nonzero(corners >= 0, axis=0) == count for count in (4, 3))
    pieces = [np.stack([a, c, b], axis=1)[full], np.stack([b, c, d], axis=1)[full]]
    for missing, triangle in ((a, (b, c, d)), (b, (a, c, d)), (c, (a, d, b)), (d, (a, c, b))):
        pieces.append(np.stack(triangle, axis=1)[three & (missing < 0)])
    return np.concatenate(pieces)


def lifted(mask: NDArray[np.bool_], depth_mm: Points, projection: Points) -> Points:
    """Places (v, 3), canonical units, of the pixels of a mask (S, S) at depths (S, S) mm.

    projection: (3, 4), canonical units to px; the third row gives depth.
    """
    rows, columns = np.nonzero(mask)
    depth = np.asarray(depth_mm, np.float64)[mask] / UNIT_MM
    seen = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))]) * depth
    matrix = np.asarray(projection, np.float64)
    return np.asarray(np.linalg.solve(matrix[:, :3], seen - matrix[:, 3:]).T)


def raw_surface(
    mask: NDArray[np.bool_], depth_mm: Points, projection: Points, origin_mm: FloatArray
) -> Surface:
    """The surface of a map, mm in the template's frame: without background, rim and spikes.

    One component, of which every vertex is in a triangle; without vertices where nothing is left.
    """
    kept = clean_mask(mask)
    vertices = to_head_frame(lifted(kept, depth_mm, projection), origin_mm).astype(np.float64)
    pixel = np.argwhere(kept)
    faces = grid_faces(kept)
    faces = faces[~spikes(vertices, faces)]
    return largest_component(vertices, faces, pixel)


def spikes(vertices: Points, faces: Faces) -> NDArray[np.bool_]:
    """(f,) bool: triangles whose longest side or area is more than ``SPIKE`` medians."""
    if not len(faces):
        return np.zeros(0, np.bool_)
    x, y, z = _sides(vertices, faces)
    longest = np.sqrt((x * x + y * y + z * z).max(axis=0))
    area = np.sqrt(sum(one * one for one in _cross((x[0], y[0], z[0]), (x[1], y[1], z[1]))))
    return np.asarray(
        (longest > SPIKE * np.median(longest)) | (area > SPIKE * np.median(area)), np.bool_
    )


def largest_component(
    vertices: NDArray[np.float64], faces: Faces, pixel: NDArray[np.int64]
) -> Surface:
    """The component with the most triangles, its vertices numbered anew."""
    count = len(vertices)
    if not len(faces):
        return Surface(vertices[:0], faces, pixel[:0], csr_array((0, 0)))
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_array((np.ones(len(ends), np.bool_), ends.T), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    own = component[faces[:, 0]]
    faces = faces[own == np.argmax(np.bincount(own))]
    used = np.zeros(count, np.bool_)
    used[faces] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    faces = number[faces].astype(np.int32)
    left = np.count_nonzero(used)
    return Surface(vertices[used], faces, pixel[used], edges_of(faces, left))


def edges_of(faces: Faces, count: int) -> csr_array:
    """(v, v), symmetric: how many triangles (f, 3) each edge between ``count`` vertices has."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([ends, ends[:, ::-1]])
    return coo_array((np.ones(len(both)), both.T), shape=(count, count)).tocsr()


def vertex_normals(vertices: Points, faces: Faces) -> NDArray[np.float64]:
    """(v, 3) unit normals, weighted by area; zero where triangles have none."""
    x, y, z = _sides(vertices, faces)
    normal = _cross((x[0], y[0], z[0]), (x[1], y[1], z[1]))
    corners = faces.T.ravel()
    summed = np.stack(
        [np.bincount(corners, np.tile(axis, 3), len(vertices)) for axis in normal], axis=1
    )
    length = np.sqrt((summed**2).sum(axis=1, keepdims=True))
    return summed / np.maximum(length, 1e-30)


def _sides(vertices: Points, faces: Faces) -> list[Points]:
    """x, y and z, each (3, f), of the three sides of triangles: coordinates apart, for speed."""
    index = faces.T.astype(np.intp)
    corners = [axis.take(index) for axis in np.ascontiguousarray(vertices.T)]
    return [axis[[1, 2, 0]] - axis for axis in corners]


def _cross(first: tuple[Points, ...], second: tuple[Points, ...]) -> tuple[Points, ...]:
    """Cross products by coordinates."""
    (ax, ay, az), (bx, by, bz) = first, second
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
