"""Faces that are always there: the two portraits that come with the dependencies."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.mediapipe_adapter import MediaPipeFaces, mediapipe_faces
from headwater.faces.photo_path import face_frame
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo


@dataclass(frozen=True)
class Portrait:
    """A portrait's photo, frame and face mesh."""

    name: str
    photo: NDArray[np.uint8]
    frame: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    person: NDArray[np.float32]


@pytest.fixture(scope="session")
def detector() -> MediaPipeFaces:
    return mediapipe_faces()


@pytest.fixture(scope="session")
def portraits(detector: MediaPipeFaces) -> list[Portrait]:
    made = []
    for builtin in PORTRAITS:
        photo = decode_photo(builtin.data()).rgb
        frame = face_frame(photo, 384, detector)
        landmarks = frame_landmarks(frame.image, detector)
        person = detector.person_mask(frame.image)
        made.append(Portrait(builtin.name, photo, frame.image, frame.face_box, landmarks, person))
    return made
