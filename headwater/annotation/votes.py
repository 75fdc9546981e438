"""Votes of one parsed render for the part of every vertex that it shows.

Algorithm 1 of 3DDFA-V3 gives a pixel's part to the vertex nearest to it (k = 1), its eq. 3 looks a
vertex's part up at its own pixel. Both vote here, so that a mesh denser than the pixels has no
holes and a coarser one is not judged by single pixels.
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

# A vertex that lies further behind what its pixel's centre shows than this, and than the surface
# falls off within the pixel, is hidden.
_HIDDEN_MM: Final = 0.3
# Cosine between normal and ray below which a vertex is seen edge on and has no say.
_EDGE_ON: Final = 0.25


def view_votes(
    labels: NDArray[np.uint8], vertices: FloatArray, faces: IntArray, camera: Camera
) -> NDArray[np.float64]:
    """Votes (V, 9) by part id of a render with part ids (h, w).

    vertices: (V, 3) mm of the rendered head, faces: (F, 3). The votes of a vertex sum to the cosine
    at which it is seen, 0 where it is not.
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
    """Cosines (V,) between the vertices' normals and the directions to the camera."""
    towards = camera.centre - np.asarray(vertices, np.float64)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return np.asarray((vertex_normals(vertices, faces) * towards).sum(axis=1))


def _own_pixels(
    pixels: FloatArray, depth: FloatArray, shown: Raster, fall_mm: FloatArray
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Row and column (V,) of the vertices' pixels, and which of them the image shows.

    fall_mm: (V,) how far the surface round each falls off within a pixel.
    """
    height, width = shown.depth.shape
    inside = (depth > 0) & (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
    column, row = np.where(inside[:, None], np.floor(pixels), 0).astype(np.intp).T
    return row, column, inside & (depth <= shown.depth[row, column] + fall_mm + _HIDDEN_MM)
