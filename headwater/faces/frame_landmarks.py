"""Landmarks of a frame's face, and of a photo's largest face where no frame is needed."""

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import Box
from headwater.faces.canonical_crop import (
    MeshNetwork,
    canonical_crop,
    crop_landmarks,
    landmarks_in_crop,
    placement_in_box,
    placement_of,
)
from headwater.faces.face_search import FaceDetector
from headwater.faces.ingest import largest_face
from headwater.reject_reasons import RejectReason

Mesh = NDArray[np.float32]


def frame_landmarks(frame: NDArray[np.uint8], face_box: Box, network: MeshNetwork) -> Mesh:
    """The mesh (478, 3), px, of the level face in the box of an (h, w, 3) frame.

    Raises ``ItemRejected`` (no_landmarks) if the canonical crop there shows no face.
    """
    return landmarks_of_crop(frame_crop(frame, face_box), face_box, network)


def frame_crop(frame: NDArray[np.uint8], face_box: Box) -> NDArray[np.uint8]:
    """The canonical crop (n, n, 3) of the level face in the box of an (h, w, 3) frame."""
    return canonical_crop(frame, placement_in_box(face_box))


def landmarks_of_crop(crop: NDArray[np.uint8], face_box: Box, network: MeshNetwork) -> Mesh:
    """``frame_landmarks`` of the frame, from its ``frame_crop``."""
    place = placement_in_box(face_box)
    return _checked(landmarks_in_crop(crop, place, network, mirrored=True))


def photo_landmarks(rgb: NDArray[np.uint8], detector: FaceDetector) -> Mesh:
    """The mesh (478, 3), px, of the largest face of an (H, W, 3) photo.

    Raises ``ItemRejected`` as ``largest_face`` and ``frame_landmarks``.
    """
    mesh, _ = largest_face(rgb, detector)
    return _checked(crop_landmarks(rgb, placement_of(mesh), detector, mirrored=True))


def _checked(mesh: Mesh | None) -> Mesh:
    if mesh is None:
        raise ItemRejected(
            RejectReason.NO_LANDMARKS, "The face of the photo was not found again in its frame."
        )
    return mesh
