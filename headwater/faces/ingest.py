"""The faces of a photo, and the frame of each that every later step works on.

Policies: of several faces the largest is taken, or every one that is large enough; their number is
kept. A frame is upright: the eye line is level, whatever the photo's roll. How faces are looked
for: ``face_search``.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.canonical_crop import PlacedMesh, Placement, placed_mesh
from headwater.faces.face_search import (
    FRAME_TO_FACE,
    FaceDetector,
    is_confirmed,
    search_faces,
    upright_mesh,
)
from headwater.faces.resampling import resampled
from headwater.faces.vocabulary import ibug68, outer_eye_distance
from headwater.reject_reasons import RejectReason

MIN_EYE_DISTANCE_PX: Final = 24.0
# Canonical crops after the search's, each where the one before puts it. A second one where the
# first moves the face by 2 %, as it does two in five, brings landmarks of a photo's variants nearer
# to each other and leaves none far away.
_CROPS: Final = 2
_SETTLED: Final = 0.02


def largest_face(rgb: NDArray[np.uint8], detector: FaceDetector) -> tuple[PlacedMesh, int]:
    """Mesh of the largest face of an (H, W, 3) photo; and the number of its faces.

    Raises ``ItemRejected``: no_face, or face_too_small below ``MIN_EYE_DISTANCE_PX`` between the
    outer eye corners.
    """
    meshes = search_faces(rgb, detector)
    for place, mesh in enumerate(meshes):
        refined = _refined(rgb, mesh, detector)
        if is_confirmed(rgb, refined, detector):
            return _large_enough(refined), len(meshes) - place
    raise _no_face()


def large_faces(rgb: NDArray[np.uint8], detector: FaceDetector) -> tuple[list[PlacedMesh], int]:
    """Meshes of all faces of a photo that are large enough, largest first; and the number of all.

    Raises ``ItemRejected`` as ``largest_face`` when none is.
    """
    refined = [_refined(rgb, mesh, detector) for mesh in search_faces(rgb, detector, small=True)]
    confirmed = [mesh for mesh in refined if is_confirmed(rgb, mesh, detector)]
    large: list[PlacedMesh] = []
    for mesh in confirmed:
        try:
            large.append(_large_enough(mesh))
        except ItemRejected:
            if not large:
                raise
    if not large:
        raise _no_face()
    return large, len(confirmed)


def frame_of(
    rgb: NDArray[np.uint8], place: Placement, frame_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The frame (n, n, 3) of the face at a place, and A (2, 3) with frame_px = A @ [photo_px, 1].

    A level square of ``FRAME_TO_FACE`` times the face's side about its centre, reduced
    smoothly to at most ``frame_px`` a side and never enlarged. Beyond the photo its border is
    replicated.
    """
    side = max(1, min(frame_px, round(FRAME_TO_FACE * place.side)))
    from_photo = place.square_map(FRAME_TO_FACE, side)
    return resampled(rgb, from_photo, side, side), from_photo


def _no_face() -> ItemRejected:
    return ItemRejected(RejectReason.NO_FACE, "No face was found in the photo.")


def _refined(rgb: NDArray[np.uint8], mesh: PlacedMesh, detector: FaceDetector) -> PlacedMesh:
    """The upright mesh from the last of the canonical crops that the mesh of the search places."""
    mesh = upright_mesh(rgb, mesh, detector)
    for _ in range(_CROPS):
        place = mesh.place
        if (following := placed_mesh(rgb, place, detector)) is None:
            break
        mesh = replace(following, confidence=mesh.confidence)
        if place.distance(mesh.place) < _SETTLED:
            break
    return mesh


def _large_enough(mesh: PlacedMesh) -> PlacedMesh:
    distance = outer_eye_distance(ibug68(mesh.points[:, :2]))
    if distance < MIN_EYE_DISTANCE_PX:
        # Rounded down: 24.0 px would be enough.
        shown = np.floor(10 * distance) / 10
        raise ItemRejected(
            RejectReason.FACE_TOO_SMALL,
            f"The largest face has {shown:.1f} px between the outer eye corners; "
            f"{MIN_EYE_DISTANCE_PX:.0f} px are needed.",
        )
    return mesh
