"""Detections in one photo: its frame, landmarks, head mask and camera."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.ids import sha256_hex
from headwater.errors import ItemRejected
from headwater.faces.affine import inverted
from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import face_frame, frame_camera, frame_mask
from headwater.faces.vocabulary import ibug68
from headwater.geometry.cameras import Camera, transform_image
from headwater.photos.decode import decode_photo
from headwater.photos.folder import PhotoFile, read_photo
from headwater.reconstruct.given_cameras import GivenCamera
from headwater.reconstruct.settings import PhotoSettings
from headwater.reject_reasons import RejectReason


@dataclass(frozen=True)
class SeenFace:
    """The largest face of a photo.

    photo: (h, w, 3) uint8, upright, at most ``max_side_px``. width, height: of the upright photo
    as it is in the file, px. frame: (a, b, 3) uint8 around the head; mask: (a, b) bool;
    landmarks: (478, 3) float32 px of the frame; camera: of the frame, against the mean head, or
    from the world of a given one.
    photo_from_frame: (2, 3), px of the frame to px of the upright photo in its full size.
    """

    name: str
    sha256: str
    photo: NDArray[np.uint8]
    width: int
    height: int
    frame: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    landmarks: NDArray[np.float32]
    camera: Camera
    faces_found: int
    photo_from_frame: NDArray[np.float64]

    @property
    def shown_scale(self) -> tuple[float, float]:
        """Size of ``photo`` as a share of the full one, along x and y."""
        return self.photo.shape[1] / self.width, self.photo.shape[0] / self.height


def see(
    file: PhotoFile,
    mean_landmarks_68: NDArray[np.float32],
    settings: PhotoSettings,
    given: GivenCamera | None = None,
) -> SeenFace:
    """Find the largest face of a photo and, unless it is given, its camera, as the pipeline does.

    mean_landmarks_68: (68, 3) mm of the mean head. Raises ``ItemRejected`` as the pipeline's
    steps, ``HeadwaterError`` when the given camera is of another size.
    """
    data = read_photo(file.path)
    if sha256_hex(data) != file.sha256:
        raise ItemRejected(
            RejectReason.UNREADABLE_FILE, "The file changed while it was read; run again."
        )
    full = decode_photo(data, settings.max_pixels, settings.max_side_px)
    known = given.of_size(full.width, full.height) if given else None
    rgb = full.rgb
    detector = mediapipe_faces()
    frame = face_frame(rgb, settings.frame_px, detector)
    landmarks = frame_landmarks(frame.image, frame.face_box, detector)
    mask = frame_mask(frame.image, landmarks, frame.shown, detector)
    grown = np.diag([full.width / frame.photo_width, full.height / frame.photo_height])
    photo_from_frame = grown @ inverted(frame.from_photo)
    size = frame.image.shape[1], frame.image.shape[0]
    if known:
        camera = transform_image(known, inverted(photo_from_frame), *size)
    else:
        camera = frame_camera(
            ibug68(landmarks)[:, :2],
            mean_landmarks_68,
            frame.from_photo,
            frame.photo_width,
            frame.photo_height,
        ).camera(*size)
    return SeenFace(
        file.name,
        file.sha256,
        rgb,
        full.width,
        full.height,
        frame.image,
        mask,
        landmarks,
        camera,
        frame.faces_detected,
        photo_from_frame,
    )
