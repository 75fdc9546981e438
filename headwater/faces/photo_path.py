"""The way of a photo: its frame, then landmarks, head mask, parts and camera of the frame.

The steps and ``headwater reconstruct`` both go it by these functions, so that a photo has the same
frame, landmarks, mask and camera wherever it is looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import Box, inside_photo, map_points
from headwater.faces.calibration import Calibration, calibrate, principal_px
from headwater.faces.canonical_crop import PlacedMesh
from headwater.faces.denoising import denoised, is_spoilt
from headwater.faces.face_search import FaceDetector
from headwater.faces.frame_landmarks import frame_crop
from headwater.faces.ingest import frame_of, large_faces, largest_face
from headwater.faces.masks import head_mask
from headwater.faces.parts import part_labels
from headwater.faces.seen_landmarks import check_seen, seen_landmarks
from headwater.faces.vocabulary import Part
from headwater.reject_reasons import RejectReason

Faces = TypeVar("Faces")


class PersonSegmenter(Protocol):
    """The part of ``mediapipe_adapter.MediaPipeFaces`` that a mask needs."""

    def person_mask(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability (H, W) that a pixel of an (H, W, 3) image shows a person."""
        ...


@dataclass(frozen=True)
class FaceFrame:
    """The head-sized part of a photo around one face, upright.

    image: (n, n, 3) uint8. from_photo: (2, 3) float64, px of the photo to px of the frame.
    face_box: left, top, right, bottom of the face's mesh, px of the frame. crop: (m, m, 3) uint8,
    what landmarks are found in. face_in_photo: (2,) the middle of the face, px of the photo.
    faces_detected: in the whole photo. photo_width, photo_height: px. denoised: whether the face
    shows only in a copy without noise, which the image is of.
    """

    image: NDArray[np.uint8]
    from_photo: NDArray[np.float64]
    face_box: Box
    crop: NDArray[np.uint8]
    face_in_photo: tuple[float, float]
    faces_detected: int
    photo_width: int
    photo_height: int
    denoised: bool

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Pixels (n, n) of the frame that lie in the photo; the others replicate its border."""
        height, width = self.image.shape[:2]
        return inside_photo(self.from_photo, self.photo_width, self.photo_height, width, height)


def face_frame(rgb: NDArray[np.uint8], frame_px: int, detector: FaceDetector) -> FaceFrame:
    """The frame, of at most ``frame_px`` a side, around the largest face of an (H, W, 3) photo.

    Raises ``ItemRejected`` as ``largest_face``.
    """
    shown, (mesh, count) = _searched(rgb, lambda one: largest_face(one, detector))
    return _frame(shown, mesh, count, frame_px, denoised=shown is not rgb)


def face_frames(rgb: NDArray[np.uint8], frame_px: int, detector: FaceDetector) -> list[FaceFrame]:
    """The frames of all faces of a photo that are large enough, the largest face's first.

    Raises ``ItemRejected`` as ``largest_face``.
    """
    shown, (meshes, count) = _searched(rgb, lambda one: large_faces(one, detector))
    return [_frame(shown, mesh, count, frame_px, denoised=shown is not rgb) for mesh in meshes]


def frame_mask(
    image: NDArray[np.uint8],
    landmarks_478: NDArray[np.float32],
    shown: NDArray[np.bool_],
    segmenter: PersonSegmenter,
) -> NDArray[np.bool_]:
    """The head mask (h, w) of a frame (h, w, 3) with landmarks (478, 3), px.

    shown: (h, w), the pixels that lie in the photo; no other is of the head. Raises
    ``ItemRejected`` as ``head_mask``.
    """
    return head_mask(segmenter.person_mask(image), landmarks_478, shown)


def frame_parts(landmarks_478: NDArray[np.float32], shown: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Part ids (h, w) of a frame with landmarks (478, 2 or 3), px; 0 where it is not ``shown``."""
    labels = part_labels(landmarks_478, *shown.shape)
    labels[~shown] = Part.NONE
    return labels


def frame_camera(
    landmarks_68: NDArray[np.float32],
    points_68_mm: NDArray[np.float32],
    from_photo: NDArray[np.float64],
    photo_width: int,
    photo_height: int,
) -> Calibration:
    """The camera of a frame from its landmarks (68, 2), px, and the mean head's (68, 3), mm.

    from_photo: (2, 3), px of the photo to px of the frame; the lens points at the photo's middle.
    Landmarks that the photo does not show do not count. Raises ``ItemRejected`` as ``calibrate``
    and ``check_seen``.
    """
    photo = from_photo, photo_width, photo_height
    seen = seen_landmarks(landmarks_68, *photo)
    check_seen(seen)
    return calibrate(landmarks_68, points_68_mm, principal_px(*photo), seen=seen)


def _searched(
    rgb: NDArray[np.uint8], search: Callable[[NDArray[np.uint8]], Faces]
) -> tuple[NDArray[np.uint8], Faces]:
    """The photo, or where noise hides its faces its denoised copy, and the faces there."""
    try:
        return rgb, search(rgb)
    except ItemRejected as problem:
        if problem.reason != RejectReason.NO_FACE or not is_spoilt(rgb):
            raise
    copy = denoised(rgb)
    return copy, search(copy)


def _frame(
    rgb: NDArray[np.uint8],
    mesh: PlacedMesh,
    count: int,
    px: int,
    *,
    denoised: bool,
) -> FaceFrame:
    image, from_photo = frame_of(rgb, mesh.place, px)
    points = map_points(from_photo, mesh.points)[:, :2]
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    x, y = mesh.points[:, :2].mean(axis=0).tolist()
    height, width = rgb.shape[:2]
    box = (left, top, right, bottom)
    crop = frame_crop(image)
    return FaceFrame(image, from_photo, box, crop, (x, y), count, width, height, denoised)
