"""Landmarks of a frame's face, and of a photo's largest face where no frame is needed."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.canonical_crop import (
    AROUND_PX,
    MeshNetwork,
    Placement,
    canonical_crop,
    landmarks_in_crop,
)
from headwater.faces.evenness import evened
from headwater.faces.face_search import FRAME_TO_FACE, FaceDetector
from headwater.faces.ingest import largest_face
from headwater.reject_reasons import RejectReason

# Shift of the last crop below the face, as a share of the face's side. From there, landmarks of
# rendered heads are nearer to the true ones, and those of photos as near to points set by hand.
_LOWER: Final = 0.04
# Pixels between the edges of the face's square and the part of it that is measured.
_INSIDE_PX: Final = 8

Mesh = NDArray[np.float32]


def frame_landmarks(frame: NDArray[np.uint8], network: MeshNetwork) -> Mesh:
    """The mesh (478, 3), px, of the level face in the middle of an (n, n, 3) frame.

    Raises ``ItemRejected`` (no_landmarks) if the canonical crop there shows no face.
    """
    return landmarks_of_crop(frame_crop(frame), frame.shape[0], network)


def frame_crop(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The evened crop (m, m, 3) of the level face in the middle of an (n, n, 3) frame."""
    return _crop(frame, _in_frame(frame.shape[0]))


def landmarks_of_crop(crop: NDArray[np.uint8], frame_px: int, network: MeshNetwork) -> Mesh:
    """``frame_landmarks`` of the frame of ``frame_px`` a side, from its ``frame_crop``."""
    return _checked(landmarks_in_crop(crop, _in_frame(frame_px), network, mirrored=True))


def photo_landmarks(rgb: NDArray[np.uint8], detector: FaceDetector) -> Mesh:
    """The mesh (478, 3), px, of the largest face of an (H, W, 3) photo.

    Raises ``ItemRejected`` as ``largest_face`` and ``frame_landmarks``.
    """
    mesh, _ = largest_face(rgb, detector)
    return _checked(landmarks_at(rgb, mesh.place, detector))


def landmarks_at(rgb: NDArray[np.uint8], face: Placement, network: MeshNetwork) -> Mesh | None:
    """The mesh (478, 3), px, of the face at a place of an (H, W, 3) image; None without one."""
    place = face.lowered(_LOWER)
    return landmarks_in_crop(_crop(rgb, place), place, network, mirrored=True)


def _in_frame(px: int) -> Placement:
    """Place of the last crop in a frame of ``px`` a side, which was cut around its face."""
    return Placement(np.array([px / 2, px / 2]), px / FRAME_TO_FACE, 0.0).lowered(_LOWER)


def _crop(rgb: NDArray[np.uint8], place: Placement) -> NDArray[np.uint8]:
    return evened(canonical_crop(rgb, place), AROUND_PX + _INSIDE_PX)


def _checked(mesh: Mesh | None) -> Mesh:
    if mesh is None:
        raise ItemRejected(
            RejectReason.NO_LANDMARKS, "The face of the photo was not found again in its frame."
        )
    return mesh
