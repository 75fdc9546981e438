"""Piecewise-affine image warp over moved triangles."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_MOVED_PX: Final = 0.02
_SMALLEST_AREA_PX: Final = 0.02
_SUBPIXEL_BITS: Final = 6


@dataclass(frozen=True)
class Warp:
    """Source of each pixel of a warped image.

    region: (h, w) bool, the pixels inside moved triangles. map_x, map_y: (h, w) float32 source
    positions as ``cv2.remap`` counts them; the pixel's own outside the region.
    """

    region: NDArray[np.bool_]
    map_x: NDArray[np.float32]
    map_y: NDArray[np.float32]

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The warped (h, w, ...) image; pixels outside the region are the image's own."""
        warped = image.copy()
        rows, columns = np.nonzero(self.region)
        if rows.size == 0:
            return warped
        y, x = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
        moved = cv2.remap(
            image,
            self.map_x[y, x],
            self.map_y[y, x],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        inside = self.region[y, x]
        warped[y, x][inside] = moved[inside]
        return warped


def piecewise_affine(
    source: FloatArray,
    target: FloatArray,
    triangles: NDArray[np.int32],
    depth: FloatArray,
    height: int,
    width: int,
) -> Warp:
    """Warp that takes each triangle of points ``source`` (n, 2) to that of ``target`` (n, 2), px.

    Triangles (m, 3) whose corners do not move are left out, and so are those turned away or
    squeezed to nothing; what they leave uncovered moves with its neighbourhood. Nearer ones
    (smaller ``depth`` (n,)) are painted over farther ones.
    """
    moved = np.abs(target - source).max(axis=1) > _MOVED_PX
    used = triangles[moved[triangles].any(axis=1)]
    left = _painted(source, used, height, width) >= 0
    used = used[_facing(source, used) & _facing(target, used)]
    used = used[np.argsort(-depth[used].mean(axis=1), kind="stable")]
    label = _painted(target, used, height, width)
    label, region = _filled(label, left)
    map_y, map_x = np.mgrid[:height, :width].astype(np.float32)
    owner = label[region]
    rows, columns = np.nonzero(region)
    pixels = np.column_stack([columns + 0.5, rows + 0.5, np.ones(rows.size)])
    origin = np.einsum("nij,nj->ni", _affine_maps(target[used], source[used])[owner], pixels)
    # A thin triangle's map must not carry the pixels at its edge far away.
    corners = source[used]
    origin = origin.clip(corners.min(axis=1)[owner] - 0.5, corners.max(axis=1)[owner] + 0.5)
    map_x[region], map_y[region] = origin.T - 0.5
    return Warp(region, map_x, map_y)


def _painted(
    points: FloatArray, triangles: NDArray[np.int32], height: int, width: int
) -> NDArray[np.int32]:
    """Index (height, width) of the last triangle that covers a pixel, -1 where none does."""
    label = np.full((height, width), -1, dtype=np.int32)
    fixed = np.rint((points - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)
    for index, triangle in enumerate(triangles):
        cv2.fillConvexPoly(label, fixed[triangle], (index,), cv2.LINE_8, _SUBPIXEL_BITS)
    return label


def _filled(
    label: NDArray[np.int32], left: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Labels and region with the pixels that triangles ``left`` uncovered given to the nearest."""
    region = label >= 0
    holes = left & ~region
    if not holes.any() or not region.any():
        return label, region
    _, nearest = cv2.distanceTransformWithLabels(
        (~region).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.full(int(nearest.max()) + 1, -1, dtype=np.int32)
    owner[nearest[region]] = label[region]
    filled = label.copy()
    filled[holes] = owner[nearest[holes]]
    return filled, region | holes


def _signed_areas(points: FloatArray, triangles: NDArray[np.int32]) -> FloatArray:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    doubled = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    areas: FloatArray = 0.5 * doubled
    return areas


def _facing(points: FloatArray, triangles: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Triangles that turn like the mesh does when seen from the front, and have an area."""
    return _signed_areas(points, triangles) > _SMALLEST_AREA_PX


def _affine_maps(start: FloatArray, end: FloatArray) -> FloatArray:
    """Maps (m, 2, 3) that take triangles ``start`` (m, 3, 2) to ``end`` (m, 3, 2)."""
    corners = np.concatenate([start, np.ones((*start.shape[:2], 1))], axis=2)
    maps: FloatArray = np.linalg.solve(corners, end).transpose(0, 2, 1)
    return maps
