"""Clean-up of a face parser's masks before PRDL: noise and forehead out.

Parsers here tell ears from skin; where one does not, ears stay.

Masks are (H, W) bool; the pixel of row r and column c has its centre at (c + 0.5, r + 0.5) px, y
points down. Left and right are the subject's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from headwater.faces.vocabulary import FACE_PARTS, Part
from headwater.systems.prdl.point_sets import pixel_centres

Mask = NDArray[np.bool_]
Masks = Mapping[Part, Mask]
Float64Array = NDArray[np.float64]

# Pixels that touch at a corner belong together.
_TOUCHING: Final = np.ones((3, 3), dtype=bool)
# The paper gives no thresholds. A strand of hair may split a brow, spectacles the skin.
SMALLEST_SHARE: Final = 0.2
SMALLEST_SKIN_SHARE: Final = 0.02
# Pixels of an image of 224 x 224.
SMALLEST_SKIN_PX: Final = 50
SMALLEST_PART_PX: Final = 8
_NOMINAL_AREA_PX: Final = 224**2
# The line above the eyes, in distances of their centres, where no brow is seen.
BROW_HEIGHT: Final = 0.6
# A brow less elongated than this has no direction of its own.
SMALLEST_ELONGATION: Final = 2.0
_ROUNDING_PX: Final = 1e-6

_EYES: Final = (Part.LEFT_EYE, Part.RIGHT_EYE)
_BROWS: Final = (Part.LEFT_BROW, Part.RIGHT_BROW)
_BELOW_THE_EYES: Final = (Part.NOSE, Part.UPPER_LIP, Part.LOWER_LIP)


@dataclass(frozen=True)
class ForeheadLines:
    """Lines above which the skin of a face is forehead, one per brow.

    centres: (L, 2) px of the brows; each point belongs to the nearest. normals: (L, 2) unit
    vectors toward the top of the head. heights: (L,) px along them.
    """

    centres: Float64Array
    normals: Float64Array
    heights: Float64Array

    def above(self, points: NDArray[np.floating[Any]]) -> Mask:
        """Flags (n,) of the points (n, 2) px that lie on the forehead."""
        away = np.linalg.norm(points[:, None] - self.centres, axis=2)
        nearest = away.argmin(axis=1)
        # A pixel on the line stays, whatever the rounding.
        return (points * self.normals[nearest]).sum(axis=1) > self.heights[nearest] + _ROUNDING_PX


def cleaned(masks: Masks) -> dict[Part, Mask]:
    """Masks of the eight parts without noise and forehead.

    Without brows and without both eyes no line tells where the forehead begins: the skin is empty
    then.
    """
    clean: dict[Part, Mask] = {part: without_noise(masks[part], part) for part in FACE_PARTS}
    lines = forehead_lines(clean)
    skin = clean[Part.SKIN]
    clean[Part.SKIN] = np.zeros_like(skin) if lines is None else without_forehead(skin, lines)
    return clean


def without_noise(mask: Mask, part: Part) -> Mask:
    """A part's large connected pieces; nothing where they are too small for a part.

    Of the skin the pieces of 2 % of the largest and 50 px or more, of others those of 20 % of the
    largest. A part has 8 px or more. All are of an image of 224 x 224 px and grow with the area.
    """
    pieces, _ = label(mask, _TOUCHING)
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    scale = mask.size / _NOMINAL_AREA_PX
    if part is Part.SKIN:
        smallest = max(SMALLEST_SKIN_PX * scale, SMALLEST_SKIN_SHARE * areas.max())
    else:
        smallest = SMALLEST_SHARE * areas.max()
    kept = mask & (areas >= smallest)[pieces]
    return kept if kept.sum() >= SMALLEST_PART_PX * scale else np.zeros_like(mask)


def without_forehead(skin: Mask, lines: ForeheadLines) -> Mask:
    """Skin without what lies above the lines."""
    kept = skin.copy()
    kept[skin] = ~lines.above(pixel_centres(skin))
    return kept


def forehead_lines(masks: Masks) -> ForeheadLines | None:
    """The brows' upper tangents, along each brow's longer axis, for a head at any roll.

    With one brow its line serves both sides; without, a line through the eyes, raised by 0.6 of
    their distance. None without brows and without both eyes.
    """
    brows = [points for part in _BROWS if len(points := pixel_centres(masks[part]))]
    eyes = [points.mean(axis=0) for part in _EYES if len(points := pixel_centres(masks[part]))]
    if not brows and len(eyes) < 2:
        return None
    up = _up(masks)
    if not brows:
        height = up @ np.mean(eyes, axis=0) + BROW_HEIGHT * np.linalg.norm(eyes[0] - eyes[1])
        return ForeheadLines(np.mean(eyes, axis=0)[None], up[None], np.array([height]))
    normals = [_normal(brow, up) for brow in brows]
    heights = [(brow @ normal).max() for brow, normal in zip(brows, normals, strict=True)]
    centres = [brow.mean(axis=0) for brow in brows]
    return ForeheadLines(np.array(centres), np.array(normals), np.array(heights))


def _up(masks: Masks) -> Float64Array:
    """Unit vector toward the top of the head: across the line of the eyes, or of the brows.

    Away from nose and lips where these are seen, else by which eye is the left one. Without such a
    line, straight away from nose and lips, or up in the image.
    """
    centres = {
        part: points.mean(axis=0)
        for part in FACE_PARTS
        if len(points := pixel_centres(masks[part]))
    }
    below = [centres[part] for part in _BELOW_THE_EYES if part in centres]
    above = [centres[part] for part in (*_BROWS, *_EYES) if part in centres]
    away = np.mean(above, axis=0) - np.mean(below, axis=0) if below else np.zeros(2)
    for left, right in (_EYES, _BROWS):
        if left in centres and right in centres:
            across = centres[left] - centres[right]
            if across.any():
                up = np.array([across[1], -across[0]]) / np.linalg.norm(across)
                return -up if up @ away < 0 else up
    return away / np.linalg.norm(away) if away.any() else np.array([0.0, -1.0])


def _normal(brow: Float64Array, up: Float64Array) -> Float64Array:
    """Unit vector across the longer axis of a brow's points (n, 2), on the side of ``up``."""
    spread, axes = np.linalg.eigh(np.atleast_2d((brow - brow.mean(0)).T @ (brow - brow.mean(0))))
    if spread[1] <= 0 or spread[1] < SMALLEST_ELONGATION**2 * spread[0]:
        return up
    return axes[:, 0] if axes[:, 0] @ up >= 0 else -axes[:, 0]
