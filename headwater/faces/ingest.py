"""Find the face of a photo and cut out the frame that every later step works on.

Policies: of several faces the largest is taken and the number is kept. A face that leans by more
than 45 degrees has its frame turned by quarter turns until it does not; no pixel is interpolated
for that. How faces are looked for: ``face_search``.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import Box, area, shift, square_around, turn
from headwater.faces.face_search import (
    FRAME_TO_FACE,
    FaceDetector,
    face_that_stands_upright,
    quarter_turns_of,
    search_faces,
)
from headwater.faces.vocabulary import ibug68, outer_eye_distance
from headwater.reject_reasons import RejectReason

MIN_EYE_DISTANCE_PX: Final = 24.0


@dataclass(frozen=True)
class FoundFace:
    """The largest face of a photo.

    box: left, top, right, bottom, px of the photo. landmarks: (478, 3) float32, px of the photo.
    faces_found: how many faces the photo shows. quarter_turns: counter-clockwise turns by 90
    degrees that bring the face nearest to upright.
    """

    box: Box
    landmarks: NDArray[np.float32]
    faces_found: int
    quarter_turns: int


def find_face(rgb: NDArray[np.uint8], detector: FaceDetector) -> FoundFace:
    """The largest face of an (H, W, 3) photo.

    Raises ``ItemRejected``: no_face, or face_too_small below ``MIN_EYE_DISTANCE_PX`` between the
    outer eye corners.
    """
    faces = search_faces(rgb, detector)
    if not faces:
        raise ItemRejected(RejectReason.NO_FACE, "No face was found in the photo.")
    largest = max(faces, key=lambda face: area(face.box))
    largest = face_that_stands_upright(rgb, largest, detector)
    distance = outer_eye_distance(ibug68(largest.points[:, :2]))
    if distance < MIN_EYE_DISTANCE_PX:
        raise ItemRejected(
            RejectReason.FACE_TOO_SMALL,
            f"The largest face has {distance:.0f} px between the outer eye corners; "
            f"{MIN_EYE_DISTANCE_PX:.0f} px are needed.",
        )
    return FoundFace(largest.box, largest.points, len(faces), quarter_turns_of(largest.points))


def crop_frame(
    rgb: NDArray[np.uint8], found: FoundFace, frame_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The frame (h, w, 3) around a face, and A (2, 3) with frame_px = A @ [photo_px, 1].

    The cut is a square of ``FRAME_TO_FACE`` times the box's longer side about its centre, clipped
    to the photo, turned upright, and reduced smoothly to at most ``frame_px`` a side. It is never
    enlarged.
    """
    x0, y0, x1, y1 = square_around(found.box, FRAME_TO_FACE, rgb.shape[1], rgb.shape[0])
    # A whole factor by area averaging, then less than two by interpolation: as smooth as area
    # averaging by the whole ratio, at a fraction of its time.
    factor = max(1, min(max(x1 - x0, y1 - y0) // frame_px, x1 - x0, y1 - y0))
    x1, y1 = x1 - (x1 - x0) % factor, y1 - (y1 - y0) % factor
    cut = np.rot90(rgb[y0:y1, x0:x1], found.quarter_turns)
    affine = turn(found.quarter_turns, x1 - x0, y1 - y0) @ shift(-x0, -y0)
    if factor > 1:
        cut = _resized(cut, cut.shape[1] // factor, cut.shape[0] // factor, cv2.INTER_AREA)
        affine = np.diag([1 / factor, 1 / factor, 1.0]) @ affine
    height, width = cut.shape[:2]
    scale = frame_px / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(cut), affine[:2]
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    frame = _resized(cut, columns, rows, cv2.INTER_LINEAR)
    return frame, (np.diag([columns / width, rows / height, 1.0]) @ affine)[:2]


def _resized(
    rgb: NDArray[np.uint8], width: int, height: int, interpolation: int
) -> NDArray[np.uint8]:
    return cv2.resize(rgb, (width, height), interpolation=interpolation).astype(
        np.uint8, copy=False
    )
