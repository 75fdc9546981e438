"""Cameras and landmarks as JSON that explains itself."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from headwater.artifacts.cameras import camera_record, pose_record, rounded
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.reconstruct.head import Head, SeenView

CONVENTIONS: Final[Mapping[str, str]] = {
    "pixels": "of the upright photo: EXIF orientation applied, full size; "
    "x right, y down, the centre of the top left pixel is (0.5, 0.5)",
    "head_frame": "mm; origin midway between the ear canals, "
    "x to the subject's left, y up, z out of the face",
}
CAMERA_CONVENTIONS: Final[Mapping[str, str]] = {
    "camera": "OpenCV pinhole without distortion: x_camera = R x_head + t, "
    "x right, y down, z forward; pixel = K x_camera / depth",
    **CONVENTIONS,
}
WORLD_CONVENTION: Final[Mapping[str, str]] = {
    "world_from_head": "x_world = R x_head + t, mm: the world of the cameras that were given",
}
LANDMARK_CONVENTIONS: Final[Mapping[str, str]] = {
    "landmarks_478": "MediaPipe face mesh with irises",
    "landmarks_68": "iBUG-68 order, a selection of the 478",
    "guessed": "rows of the landmarks that lie outside the photo or at its edge, from 0; they say "
    "nothing of the face, and no camera or error counts them",
    **CONVENTIONS,
}


def cameras_record(head: Head) -> dict[str, Any]:
    """K, R and t of every photo, and where the head stands among cameras that were given."""
    place = head.world_from_head
    world = {"world_from_head": pose_record(place.rotation, place.translation)} if place else {}
    return {
        "format": "headwater-cameras-1",
        "conventions": {**CAMERA_CONVENTIONS, **(WORLD_CONVENTION if place else {})},
        **world,
        "views": [
            {
                **_photo(view),
                **camera_record(view.camera),
                "landmark_error_percent": round(view.error_percent, 3),
            }
            for view in head.views
        ],
    }


def landmark_record(head: Head) -> dict[str, Any]:
    """Detected landmarks of every photo, and those of the mesh: projected into it, and in mm."""
    return {
        "format": "headwater-landmarks-1",
        "conventions": dict(LANDMARK_CONVENTIONS),
        "views": [
            {
                **_photo(view),
                "landmarks_478_px": rounded(view.landmarks, 3),
                "landmarks_68_px": rounded(view.landmarks[IBUG68_FROM_478], 3),
                "mesh_landmarks_478_px": rounded(view.projected, 3),
                "mesh_landmarks_68_px": rounded(view.projected[IBUG68_FROM_478], 3),
                "guessed_478": np.flatnonzero(~view.face.seen).tolist(),
                "guessed_68": np.flatnonzero(~view.face.seen[IBUG68_FROM_478]).tolist(),
            }
            for view in head.views
        ],
        "mesh_landmarks_478_mm": rounded(head.landmarks, 4),
        "mesh_landmarks_68_mm": rounded(head.landmarks[IBUG68_FROM_478], 4),
    }


def _photo(view: SeenView) -> dict[str, Any]:
    face = view.face
    return {
        "photo": face.name,
        "sha256": face.sha256,
        "width": face.width,
        "height": face.height,
        "faces_found": face.faces_found,
        "face": face.number,
        "denoised": face.denoised,
    }
