"""Placement of the head among calibrated cameras.

The cameras are exact and share a world in mm; the template's 68 landmarks are moved rigidly so
that their reprojection error in all views is least. The head's size is the template's, so that a
wrong unit of the cameras shows in views from several sides.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.meshes import likely_unit
from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.calibration import Calibration, calibrate
from headwater.faces.vocabulary import (
    IBUG68_FROM_478,
    IBUG_EAR_TO_EAR,
    IBUG_INSIDE,
    IBUG_POSE_WEIGHTS,
)
from headwater.geometry.cameras import Camera, project, unproject
from headwater.geometry.pose import Sighting, solve_pose
from headwater.geometry.registration import Similarity, umeyama
from headwater.reconstruct.seeing import SeenFace

FloatArray = NDArray[np.float64]

# Limits of a head's size as a multiple of the template's. People's heads lie within, and most
# rendered ones within 0.83 and 1.22; heads in metres, inches or the unit of structure from motion
# do not.
LEAST_SIZE, MOST_SIZE = 0.7, 1.35
# Rays that part by less tell no distance: about 5 degrees between two views.
LEAST_PARTING: Final = 0.004
# Largest mean distances of a view's landmarks, as shares of their extent in the photo: from points
# triangulated from all views, and from the template. Sound cameras gave up to 0.02 and 0.07.
MOST_DISAGREEMENT: Final = 0.08
MOST_MISFIT: Final = 0.2
# The spread of landmarks, as a share of their extent, beyond which one counts less and less.
_SPREAD: Final = 0.03


class DisagreementError(HeadwaterError):
    """Cameras that do not agree on one head; ``worst`` is the row of the one that does so least."""

    def __init__(self, message: str, worst: int) -> None:
        super().__init__(message)
        self.worst = worst


def head_in_world(
    faces: Sequence[SeenFace], points_mm: NDArray[np.float32], source: object = "cameras"
) -> Similarity:
    """Rigid map from the head frame to the world of the faces' cameras.

    points_mm: (68, 3) landmarks of the template, head frame. source: of the cameras, for messages.
    Raises ``DisagreementError`` when the cameras do not agree on one head, ``HeadwaterError`` when
    its size is no head's, ``ItemRejected`` (camera_failed) when the template fits no view.
    """
    cameras = [face.camera for face in faces]
    pixels = _pixels(faces)
    points = triangulated_landmarks(faces)
    if points is not None:
        _check_agreement(faces, points, MOST_DISAGREEMENT, source)
        _check_size(points, points_mm, source)
    place = refined_place(faces, points_mm, _start(cameras, pixels, points_mm))
    _check_agreement(faces, place.apply(points_mm), MOST_MISFIT, source)
    return place


def refined_place(
    faces: Sequence[SeenFace], points_mm: NDArray[np.float32], start: Similarity
) -> Similarity:
    """The rigid map near ``start`` by which all views see ``points_mm`` (68, 3) best.

    Robust least squares over a turn and a shift of the head; the cameras stay as they are.
    """
    sightings = [
        Sighting(
            face.camera,
            np.nan_to_num(seen),
            IBUG_POSE_WEIGHTS * _finite(seen) / (_SPREAD * _extent(seen)),
        )
        for face, seen in zip(faces, _pixels(faces), strict=True)
    ]
    return solve_pose(points_mm, sightings, start)


def in_head_frame(faces: Sequence[SeenFace], place: Similarity) -> list[SeenFace]:
    """The faces with cameras from the head frame that ``place`` maps to their world."""
    return [
        replace(
            face,
            camera=replace(
                face.camera,
                R=face.camera.R @ place.rotation,
                t=face.camera.R @ place.translation + face.camera.t,
            ),
        )
        for face in faces
    ]


def triangulated_landmarks(faces: Sequence[SeenFace]) -> FloatArray | None:
    """The 68 landmarks (68, 3), world, as ``triangulated`` from all views."""
    return triangulated([face.camera for face in faces], _pixels(faces))


def view_errors(faces: Sequence[SeenFace], points: FloatArray) -> list[float]:
    """Mean reprojection error of points (68, 3), world, in each view, of the landmarks it shows.

    As shares of the extent of its landmarks. Points that are NaN do not count.
    """
    known = _finite(points)
    return [
        float(np.linalg.norm(_offsets(face.camera, found, points), axis=1)[known & shown].mean())
        for face, found in zip(faces, _pixels(faces), strict=True)
        for shown in [_finite(found)]
    ]


def triangulated(cameras: Sequence[Camera], pixels: Sequence[FloatArray]) -> FloatArray | None:
    """Points (n, 3) nearest to all their rays; None when the rays are too parallel to tell.

    pixels: (n, 2) per camera, NaN where it does not show the point. A point that fewer than two
    cameras show is NaN; None where fewer than half are left.
    """
    rays = np.stack(
        [
            unproject(camera, seen, np.ones(len(seen))) - camera.centre
            for camera, seen in zip(cameras, pixels, strict=True)
        ]
    )
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    across = np.eye(3) - rays[..., :, None] * rays[..., None, :]
    shown = np.isfinite(rays).all(axis=2)
    across[~shown] = 0.0
    known = np.count_nonzero(shown, axis=0) > 1
    normal = across.sum(axis=0)[known]
    if 2 * len(normal) < len(known):
        return None
    if np.median(np.linalg.eigvalsh(normal)[:, 0]) < LEAST_PARTING:
        return None
    centres = np.stack([camera.centre for camera in cameras])
    towards = np.einsum("vnij,vj->ni", across, centres)[known]
    points = np.full((len(known), 3), np.nan)
    points[known] = np.linalg.solve(normal, towards[..., None])[..., 0]
    return points


def _check_agreement(
    faces: Sequence[SeenFace], points: FloatArray, limit: float, source: object
) -> None:
    """Refuse cameras whose reprojection error of ``points`` (68, 3), world, is too large."""
    errors = view_errors(faces, points)
    worst = int(np.argmax(errors))
    if not errors[worst] < limit:
        raise DisagreementError(
            f"{source}: the cameras do not agree on one head, least that of {faces[worst].name}; "
            "are R and t from the world to the camera (x right, y down, z forward), is each "
            "camera that of its photo, and the largest face of each photo that of the same head?",
            worst,
        )


def _check_size(points: FloatArray, points_mm: NDArray[np.float32], source: object) -> None:
    """Refuse a head of triangulated ``points`` (68, 3) that has no head's size."""
    size = size_of(points, points_mm)
    if not LEAST_SIZE < size < MOST_SIZE:
        left, right = points_mm[list(IBUG_EAR_TO_EAR)].astype(np.float64)
        width = size * float(np.linalg.norm(left - right))
        raise HeadwaterError(
            f"{source}: the head would be {width:.3g} mm wide; {unit_in_words(size)}"
        )


