"""Detections in one photo: its frame, landmarks, head mask and camera."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.ids import sha256_hex
from headwater.errors import ItemRejected
from headwater.faces.affine import inverted
from headwater.faces.frame_landmarks import landmarks_of_crop
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import (
    FaceFrame,
    face_frame,
    face_frames,
    frame_camera,
    frame_mask,
)
from headwater.faces.seen_landmarks import check_seen, seen_landmarks
from headwater.faces.vocabulary import IBUG68_FROM_478, ibug68
from headwater.geometry.cameras import Camera, transform_image
from headwater.photos.decode import decode_photo
from headwater.photos.folder import PhotoFile, read_photo
from headwater.photos.pixels import DecodedPhoto
from headwater.reconstruct.given_cameras import GivenCamera
from headwater.reconstruct.settings import PhotoSettings
from headwater.reject_reasons import RejectReason


@dataclass(frozen=True)
class SeenFace:
    """A face of a photo.

    number: its place among the photo's faces, the largest being 1. photo: (h, w, 3) uint8, upright,
    at most ``max_side_px``. width, height: of the upright photo as it is in the file, px.
    frame: (a, b, 3) uint8 around the head; mask: (a, b) bool; landmarks: (478, 3) float32 px of the
    frame; camera: of the frame, against the mean head, or from the world of a given one.
    photo_from_frame: (2, 3), px of the frame to px of the upright photo in its full size.
    denoised: whether the face shows only in a copy without noise, which the frame is of. seen:
    (478,) bool, the landmarks that the photo shows; those outside of it are guessed.
    """

    name: str
    sha256: str
    number: int
    photo: NDArray[np.uint8]
    width: int
    height: int
    frame: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    landmarks: NDArray[np.float32]
    camera: Camera
    faces_found: int
    photo_from_frame: NDArray[np.float64]
    denoised: bool
    seen: NDArray[np.bool_]

    @property
    def seen_landmarks(self) -> NDArray[np.float32]:
        """The landmarks (478, 2) px of the frame, NaN for those that are guessed."""
        return np.where(self.seen[:, None], self.landmarks[:, :2], np.float32("nan"))

    @property
    def folder_name(self) -> str:
        """A name for the folder of its head: the photo's, and the number of a further face."""
        if self.number == 1:
            return self.name
        path = PurePosixPath(self.name)
        return str(path.with_name(f"{path.stem}-face{self.number}{path.suffix}"))

    @property
    def shown_scale(self) -> tuple[float, float]:
        """Size of ``photo`` as a share of the full one, along x and y."""
        return self.photo.shape[1] / self.width, self.photo.shape[0] / self.height


@dataclass(frozen=True)
class PhotoFaces:
    """A decoded photo with the frames of its faces, largest first."""

    file: PhotoFile
    photo: DecodedPhoto
    frames: list[FaceFrame]


def look_at(file: PhotoFile, settings: PhotoSettings) -> PhotoFaces:
    """A photo with the faces that the settings take.

    Raises ``ItemRejected`` as the steps photos and ingest.
    """
    data = read_photo(file.path)
    if sha256_hex(data) != file.sha256:
        raise ItemRejected(
            RejectReason.UNREADABLE_FILE, "The file changed while it was read; run again."
        )
    photo = decode_photo(data, settings.max_pixels, settings.max_side_px)
    if settings.faces == "all":
        frames = face_frames(photo.rgb, settings.frame_px, mediapipe_faces())
    else:
        frames = [face_frame(photo.rgb, settings.frame_px, mediapipe_faces())]
    return PhotoFaces(file, photo, frames)


def see(
    file: PhotoFile,
    mean_landmarks_68: NDArray[np.float32],
    settings: PhotoSettings,
    given: GivenCamera | None = None,
) -> SeenFace:
    """Detections of a photo's largest face. Raises as ``look_at`` and ``see_face``."""
    faces = look_at(file, replace(settings, faces="largest"))
    return see_face(faces, 1, mean_landmarks_68, given)


def see_face(
    faces: PhotoFaces,
    number: int,
    mean_landmarks_68: NDArray[np.float32],
    given: GivenCamera | None = None,
) -> SeenFace:
    """Detections of one of a photo's faces and, unless it is given, its camera.

    mean_landmarks_68: (68, 3) mm of the mean head. Raises ``ItemRejected`` as the pipeline's
    steps, ``HeadwaterError`` when the given camera is of another size.
    """
    file, photo, frame = faces.file, faces.photo, faces.frames[number - 1]
    known = given.of_size(photo.width, photo.height) if given else None
    landmarks = landmarks_of_crop(frame.crop, frame.image.shape[0], mediapipe_faces())
    mask = frame_mask(frame.image, landmarks, frame.shown, mediapipe_faces())
    grown = np.diag([photo.width / frame.photo_width, photo.height / frame.photo_height])
    photo_from_frame = grown @ inverted(frame.from_photo)
    size = frame.image.shape[1], frame.image.shape[0]
    seen = seen_landmarks(landmarks, frame.from_photo, frame.photo_width, frame.photo_height)
    if known:
        check_seen(seen[IBUG68_FROM_478])
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
        number,
        photo.rgb,
        photo.width,
        photo.height,
        frame.image,
        mask,
        landmarks,
        camera,
        frame.faces_detected,
        photo_from_frame,
        frame.denoised,
        seen,
    )
