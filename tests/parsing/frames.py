"""A made-up frame: an upright face of plain colours, one for each class."""

import numpy as np

from headwater.faces.affine import labels_in_frame
from headwater.faces.vocabulary import PART_OUTLINES, FaceClass, Part
from headwater.parsing.crop import frame_to_crop
from headwater.parsing.label_orders import LABEL_ORDERS

FRAME_PX = 240
MAP_PX = 128
# Boxes of classes as shares of the frame: left, top, right, bottom; later ones lie on top. The
# subject's left is on the right.
BOXES = (
    (FaceClass.CLOTHES, 0.28, 0.70, 0.72, 0.95),
    (FaceClass.NECK, 0.43, 0.60, 0.57, 0.72),
    (FaceClass.HAIR, 0.36, 0.27, 0.64, 0.45),
    (FaceClass.SKIN, 0.39, 0.33, 0.61, 0.66),
    (FaceClass.RIGHT_BROW, 0.41, 0.41, 0.47, 0.43),
    (FaceClass.LEFT_BROW, 0.53, 0.41, 0.59, 0.43),
    (FaceClass.RIGHT_EYE, 0.42, 0.45, 0.47, 0.48),
    (FaceClass.LEFT_EYE, 0.53, 0.45, 0.58, 0.48),
    (FaceClass.NOSE, 0.48, 0.46, 0.52, 0.55),
    (FaceClass.UPPER_LIP, 0.45, 0.57, 0.55, 0.59),
    (FaceClass.LOWER_LIP, 0.45, 0.60, 0.55, 0.62),
)


def face_classes(px: int = FRAME_PX) -> np.ndarray:
    """Classes (px, px) of the face."""
    classes = np.zeros((px, px), np.uint8)
    for one, *box in BOXES:
        left, top, right, bottom = (round(share * px) for share in box)
        classes[top:bottom, left:right] = one
    return classes


def face_picture(classes: np.ndarray) -> np.ndarray:
    """A picture (px, px, 3) whose colours tell the classes; both sides have the same."""
    colours = np.random.default_rng(3).integers(0, 256, (len(FaceClass), 3), dtype=np.uint8)
    colours[FaceClass.RIGHT_EYE] = colours[FaceClass.LEFT_EYE]
    colours[FaceClass.RIGHT_BROW] = colours[FaceClass.LEFT_BROW]
    return colours[classes]


def scores(order: str, classes: np.ndarray) -> np.ndarray:
    """Maps (1, C, MAP_PX, MAP_PX) that say the classes (n, n) of a frame in an order's places."""
    crop = labels_in_frame(classes, frame_to_crop(FRAME_PX, MAP_PX), MAP_PX, MAP_PX)
    places = LABEL_ORDERS[order]
    return np.stack([np.where(crop == one, 5.0, -5.0) for one in places])[None].astype(np.float32)


def face_landmarks(px: int = FRAME_PX) -> np.ndarray:
    """Landmarks (478, 2) whose outlines are the boxes of the face, and all others in its middle."""
    points = np.full((478, 2), 0.5, np.float32)
    boxes = {one: box for one, *box in BOXES}
    for part, loop in PART_OUTLINES:
        if part is not Part.NONE:
            points[list(loop)] = _round_a_box(*boxes[FaceClass(part)], len(loop))
    return points * px


def _round_a_box(left: float, top: float, right: float, bottom: float, count: int) -> np.ndarray:
    """Points (count, 2) along the edge of a box, its corners among them."""
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])
    return np.column_stack(
        [np.interp(np.linspace(0, 4, count + 1)[:-1], range(5), along) for along in corners.T]
    )
