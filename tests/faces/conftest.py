"""Faces that are always there: the two portraits that come with the dependencies."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from headwater.faces.affine import map_box
from headwater.faces.frame_landmarks import landmarks_in_frame
from headwater.faces.ingest import crop_frame, find_face
from headwater.faces.mediapipe_adapter import MediaPipeFaces, mediapipe_faces
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
        found = find_face(photo, detector)
        frame, affine = crop_frame(photo, found, 384)
        box = map_box(affine, found.box)
        landmarks = landmarks_in_frame(frame, box, detector)
        person = detector.person_mask(frame)
        made.append(Portrait(builtin.name, photo, frame, box, landmarks, person))
    return made