def size_of(points: FloatArray, points_mm: NDArray[np.float32]) -> float:
    """Size of a head with landmarks (68, 3), world, as a share of that of the template's."""
    known = np.flatnonzero(_finite(points))
    inside = known[known >= IBUG_INSIDE.start]
    return float(umeyama(points_mm[inside], points[inside], with_scale=True).scale)


def unit_in_words(size: float) -> str:
    """The likely fault of translations by which a head has ``size`` times the usual one."""
    unit = likely_unit(size, "millimetres")
    seem = f"in {unit}" if unit != "millimetres" else f"{size:.2g} times as long as they should be"
    return f"are the translations in millimetres? they seem to be {seem}"


def _start(
    cameras: Sequence[Camera], pixels: Sequence[FloatArray], points_mm: NDArray[np.float32]
) -> Similarity:
    """The place that the view says which the template fits best."""
    found: list[tuple[Calibration, Camera]] = []
    failure: ItemRejected | None = None
    for camera, seen in zip(cameras, pixels, strict=True):
        # Pixels of a camera with square pixels in the same place.
        rays = np.linalg.solve(camera.K, np.column_stack([seen, np.ones(len(seen))]).T).T
        focal = float(camera.K[0, 0])
        square = (focal * rays[:, :2]).astype(np.float32)
        try:
            found.append((calibrate(square, points_mm, (0.0, 0.0), focal, _finite(seen)), camera))
        except ItemRejected as problem:
            failure = failure or problem
    if failure and not found:
        raise failure
    best, camera = min(found, key=lambda pair: pair[0].nme_percent)
    return Similarity(1.0, camera.R.T @ best.rotation, camera.R.T @ (best.translation - camera.t))


def _pixels(faces: Sequence[SeenFace]) -> list[FloatArray]:
    """The 68 detected landmarks (68, 2) px of each frame, NaN for those that are guessed."""
    return [face.seen_landmarks[IBUG68_FROM_478].astype(np.float64) for face in faces]


def _finite(points: FloatArray) -> NDArray[np.bool_]:
    """True (n,) where all coordinates of points (n, d) are known."""
    known: NDArray[np.bool_] = np.isfinite(points).all(axis=1)
    return known


def _extent(points: FloatArray) -> float:
    """The longer side of the box around the known points."""
    return float(np.ptp(points[_finite(points)], axis=0).max())


def _offsets(camera: Camera, seen: FloatArray, points: FloatArray) -> FloatArray:
    """Reprojection errors (n, 2) of the points, as shares of the longer side of ``seen``."""
    projected, depth = project(camera, points)
    # What lies behind the camera is as wrong as it can be, and still a number.
    projected[depth <= 0] = 1e6
    return np.asarray((projected - seen) / _extent(seen))
