"""Landmarks of the frame's face."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import Box, map_box, map_points, overlap
from headwater.faces.face_search import FaceDetector
from headwater.faces.ingest import FoundFace
from headwater.reject_reasons import RejectReason

_SAME_FACE: Final = 0.3


def carried_landmarks(
    found: FoundFace,
    frame: NDArray[np.uint8],
    frame_from_photo: NDArray[np.float64],
    detector: FaceDetector,
) -> NDArray[np.float32]:
    """The mesh (478, 3), px of the frame, of a face found in its photo.

    The photo's mesh is mapped into the (h, w, 3) frame by the map (2, 3), unless the frame was
    turned: a mesh found on a leaning face is less exact, so it is found again.
    Raises ``ItemRejected`` (no_landmarks) as ``landmarks_in_frame``.
    """
    if found.quarter_turns:
        return landmarks_in_frame(frame, map_box(frame_from_photo, found.box), detector)
    mesh = map_points(frame_from_photo, found.landmarks)
    mesh[:, 2] *= np.sqrt(abs(np.linalg.det(frame_from_photo[:, :2])))
    return mesh


def landmarks_in_frame(
    frame: NDArray[np.uint8], face_box: Box, detector: FaceDetector
) -> NDArray[np.float32]:
    """The mesh (478, 3), px, of the face in an (h, w, 3) frame that overlaps ``face_box`` most.

    Raises ``ItemRejected`` (no_landmarks) if no mesh has an intersection over union of 0.3 with it.
    """
    faces = detector.detect(frame)
    best = max(faces, key=lambda face: overlap(face.box, face_box), default=None)
    if best is None or overlap(best.box, face_box) < _SAME_FACE:
        raise ItemRejected(
            RejectReason.NO_LANDMARKS, "The face of the photo was not found again in its frame."
        )
    return best.points
