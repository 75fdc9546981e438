"""Weights of the vertices of a mesh in a photo: of hair and skin, not of clothes."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from headwater.faces.parts import polygon_mask
from headwater.faces.vocabulary import FACE_OVAL, LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER
from headwater.geometry.cameras import project
from headwater.reconstruct.head import SeenView

# The mask's edge as a share of its frame: hair and background mix there.
EDGE_SHARE: Final = 0.012
# Spreads of skin in CIELAB, in 8 bits a channel: at least so wide, and so many times that of the
# face. A neck lies in the chin's shadow, so lightness tells less than hue.
_LEAST_SPREAD: Final = (12.0, 4.0, 4.0)
_WIDER: Final = (2.5, 1.5, 1.5)
_MOST_SQUARED_DISTANCE: Final = 6.0
_SMOOTHING_SHARE: Final = 0.003
# Standard deviation of a normal distribution, as a multiple of its median absolute deviation.
_TO_DEVIATION: Final = 1.4826

Float32Array = NDArray[np.float32]


def coverage(view: SeenView, vertices: Float32Array, mouth_mm: float) -> Float32Array:
    """Weight (V,) of each vertex in its photo: 0 at the edge of head or clothes, 1 well inside.

    vertices: (V, 3) mm; mouth_mm: height of the mouth among them. Below it, outside of the face,
    only skin counts: the mask has a head's neck, whatever this wears and whatever hair hides it.
    """
    mask, landmarks = view.face.mask, view.face.landmarks
    face = polygon_mask(landmarks, FACE_OVAL, *mask.shape)
    bare = mask & (face | has_skin_colour(view.face.frame, mask & face))
    pixels, _ = project(view.frame_camera, vertices)
    below = vertices[:, 1] < mouth_mm
    return np.where(below, _weight(bare, pixels), _weight(mask, pixels)).astype(np.float32)


def has_skin_colour(frame: NDArray[np.uint8], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels (h, w) of a frame (h, w, 3) of about the colour that most of its face (h, w) has.

    True everywhere if no pixel is of the face.
    """
    smooth = cv2.GaussianBlur(frame, (0, 0), _SMOOTHING_SHARE * max(face.shape))
    colours = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB).astype(np.float32)
    if not face.any():
        return np.ones(face.shape, np.bool_)
    middle = np.median(colours[face], axis=0)
    spread = _TO_DEVIATION * np.median(np.abs(colours[face] - middle), axis=0)
    off = (colours - middle) / (np.maximum(spread, _LEAST_SPREAD) * _WIDER)
    return np.asarray((off**2).sum(axis=-1) < _MOST_SQUARED_DISTANCE)


def mouth_height(landmarks_478: Float32Array) -> float:
    """Height (mm) of the corners of the mouth of a mesh with landmarks (478, 3), head frame."""
    return float(landmarks_478[[LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER], 1].mean())


def _weight(shown: NDArray[np.bool_], pixels: NDArray[np.float64]) -> Float32Array:
    """Weights (V,) at pixels (V, 2): 0 at the edge of what is shown (h, w), 1 well inside."""
    edge = EDGE_SHARE * max(shown.shape)
    # Twice the blurred mask less one: 0 at the edge of the head, 1 well inside.
    soft = np.clip(2 * gaussian_filter(shown.astype(np.float32), edge, mode="nearest") - 1, 0, 1)
    places = (pixels[:, 1] - 0.5, pixels[:, 0] - 0.5)
    return np.asarray(map_coordinates(soft, places, order=1, mode="nearest"), np.float32)
