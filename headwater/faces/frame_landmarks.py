"""Landmarks of a frame's face, and of a photo's largest face where no frame is needed."""

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.canonical_crop import (
    MeshNetwork,
    Placement,
    canonical_crop,
    crop_landmarks,
    landmarks_in_crop,
)
from headwater.faces.face_search import FRAME_TO_FACE, FaceDetector
from headwater.faces.ingest import largest_face
from headwater.reject_reasons import RejectReason

Mesh = NDArray[np.float32]


def frame_landmarks(frame: NDArray[np.uint8], network: MeshNetwork) -> Mesh:
    """The mesh (478, 3), px, of the level face in the middle of an (n, n, 3) frame.

    Raises ``ItemRejected`` (no_landmarks) if the canonical crop there shows no face.
    """
    return landmarks_of_crop(frame_crop(frame), frame.shape[0], network)


def frame_crop(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The canonical crop (m, m, 3) of the level face in the middle of an (n, n, 3) frame."""
    return canonical_crop(frame, _in_frame(frame.shape[0]))


def landmarks_of_crop(crop: NDArray[np.uint8], frame_px: int, network: MeshNetwork) -> Mesh:
    """``frame_landmarks`` of the frame of ``frame_px`` a side, from its ``frame_crop``."""
    return _checked(landmarks_in_crop(crop, _in_frame(frame_px), network, mirrored=True))


def photo_landmarks(rgb: NDArray[np.uint8], detector: FaceDetector) -> Mesh:
    """The mesh (478, 3), px, of the largest face of an (H, W, 3) photo.

    Raises ``ItemRejected`` as ``largest_face`` and ``frame_landmarks``.
    """
    mesh, _ = largest_face(rgb, detector)
    return _checked(crop_landmarks(rgb, mesh.place, detector, mirrored=True))


def _in_frame(px: int) -> Placement:
    """Place of the face in a frame of ``px`` a side, which was cut around it."""
    return Placement(np.array([px / 2, px / 2]), px / FRAME_TO_FACE, 0.0)


def _checked(mesh: Mesh | None) -> Mesh:
    if mesh is None:
        raise ItemRejected(
            RejectReason.NO_LANDMARKS, "The face of the photo was not found again in its frame."
        )
    return mesh
