"""The way of a photo: its frame with landmarks, then head mask and camera of the frame.

The steps and ``headwater reconstruct`` both go it by these functions, so that a photo has the same
frame, landmarks, mask and camera wherever it is looked at.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.faces.calibration import Calibration, calibrate, principal_px
from headwater.faces.face_search import FaceDetector
from headwater.faces.frame_landmarks import carried_landmarks
from headwater.faces.ingest import crop_frame, find_face
from headwater.faces.masks import head_mask


class PersonSegmenter(Protocol):
    """The part of ``mediapipe_adapter.MediaPipeFaces`` that a mask needs."""

    def person_mask(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability (H, W) that a pixel of an (H, W, 3) image shows a person."""
        ...


@dataclass(frozen=True)
class FaceFrame:
    """The head-sized part of a photo.

    image: (h, w, 3) uint8. from_photo: (2, 3) float64, px of the photo to px of the frame.
    landmarks: (478, 3) float32 px of the frame. faces_detected: in the whole photo. photo_width,
    photo_height: px.
    """

    image: NDArray[np.uint8]
    from_photo: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    faces_detected: int
    photo_width: int
    photo_height: int


def face_frame(rgb: NDArray[np.uint8], frame_px: int, detector: FaceDetector) -> FaceFrame:
    """The frame, of at most ``frame_px`` a side, around the largest face of an (H, W, 3) photo.

    Raises ``ItemRejected`` as ``find_face`` and ``carried_landmarks``.
    """
    face = find_face(rgb, detector)
    image, from_photo = crop_frame(rgb, face, frame_px)
    landmarks = carried_landmarks(face, image, from_photo, detector)
    height, width = rgb.shape[:2]
    return FaceFrame(image, from_photo, landmarks, face.faces_found, width, height)


def frame_mask(
    image: NDArray[np.uint8], landmarks_478: NDArray[np.float32], segmenter: PersonSegmenter
) -> NDArray[np.bool_]:
    """The head mask (h, w) of a frame (h, w, 3) with landmarks (478, 3), px.

    Raises ``ItemRejected`` as ``head_mask``.
    """
    return head_mask(segmenter.person_mask(image), landmarks_478)


def frame_camera(
    landmarks_68: NDArray[np.float32],
    points_68_mm: NDArray[np.float32],
    from_photo: NDArray[np.float64],
    photo_width: int,
    photo_height: int,
) -> Calibration:
    """The camera of a frame from its landmarks (68, 2), px, and the mean head's (68, 3), mm.

    from_photo: (2, 3), px of the photo to px of the frame; the lens points at the photo's middle.
    Raises ``ItemRejected`` as ``calibrate``.
    """
    return calibrate(
        landmarks_68, points_68_mm, principal_px(from_photo, photo_width, photo_height)
    )
