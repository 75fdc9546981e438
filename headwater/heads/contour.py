"""The contour of a face as an image shows it: dynamic landmark marching (Zhu et al., CVPR 2015).

The cheeks of a turned face end where the surface turns away, in front of the jaw line. The 33
points of the contour march along chains: lines of one height on the surface, from the jaw line
towards the middle of the face, of which an image shows the outermost point.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import IBUG68_FROM_478, IBUG_JAW
from headwater.geometry.rasterise import Raster, rasterise
from headwater.heads.model import IntArray, Surface, SurfacePoints

# Points from the subject's right ear over the chin to the left ear: the 17 of iBUG's jaw and the
# points half-way between them.
CONTOUR_POINTS: Final = 33
MIDDLE: Final = CONTOUR_POINTS // 2
CHAIN_POINTS: Final = 32
# A chain ends at this share of the jaw line's angle from the middle: nose and lips are no contour.
_NEAREST: Final = 0.2
# Distance of the vertical axis of the angles behind the rearmost point of the jaw line.
_AXIS_BEHIND_MM: Final = 30.0
_CELLS_PER_MM: Final = 2.0
_CELLS_PER_DEGREE: Final = 2.0
# The back of the head, where the angles of a triangle's corners may lie a turn apart.
_WIDEST_DEGREES: Final = 150.0

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ContourChains:
    """corners: (33, 32, 3) int32 vertices and weights: (33, 32, 3) float32 of points on a surface.

    The first of each chain lies on the jaw line, the last near the middle. The chin's chain is that
    one point, over and over.
    """

    corners: NDArray[np.int32]
    weights: NDArray[np.float32]

    def on(self, vertices: FloatArray) -> NDArray[np.float32]:
        """Positions (33, 32, 3) on vertices (V, 3), in their unit and frame."""
        at = np.einsum("cpk,cpkd->cpd", self.weights, vertices[self.corners])
        return np.asarray(at, np.float32)


def outermost(across: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Numbers (..., C) of the points of each chain that lie at the face's edge in an upright image.

    across: (..., C, 32) columns, px, of the points of all 33 chains or of every other one. The
    subject's right is on the left of the image.
    """
    columns = np.asarray(across)
    chin = columns.shape[-2] // 2
    right, left = columns[..., :chin, :].argmin(axis=-1), columns[..., chin:, :].argmax(axis=-1)
    return np.concatenate([right, left], axis=-1)


def contour_chains(
    mean: FloatArray, faces: IntArray, surface: NDArray[np.uint8], landmarks: SurfacePoints
) -> ContourChains:
    """The chains of a topology: on the mean head (V, 3) mm, whose skin is among faces (F, 3).

    surface: (F,) of every face. landmarks: the 478.
    """
    skin = np.asarray(faces[surface == Surface.SKIN])
    jaw = landmarks.on(mean)[IBUG68_FROM_478][IBUG_JAW].astype(np.float64)
    start = np.empty((CONTOUR_POINTS, 3))
    start[::2], start[1::2] = jaw, (jaw[1:] + jaw[:-1]) / 2
    axis = start[:, 2].min() - _AXIS_BEHIND_MM
    unrolled = _Unrolled.of(mean, skin, axis, start[:, 1].min(), start[:, 1].max())
    angles = np.degrees(np.arctan2(start[:, 0], start[:, 2] - axis))
    along = np.linspace(1.0, _NEAREST, CHAIN_POINTS)
    corners, weights = [], []
    for number, (angle, height) in enumerate(zip(angles, start[:, 1], strict=True)):
        shares = np.ones(CHAIN_POINTS) if number == MIDDLE else along
        triangles, within = unrolled.at(angle * shares, height)
        corners.append(skin[triangles])
        weights.append(within)
    return ContourChains(np.stack(corners).astype(np.int32), np.stack(weights))


@dataclass(frozen=True)
class _Unrolled:
    """The skin round an upright axis: of each height (row) and angle (column) what lies outermost.

    bottom: mm of the lower edge of the first row.
    """

    shown: Raster
    bottom: float

    @staticmethod
    def of(mean: FloatArray, skin: IntArray, axis: float, low: float, high: float) -> "_Unrolled":
        """Between two heights, mm; the axis stands at x = 0 and z = ``axis``."""
        x, y, z = np.asarray(mean, np.float64).T
        degrees = np.degrees(np.arctan2(x, z - axis))
        ahead = np.flatnonzero((np.abs(degrees) < _WIDEST_DEGREES)[skin].all(axis=1))
        bottom = low - 2.0
        pixels = np.stack(
            [_CELLS_PER_DEGREE * (degrees + 180.0), _CELLS_PER_MM * (y - bottom)], axis=1
        )
        width = int(360 * _CELLS_PER_DEGREE)
        height = int(np.ceil(_CELLS_PER_MM * (high - low + 4.0)))
        shown = rasterise(
            pixels, -np.hypot(x, z - axis), skin[ahead], width, height, perspective=False
        )
        number = np.append(ahead, -1).astype(np.int32)
        return _Unrolled(shown._replace(triangle=number[shown.triangle]), bottom)

    def at(
        self, degrees: NDArray[np.float64], height: float
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Triangles (n,) and weights (n, 3) of the points at angles (n,) and one height, mm.

        Where the skin has a hole, those of the nearest angle that shows some.
        """
        row = int(_CELLS_PER_MM * (height - self.bottom))
        known = np.flatnonzero(self.shown.triangle[row] >= 0)
        wanted = (_CELLS_PER_DEGREE * (degrees + 180.0)).astype(np.intp)
        columns = known[np.abs(known - wanted[:, None]).argmin(axis=1)]
        return self.shown.triangle[row, columns], self.shown.weights[row, columns]
