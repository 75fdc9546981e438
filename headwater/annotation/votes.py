"""Votes of one parsed render for the part of every vertex that it shows.

In Algorithm 1 of 3DDFA-V3 each pixel's part goes to the nearest vertex (k = 1); in eq. 3 each
vertex takes the part of the pixel that it projects to. Both vote here, so that a mesh denser than
the pixels has no vertices without votes, and a coarser one has more than one pixel for each.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import Part
from headwater.geometry.cameras import Camera, project
from headwater.geometry.rasterise import Raster, rasterise
from headwater.rendering.tracing import vertex_normals

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int32]

# A vertex is hidden where it lies behind the surface at its pixel's centre by more than this and by
# more than the depth of the surface changes within the pixel.
_HIDDEN_MM: Final = 0.3
# A vertex has no votes where the cosine between its normal and the ray to the camera is less.
_EDGE_ON: Final = 0.25


def view_votes(
    labels: NDArray[np.uint8], vertices: FloatArray, faces: IntArray, camera: Camera
) -> NDArray[np.float64]:
    """Votes (V, 9) by part id of a render with part ids (h, w).

    vertices: (V, 3) mm of the rendered head, faces: (F, 3). The votes for a vertex sum to the
    cosine between its normal and the ray to the camera, and to 0 where it is not seen.
    """
    pixels, depth = project(camera, vertices)
    shown = rasterise(pixels, depth, faces, camera.width, camera.height)
    facing = _facing(vertices, faces, camera)
    fall = np.sqrt(1.0 - np.minimum(facing**2, 1.0)) / np.maximum(facing, _EDGE_ON)
    row, column, seen = _own_pixels(pixels, depth, shown, fall * depth / camera.K[0, 0])
    seen &= facing > _EDGE_ON
    counts = np.zeros((len(pixels), len(Part)))
    own = np.flatnonzero(seen)
    np.add.at(counts, (own, labels[row[own], column[own]]), 1.0)
    drawn = shown.triangle >= 0
    corner = shown.weights[drawn].argmax(axis=1)
    nearest = faces[shown.triangle[drawn], corner]
    np.add.at(counts, (nearest, labels[drawn]), 1.0)
    counts[~seen] = 0.0
    total = counts.sum(axis=1)
    weight = np.where(seen, facing, 0.0) / np.maximum(total, 1.0)
    return np.asarray(counts * weight[:, None])


def _facing(vertices: FloatArray, faces: IntArray, camera: Camera) -> NDArray[np.float64]:
    """Cosines (V,) between the vertices' normals and the rays to the camera."""
    towards = camera.centre - np.asarray(vertices, np.float64)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return np.asarray((vertex_normals(vertices, faces) * towards).sum(axis=1))


def _own_pixels(
    pixels: FloatArray, depth: FloatArray, shown: Raster, fall_mm: FloatArray
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Row and column (V,) of the vertices' pixels, and whether the image shows each vertex (V,).

    fall_mm: (V,) change of the surface's depth within a pixel at each vertex.
    """
    height, width = shown.depth.shape
    inside = (depth > 0) & (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
    column, row = np.where(inside[:, None], np.floor(pixels), 0).astype(np.intp).T
    return row, column, inside & (depth <= shown.depth[row, column] + fall_mm + _HIDDEN_MM)
