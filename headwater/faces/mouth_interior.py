"""Paint what an opened mouth shows: what was seen between the lips before, teeth, and dark."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets
from headwater.faces.parts import fill_polygon, polygon_mask

FloatArray = NDArray[np.float64]

# Shares of the skin's brightness; the inside lies in shadow and is reddish.
_INSIDE_COLOUR: Final = np.array([0.32, 0.13, 0.12])
_TEETH_COLOUR: Final = np.array([0.74, 0.66, 0.58])
_TEETH_SHARE: Final = 0.15
# Opening, of the mouth's width, from which teeth that the photo shows are kept.
_SHOWS_TEETH: Final = 0.04
_SOFT_EDGE: Final = 0.012
_SHADOW_DEPTH: Final = 0.07


def paint_mouth(
    parent: NDArray[np.uint8],
    warped: NDArray[np.uint8],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The warped frame (h, w, 3) with the mouth's inside painted in, and those pixels (h, w).

    parent: (h, w, 3) the frame before the edit. before, after: (478, 3) landmarks of both, px.
    """
    skin = parent[polygon_mask(before, sets.FACE_OVAL, *parent.shape[:2])].mean(axis=0)
    touched = np.zeros(parent.shape[:2], dtype=bool)
    window = _window(after, *parent.shape[:2])
    offset = np.array([window[1].start, window[0].start, 0], dtype=np.float32)
    old, new = before - offset, after - offset
    here = warped[window]
    if here.size == 0:
        return warped, touched
    mouth_width = float(np.linalg.norm(new[308, :2] - new[78, :2]))
    sigma = max(_SOFT_EDGE * mouth_width, 0.6)
    inside = _outline(new[list(sets.INNER_LIPS), :2], here.shape)
    colour = _inside(parent[window], old, new, float(skin.max()), sigma)
    # The lips throw a shadow: darker towards the opening's edge.
    depth = cv2.distanceTransform((inside > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    colour *= (0.6 + 0.4 * np.clip(depth / (_SHADOW_DEPTH * mouth_width), 0, 1))[..., None]
    blend = _soft(inside, 0.6)
    mixed = here + blend[..., None] * (colour - here)
    painted = warped.copy()
    touched[window] = blend > 1 / 255
    painted[touched] = np.rint(mixed).clip(0, 255).astype(np.uint8)[touched[window]]
    return painted, touched


def _inside(
    parent: NDArray[np.uint8],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    brightness: float,
    sigma: float,
) -> FloatArray:
    """Colours (h, w, 3) of the opened mouth: teeth of the photo, or a hint of some, over dark."""
    height, width = parent.shape[:2]
    colour = np.empty((height, width, 3))
    colour[:] = _INSIDE_COLOUR * brightness
    opening = float(np.linalg.norm(before[14, :2] - before[13, :2]))
    if opening < _SHOWS_TEETH * float(np.linalg.norm(before[308, :2] - before[78, :2])):
        teeth = _soft(_outline(_upper_teeth(after), parent.shape), 2 * sigma)
        return colour + teeth[..., None] * (_TEETH_COLOUR * brightness - colour)
    # What was seen between the lips stays with the upper one.
    shift = (after[13, :2] - before[13, :2]).astype(np.float64)
    move = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    seen = cv2.warpAffine(parent, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    outline = before[list(sets.INNER_LIPS), :2] + shift.astype(np.float32)
    kept = _soft(_outline(outline, parent.shape), sigma)
    return colour + kept[..., None] * (seen - colour)


def _window(after: NDArray[np.float32], height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns around the outer lips, with room for soft edges."""
    lips = after[list(sets.OUTER_LIPS), :2]
    low = np.maximum(np.floor(lips.min(axis=0)) - 4, 0).astype(int)
    high = np.minimum(np.ceil(lips.max(axis=0)) + 4, (width, height)).astype(int)
    return slice(low[1], max(high[1], low[1])), slice(low[0], max(high[0], low[0]))


def _upper_teeth(after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outline (n, 2) of a strip under the upper lip that ends before the mouth's corners."""
    upper = after[list(sets.UPPER_LIP_BOTTOM[2:-2]), :2]
    side = np.linspace(-1, 1, len(upper), dtype=np.float32)
    depth = _TEETH_SHARE * np.sqrt(1 - 0.75 * side**2)
    lower = upper + depth[:, None] * (after[14, :2] - after[13, :2])
    return np.vstack([upper, lower[::-1]]).astype(np.float32)


def _outline(points: NDArray[np.float32], shape: tuple[int, ...]) -> FloatArray:
    """Coverage (h, w) in [0, 1] of a polygon (n, 2), px, smoothed at its edge."""
    mask = np.zeros(shape[:2], dtype=np.uint8)
    fill_polygon(mask, points, 255, smooth=True)
    return mask / 255.0


def _soft(mask: FloatArray, sigma: float) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), dtype=np.float64)
