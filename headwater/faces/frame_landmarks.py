"""Landmarks of a frame's face, and of a photo's largest face where no frame is needed."""

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import Box
from headwater.faces.canonical_crop import (
    MeshNetwork,
    Placement,
    crop_landmarks,
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
    return _landmarks(frame, placement_in_box(face_box), network)


def photo_landmarks(rgb: NDArray[np.uint8], detector: FaceDetector) -> Mesh:
    """The mesh (478, 3), px, of the largest face of an (H, W, 3) photo.

    Raises ``ItemRejected`` as ``largest_face`` and ``frame_landmarks``.
    """
    mesh, _ = largest_face(rgb, detector)
    return _landmarks(rgb, placement_of(mesh), detector)


def _landmarks(rgb: NDArray[np.uint8], place: Placement, network: MeshNetwork) -> Mesh:
    mesh = crop_landmarks(rgb, place, network, mirrored=True)
    if mesh is None:
        raise ItemRejected(
            RejectReason.NO_LANDMARKS, "The face of the photo was not found again in its frame."
        )
    return mesh
