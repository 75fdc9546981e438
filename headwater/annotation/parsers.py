"""Parsers of whole images, by the two providers of the step ``parts``: landmarks or a network."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headwater.faces.affine import inverted, labels_in_frame
from headwater.faces.frame_landmarks import landmarks_of_crop, photo_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import face_frame, frame_parts
from headwater.parsing.frame_parser import FrameParser, parsed_parts

# From an image (h, w, 3) to part ids (h, w). Raises ItemRejected where it finds no face.
ImageParser = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

FRAME_PX = 512


def landmark_polygons(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Part ids (h, w) of polygons through the landmarks that are detected in an image (h, w, 3)."""
    landmarks = photo_landmarks(image, mediapipe_faces())
    return frame_parts(landmarks, np.ones(image.shape[:2], np.bool_))


def parser_of_images(parser: FrameParser) -> ImageParser:
    """A parser of the largest face of an image, by a parser of frames."""

    def parsed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        faces = mediapipe_faces()
        frame = face_frame(image, FRAME_PX, faces)
        landmarks = landmarks_of_crop(frame.crop, frame.image.shape[0], faces)
        labels = parsed_parts(parser, frame.image, landmarks, frame.shown)
        height, width = image.shape[:2]
        return labels_in_frame(labels, inverted(frame.from_photo), width, height)

    return parsed
