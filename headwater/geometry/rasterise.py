"""A z-buffer: the triangle that each pixel of an image shows, and where on it.

Plain NumPy, for places that must run without rays; exact at pixel centres, which are at
integer + 0.5.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

# Candidate pixels of triangles that are looked at together, which bounds the memory.
_TOGETHER: Final = 2_000_000
_NEAR: Final = 1e-6


class Raster(NamedTuple):
    """The nearest triangles of an image, by pixel.

    triangle: (H, W) int32, -1 where nothing is. weights: (H, W, 3) float32 barycentric coordinates
    on the surface (corrected for perspective). depth: (H, W) float32, infinite where nothing is.
    """

    triangle: NDArray[np.int32]
    weights: NDArray[np.float32]
    depth: NDArray[np.float32]

    def carry(self, values: FloatArray, faces: NDArray[np.integer[Any]]) -> FloatArray:
        """Vertex values (V, C) interpolated to the n pixels that show something, (n, C)."""
        seen = self.triangle >= 0
        corners = values[faces[self.triangle[seen]]]
        return np.asarray(np.einsum("nk,nkc->nc", self.weights[seen], corners))


def rasterise(
    pixels: FloatArray,
    depth: FloatArray,
    faces: NDArray[np.integer[Any]],
    width: int,
    height: int,
    *,
    perspective: bool = True,
) -> Raster:
    """The nearest triangle at the centre of every pixel.

    pixels: (V, 2) px; depth: (V,), along the viewing direction; faces: (F, 3), of either
    orientation. perspective: for a pinhole camera; without it depth is linear in the image. Faces
    with a corner at or behind the camera, or of no area, show nowhere; of equally near ones the
    first.
    """
    places, depth = np.asarray(pixels, np.float64), np.asarray(depth, np.float64)
    nearness = 1.0 / depth if perspective else depth
    corners = places[faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    usable = np.isfinite(area) & (area != 0)
    if perspective:
        usable &= (depth[faces] > _NEAR).all(axis=1)
    low, high = _boxes(corners, usable, width, height)
    counts = np.prod(np.maximum(high - low, 0), axis=1)
    nearest = np.full(height * width, np.inf)
    triangle = np.full(height * width, -1, np.int32)
    weights = np.zeros((height * width, 3), np.float32)
    ends = np.searchsorted(np.cumsum(counts), np.arange(_TOGETHER, counts.sum(), _TOGETHER))
    for chosen in np.split(np.arange(len(faces)), ends):
        drawn = chosen[counts[chosen] > 0]
        if not len(drawn):
            continue
        pixel, face, share = _candidates(corners, low, high, drawn, width)
        inverse = np.einsum("nk,nk->n", share, nearness[faces[face]])
        far = 1.0 / inverse if perspective else inverse
        before = nearest[pixel]
        np.minimum.at(nearest, pixel, far)
        # Of equally near triangles the first is written last; those of earlier rounds stay.
        fresh = np.flatnonzero((far == nearest[pixel]) & (far < before))[::-1]
        on_face = share[fresh]
        if perspective:
            on_face = on_face * nearness[faces[face[fresh]]] * far[fresh, None]
        triangle[pixel[fresh]], weights[pixel[fresh]] = face[fresh], on_face
    shape = (height, width)
    return Raster(
        triangle.reshape(shape),
        weights.reshape(*shape, 3),
        nearest.astype(np.float32).reshape(shape),
    )


def _boxes(
    corners: FloatArray, usable: NDArray[np.bool_], width: int, height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and past-the-last column and row (F, 2) of the pixels that faces may cover."""
    size = np.array([width, height])
    bounded = np.where(usable[:, None, None], corners, -1.0)
    low = np.clip(np.ceil(bounded.min(axis=1) - 0.5), 0, size)
    high = np.clip(np.floor(bounded.max(axis=1) - 0.5) + 1, 0, size)
    return low.astype(np.int64), high.astype(np.int64)


def _candidates(
    corners: FloatArray,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    chosen: NDArray[np.int64],
    width: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Flat pixel (n,), face (n,) and image-plane shares (n, 3) of pixel centres inside faces."""
    size = (high - low)[chosen]
    counts = np.prod(size, axis=1)
    face = np.repeat(chosen, counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    row, column = np.divmod(np.arange(counts.sum()) - first, np.repeat(size[:, 0], counts))
    column, row = column + low[face, 0], row + low[face, 1]
    (ax, ay), (bx, by), (cx, cy) = corners[chosen].transpose(1, 2, 0)
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    # Shares are affine in the pixel: three numbers of each face, spread over its candidates.
    second = np.stack([(cy - ay), -(cx - ax), -(ax * (cy - ay) - ay * (cx - ax))]) / area
    third = np.stack([-(by - ay), (bx - ax), (ax * (by - ay) - ay * (bx - ax))]) / area
    u, v = column + 0.5, row + 0.5
    shares = [np.repeat(s, counts) for s in (*second, *third)]
    b = shares[0] * u + shares[1] * v + shares[2]
    c = shares[3] * u + shares[4] * v + shares[5]
    a = 1.0 - b - c
    inside = (a >= 0) & (b >= 0) & (c >= 0)
    pixel = row[inside] * width + column[inside]
    return pixel, face[inside], np.stack([a[inside], b[inside], c[inside]], axis=1)
