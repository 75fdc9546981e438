"""Rays from the pixels of a camera to a mesh, and values carried from vertices to pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.geometry.cameras import Camera, project
from headwater.geometry.rays import RayMesh

Float32Array = NDArray[np.float32]
IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


def float32(values: ArrayLike) -> Float32Array:
    """``values`` as an array of 32-bit numbers."""
    return np.asarray(values, dtype=np.float32)


class Samples(NamedTuple):
    """The n samples of an image grid that hit a mesh.

    cell: (n,) flat positions in the grid, row by row. triangle: (n,) int32.
    barycentric: (n, 3) float32. depth: (n,) float32 z-depth, mm. direction: (n, 3) float32 from
    the camera, head frame, with a z-depth of 1.
    """

    cell: IndexArray
    triangle: NDArray[np.int32]
    barycentric: Float32Array
    depth: Float32Array
    direction: Float32Array


def trace(mesh: RayMesh, vertices: Float32Array, camera: Camera, per_pixel: int) -> Samples:
    """First hits of the ``per_pixel`` x ``per_pixel`` sub-pixel grid of ``camera``.

    The grid has (height * per_pixel) rows of (width * per_pixel) samples; with ``per_pixel`` 1
    the samples are the pixel centres. Only the box around ``vertices`` (V, 3) mm is searched.
    """
    columns, rows = _box(camera, vertices, per_pixel)
    to_head = (camera.R.T @ np.linalg.inv(camera.K)).astype(np.float64)
    u, v = (columns + 0.5) / per_pixel, (rows + 0.5) / per_pixel
    along_row = u[:, None] * to_head[:, 0] + to_head[:, 2]
    directions = (v[:, None, None] * to_head[:, 1] + along_row).astype(np.float32).reshape(-1, 3)
    hits = mesh.first_hit(camera.centre, directions)
    seen = np.flatnonzero(hits.triangle >= 0)
    in_row, in_column = np.divmod(seen, len(columns)) if len(columns) else (seen, seen)
    index = rows[in_row] * (camera.width * per_pixel) + columns[in_column]
    return Samples(
        index,
        hits.triangle[seen],
        hits.barycentric[seen],
        hits.distance[seen],
        directions[seen],
    )


def chosen(samples: Samples, keep: BoolArray) -> Samples:
    """The samples where ``keep`` (n,) holds."""
    cell, triangle, barycentric, depth, direction = samples
    return Samples(cell[keep], triangle[keep], barycentric[keep], depth[keep], direction[keep])


def merged(first: Samples, second: Samples) -> Samples:
    """The samples of ``first``, then those of ``second``."""
    return Samples(
        np.concatenate([first.cell, second.cell]),
        np.concatenate([first.triangle, second.triangle]),
        np.concatenate([first.barycentric, second.barycentric]),
        np.concatenate([first.depth, second.depth]),
        np.concatenate([first.direction, second.direction]),
    )


def behind(mesh: RayMesh, camera: Camera, samples: Samples) -> Samples:
    """Next hits of the rays of ``samples``; rays without one are left out."""
    depth = samples.depth + np.float32(0.05)
    hits = mesh.first_hit(camera.centre + samples.direction * depth[:, None], samples.direction)
    found = Samples(
        samples.cell, hits.triangle, hits.barycentric, depth + hits.distance, samples.direction
    )
    return chosen(found, hits.triangle >= 0)


def carry(values: Float32Array, faces: NDArray[np.int32], samples: Samples) -> Float32Array:
    """Vertex values (V, C) interpolated to the samples (n, C), float32."""
    corners = faces[samples.triangle]
    weights = samples.barycentric
    result: Float32Array = values[corners[:, 0]] * weights[:, :1]
    result += values[corners[:, 1]] * weights[:, 1:2]
    result += values[corners[:, 2]] * weights[:, 2:]
    return result


def vertex_normals(vertices: Float32Array, faces: NDArray[np.int32]) -> Float32Array:
    """Unit normals (V, 3) float32, weighted by the areas of the triangles around each vertex."""
    corners = vertices[faces]
    area_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    owner = faces.reshape(-1)
    spread = np.repeat(area_normals, 3, axis=0).astype(np.float64)
    summed = np.stack(
        [np.bincount(owner, spread[:, axis], minlength=len(vertices)) for axis in range(3)], axis=1
    )
    return normalised(summed.astype(np.float32))


def normalised(vectors: Float32Array) -> Float32Array:
    """Rows (n, 3) scaled to length 1; zero rows stay zero."""
    length = np.sqrt(np.einsum("nc,nc->n", vectors, vectors))
    unit: Float32Array = vectors / np.maximum(length, np.float32(1e-12))[:, None]
    return unit


def pooled(grid: Float32Array, per_pixel: int) -> Float32Array:
    """Mean of each pixel's sub-pixel samples: (H * s, W * s, C) to (H, W, C)."""
    total = grid[::per_pixel, ::per_pixel].copy()
    for shift in range(1, per_pixel * per_pixel):
        row, column = divmod(shift, per_pixel)
        total += grid[row::per_pixel, column::per_pixel]
    return total / np.float32(per_pixel * per_pixel)


def _box(camera: Camera, vertices: Float32Array, per_pixel: int) -> tuple[IndexArray, IndexArray]:
    """Columns and rows of the sub-pixel grid that the vertices can cover."""
    size = np.array([camera.width, camera.height]) * per_pixel
    pixels, depth = project(camera, vertices)
    if (depth <= 0).any():
        low, high = np.zeros(2, dtype=np.intp), size
    else:
        low = np.clip(np.floor(pixels.min(axis=0) * per_pixel) - 1, 0, size).astype(np.intp)
        high = np.clip(np.ceil(pixels.max(axis=0) * per_pixel) + 1, 0, size).astype(np.intp)
    return np.arange(low[0], high[0]), np.arange(low[1], high[1])
