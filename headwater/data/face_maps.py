"""Depth and correspondence maps of a head, as a camera sees it, and the published 8-bit files."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.face_codes import FaceCut
from headwater.data.scenes import FloatArray
from headwater.geometry.rasterise import Raster, rasterise

Points = NDArray[np.floating[Any]]
# Margin of the depth range before and behind the mean head, as a share of its extent: other heads
# stay inside the range, and faces above the background's 0.
MARGIN: Final = 0.1
# Values of 8-bit maps that are less are background (section 7).
BACKGROUND: Final = 10 / 255
# Largest integer of a map in a table, for the value 1.
LEVELS: Final = 65535


@dataclass(frozen=True)
class MapSize:
    """Size of maps: ``px`` a side, of a crop whose side is ``mm`` long at the head's depth."""

    px: int
    mm: float


@dataclass(frozen=True)
class DepthRange:
    """Depths, mm from the camera, for which a depth map has 1 (near) and 0 (far)."""

    near_mm: float
    far_mm: float

    @property
    def middle_mm(self) -> float:
        """Depth half way, mm from the camera."""
        return (self.near_mm + self.far_mm) / 2

    def normalised(self, depth_mm: Points) -> FloatArray:
        """1 at the near end, 0 at the far one."""
        share = (self.far_mm - depth_mm) / (self.far_mm - self.near_mm)
        return np.clip(share, 0.0, 1.0).astype(np.float32)

    def depth_mm(self, normalised: Points) -> NDArray[np.float64]:
        """Depth, mm from the camera, of a map's values."""
        return self.far_mm - normalised.astype(np.float64) * (self.far_mm - self.near_mm)


@dataclass(frozen=True)
class Maps:
    """depth: (S, S) float32, 1 near. codes: (S, S, 3) float32. Both in 0..1, 0 off the face.

    mask: (S, S) bool, of the face. range: depths, mm, of the map's 1 and 0.
    """

    depth: FloatArray
    codes: FloatArray
    mask: NDArray[np.bool_]
    range: DepthRange


def in_levels(values: Points) -> NDArray[np.uint16]:
    """Values in 0..1 as the 16-bit integers of tables, 0..65535."""
    return np.rint(np.asarray(values, np.float64) * LEVELS).astype(np.uint16)


def from_levels(levels: NDArray[np.uint16]) -> FloatArray:
    """Values in 0..1 from the 16-bit integers of tables."""
    return (levels / LEVELS).astype(np.float32)


def range_of(depths_mm: Points) -> DepthRange:
    """The depth range of maps of a head in whose place the mean head has these depths (n,), mm."""
    near, far = float(depths_mm.min()), float(depths_mm.max())
    spare = MARGIN * (far - near)
    return DepthRange(near - spare, far + spare)


def render_maps(
    pixels: Points, depth_mm: Points, cut: FaceCut, side: int, depths: DepthRange
) -> Maps:
    """Maps of ``side`` px of a face with vertices (n, 2) px at depths (n,) mm.

    Values are interpolated over the nearest triangle at each pixel's centre. Triangles that are
    turned away from the camera are left out.
    """
    corners = np.asarray(pixels, np.float64)[cut.faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # Rows count down: counter-clockwise from outside is clockwise in the image.
    towards = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0
    faces = cut.faces[towards]
    shown = rasterise(pixels, depth_mm, faces, side, side)
    mask = shown.triangle >= 0
    depth, codes = np.zeros((side, side), np.float32), np.zeros((side, side, 3), np.float32)
    depth[mask] = np.maximum(depths.normalised(shown.depth[mask]), 2 * BACKGROUND)
    codes[mask] = shown.carry(cut.codes, faces)
    return Maps(depth, codes, mask, depths)


def shown_by(maps: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Mask (..., S, S) of maps (..., 4, S, S) in 0..1: where depth and codes are above background.

    One of a code's three numbers is enough, as the others may be 0 on a face.
    """
    return (maps[..., 0, :, :] > BACKGROUND) & (maps[..., 1:, :, :].max(axis=-3) > BACKGROUND)


def published_files(
    vertices: Points, faces: NDArray[np.integer[Any]], codes: Points, width: int, height: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """3DDFA's depth (h, w) and PNCC (h, w, 3) RGB of a face in image space, 8 bits.

    vertices: (n, 3), x right and y down in px with pixel centres at integers, z towards the camera.
    Depth is z, scaled to 0..255 by its range over all vertices, hidden ones too, and truncated.
    """
    z = np.asarray(vertices, np.float64)[:, 2]
    share = (z - z.min()) / (z.max() - z.min())
    shown: Raster = rasterise(
        np.asarray(vertices, np.float64)[:, :2] + 0.5, -z, faces, width, height, perspective=False
    )
    mask = shown.triangle >= 0
    depth, pncc = np.zeros((height, width), np.uint8), np.zeros((height, width, 3), np.uint8)
    depth[mask] = 255 * shown.carry(share[:, None], faces)[:, 0]
    pncc[mask] = 255 * shown.carry(codes, faces)
    return depth, pncc
