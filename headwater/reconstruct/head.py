"""One head from all photos that show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.scenes import Template, Views, stacked
from headwater.errors import ItemRejected
from headwater.evaluation.challenge import Answerer, Unanswered
from headwater.evaluation.heads.answer import HeadAnswer, Sources
from headwater.evaluation.heads.photos import PhotoQuestion, landmark_nme, refined_cameras
from headwater.faces.affine import map_points
from headwater.geometry.cameras import Camera, project, transform_image
from headwater.geometry.registration import Similarity
from headwater.reconstruct.placing import (
    in_head_frame,
    refined_place,
    size_of,
    triangulated_landmarks,
    unit_in_words,
)
from headwater.reconstruct.seeing import SeenFace
from headwater.reject_reasons import RejectReason

FloatArray = NDArray[np.float32]

# Largest landmark error, as a share of the outer eye-corner distance; sound photos have 1 to 6 %.
MOST_ERROR_PERCENT: Final = 8.0
# Largest usual difference of a head's size from the template's, as a share of it.
USUAL_SPREAD: Final = 0.15


@dataclass(frozen=True)
class SeenView:
    """A photo with the estimated camera of the reconstructed head.

    camera: of the upright photo in its full size; frame_camera: of the face's frame. landmarks:
    (478, 2) px found in that photo; projected: (478, 2) px of the mesh's. error_percent: mean
    distance of the 68 points of both that the photo shows, of the outer eye-corner distance.
    """

    face: SeenFace
    camera: Camera
    frame_camera: Camera
    landmarks: FloatArray
    projected: FloatArray
    error_percent: float


@dataclass(frozen=True)
class Head:
    """A reconstructed head in mm, head frame.

    vertices: (V, 3) float32. steps: (T + 1, V, 3), the descent; (0, V, 3) without one.
    landmarks: (478, 3) on the mesh. world_from_head: rigid, to the world of given cameras; None
    without them. doubt: a sentence on what makes it uncertain, or nothing. sources: pictures and
    meshes that it came from, of systems that show them.
    """

    name: str
    template: Template
    vertices: FloatArray
    steps: FloatArray
    landmarks: FloatArray
    views: list[SeenView]
    world_from_head: Similarity | None = None
    doubt: str = ""
    sources: Sources = ()


def reconstruct_head(
    answer: Answerer,
    name: str,
    faces: Sequence[SeenFace],
    world_from_head: Similarity | None = None,
) -> Head:
    """The head that all ``faces`` show, as a system's ``answer`` to their views has it.

    world_from_head: where ``head_in_world`` found it among calibrated cameras. Those of ``faces``
    are then exact and kept, and the head that was found is put where they see it. Raises
    ``ItemRejected`` (camera_failed) when it cannot be the one in the photo.
    """
    try:
        if world_from_head is None:
            views = views_of(faces, estimated=True)
            found = answer(PhotoQuestion(views))
            cameras = refined_cameras(views, found)
        else:
            found, step = _among_calibrated(answer, faces)
            world_from_head = world_from_head.after(step)
            faces = in_head_frame(faces, step)
            cameras = [face.camera for face in faces]
            views = views_of(faces, estimated=False)
        errors = landmark_nme(views, cameras, found)
    except (Unanswered, ValueError) as error:
        raise _no_head() from error
    landmarks = found.template.landmarks_478.on(found.vertices)
    if not (np.isfinite(found.vertices).all() and np.isfinite(errors).all()):
        raise _no_head()
    seen = [
        _in_photo(face, camera, landmarks, 100 * error)
        for face, camera, error in zip(faces, cameras, errors, strict=True)
    ]
    return Head(name, found.template, found.vertices, found.steps, landmarks, seen, world_from_head)


def check_fit(head: Head, faces: Sequence[SeenFace], points_mm: NDArray[np.float32]) -> None:
    """Raise ``ItemRejected`` (camera_failed) for a head that its calibrated cameras do not explain.

    faces: its views with their cameras as given. points_mm: (68, 3) landmarks of the template.
    """
    worst = max(view.error_percent for view in head.views)
    if worst <= MOST_ERROR_PERCENT:
        return
    size = unusual_size(faces, points_mm)
    cause = "are K, R and t those of this photo?" if size is None else unit_in_words(size)
    raise ItemRejected(
        RejectReason.CAMERA_FAILED,
        f"By the given cameras the mesh misses the landmarks by {worst:.0f} % of the eye distance; "
        f"{cause}",
    )


def unusual_size(faces: Sequence[SeenFace], points_mm: NDArray[np.float32]) -> float | None:
    """The head's size as a share of the template's; None where usual, or the views do not tell."""
    points = triangulated_landmarks(faces)
    if points is None:
        return None
    size = size_of(points, points_mm)
    return None if 1 - USUAL_SPREAD < size < 1 + USUAL_SPREAD else size


def views_of(faces: Sequence[SeenFace], *, estimated: bool) -> Views:
    """The faces as the network's views; estimated: their cameras, which are not given."""
    K, R, t = stacked([face.camera for face in faces])
    return Views(
        images=tuple(face.frame for face in faces),
        masks=tuple(face.mask * np.uint8(255) for face in faces),
        K=K,
        R=R,
        t=t,
        landmarks_478_px=np.stack([face.seen_landmarks for face in faces]),
        head=np.zeros(len(faces), np.int32),
        split=np.full(len(faces), "test"),
        estimated=np.full(len(faces), estimated),
    )


def _among_calibrated(answer: Answerer, faces: Sequence[SeenFace]) -> tuple[HeadAnswer, Similarity]:
    """The head that the views show, and a rigid step of it that puts it where they see it.

    The head was placed as if it were the mean one; the head that was found stands a little
    elsewhere. On synthetic heads that lowers the mean distance from the true one by a quarter.
    """
    found: HeadAnswer = answer(PhotoQuestion(views_of(faces, estimated=False)))
    landmarks = found.template.landmarks_68(found.vertices)
    return found, refined_place(faces, landmarks, Similarity.identity())


def _in_photo(face: SeenFace, in_frame: Camera, landmarks: FloatArray, error: float) -> SeenView:
    camera = transform_image(in_frame, face.photo_from_frame, face.width, face.height)
    projected, depth = project(camera, landmarks)
    if (depth <= 0).any():
        raise _no_head()
    found = map_points(face.photo_from_frame, face.landmarks[:, :2])
    return SeenView(face, camera, in_frame, found, projected.astype(np.float32), error)


def _no_head() -> ItemRejected:
    return ItemRejected(
        RejectReason.CAMERA_FAILED, "No camera fits the head that the network found for the photo."
    )
