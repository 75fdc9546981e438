"""Laplacian smoothing of a map's mesh, and fine relief from the photo (sections 4.1 and 4.2)."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.sparse import csr_array, diags_array

from headwater.systems.facevision.mesh import Surface, vertex_normals

Points = NDArray[np.floating[Any]]

STEP: Final = 0.5
# Spread of the blur that separates detail from coarse structure, as a share of the photo's side: 2
# px at 128.
BLUR_SHARE: Final = 2 / 128
# Largest displacement of a vertex, as a share of the mean edge.
MOST_SHARE: Final = 0.5
_LUMA: Final = np.array([0.299, 0.587, 0.114]) / 255.0


def smoothed(surface: Surface, iterations: int) -> Surface:
    """Every vertex but those of the boundary moved half of the way to its neighbours' mean."""
    if not len(surface.vertices) or not iterations:
        return surface
    step = _smoothing(surface.edges)
    vertices = surface.vertices
    for _ in range(iterations):
        vertices = step @ vertices
    return surface.moved(vertices)


def _smoothing(edges: csr_array) -> csr_array:
    """(v, v): one step, the identity for vertices of the boundary."""
    counts = np.diff(edges.indptr)
    # A boundary edge has one triangle.
    inner = np.minimum.reduceat(edges.data, edges.indptr[:-1]) > 1
    shares = csr_array(
        (np.repeat(np.where(inner, STEP / counts, 0.0), counts), edges.indices, edges.indptr),
        edges.shape,
    )
    return csr_array(shares + diags_array(np.where(inner, 1.0 - STEP, 1.0)))


def high_frequencies(photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Luma (h, w) of a photo (h, w, 3), 0..1, less its Gaussian blur: H of section 4.2."""
    luma = photo @ _LUMA
    return np.asarray(luma - gaussian_filter(luma, BLUR_SHARE * len(photo), mode="nearest"))


def detailed(surface: Surface, photo: NDArray[np.uint8], side: int, eta: float) -> Surface:
    """Vertices moved along their normals by what the photo shows finely.

    photo: (h, h, 3), the crop that the map of ``side`` px was made of, at any resolution. A vertex
    that is brighter than its neighbours rises: with e the mean edge, a = exp(-|v - w| / e) over the
    one-ring and n the normal, by eta e sum_w a (H(v) - H(w)) (1 - |<v - w, n>| / |v - w|) / sum a.
    """
    if not len(surface.vertices) or not eta:
        return surface
    scale = len(photo) / side
    at = (surface.pixel.T + 0.5) * scale - 0.5
    heights = map_coordinates(high_frequencies(photo), at, order=1, mode="nearest")
    edges = surface.edges
    counts = np.diff(edges.indptr)
    here = np.repeat(np.arange(len(counts)), counts)
    places = np.ascontiguousarray(surface.vertices.T)
    normals = np.ascontiguousarray(vertex_normals(surface.vertices, surface.faces).T)
    dx, dy, dz = places[:, here] - places[:, edges.indices]
    nx, ny, nz = normals[:, here]
    length = np.sqrt(dx * dx + dy * dy + dz * dz)
    mean_edge = float(length.mean())
    upright = np.abs(dx * nx + dy * ny + dz * nz) / np.maximum(length, 1e-30)
    near = np.exp(-length / mean_edge)
    rise = near * (heights[here] - heights[edges.indices]) * (1.0 - upright)
    starts = edges.indptr[:-1]
    mu = np.add.reduceat(rise, starts) / np.add.reduceat(near, starts)
    step = np.clip(eta * mu, -MOST_SHARE, MOST_SHARE) * mean_edge
    return surface.moved(surface.vertices + (step * normals).T)
