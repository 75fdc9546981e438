"""One head from all photos that show it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.datasets.scenes import Template, Views
from headwater.errors import ItemRejected
from headwater.faces.affine import map_points
from headwater.geometry.cameras import Camera, project, transform_image
from headwater.reconstruct.seeing import SeenFace
from headwater.reject_reasons import RejectReason
from headwater.systems.glvd.reconstruct import landmark_nme, reconstruct_photo
from headwater.systems.glvd.weights import TrainedGlvd

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class SeenView:
    """A photo with the camera that was found for the reconstructed head.

    camera: of the upright photo in its full size; frame_camera: of the face's frame. landmarks:
    (478, 2) px found in that photo; projected: (478, 2) px of the mesh's. error_percent: mean
    distance of the 68 points of both, of the outer eye-corner distance.
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

    vertices: (V, 3) float32. steps: (T + 1, V, 3), the descent. landmarks: (478, 3) on the mesh.
    """

    name: str
    template: Template
    vertices: FloatArray
    steps: FloatArray
    landmarks: FloatArray
    views: list[SeenView]


def reconstruct_head(trained: TrainedGlvd, name: str, faces: Sequence[SeenFace]) -> Head:
    """The head that all ``faces`` show.

    Raises ``ItemRejected`` (camera_failed) when the network's head cannot be the one in the photo.
    """
    views = views_of(faces)
    try:
        found = reconstruct_photo(trained, views)
        errors = landmark_nme(trained, views, found)
    except ValueError as error:
        raise _no_head() from error
    landmarks = trained.template.landmarks_478.on(found.vertices)
    if not (np.isfinite(found.vertices).all() and np.isfinite(errors).all()):
        raise _no_head()
    cameras = [
        Camera(
            views.K[i].astype(np.float64),
            nearest_rotation(found.rotations[i]),
            found.translations[i].astype(np.float64),
            face.frame.shape[1],
            face.frame.shape[0],
        )
        for i, face in enumerate(faces)
    ]
    seen = [
        _in_photo(face, camera, landmarks, 100 * error)
        for face, camera, error in zip(faces, cameras, errors, strict=True)
    ]
    return Head(name, trained.template, found.vertices, found.steps, landmarks, seen)


def views_of(faces: Sequence[SeenFace]) -> Views:
    """The faces as the network's views; smaller frames are padded at the right and the bottom."""
    height = max(face.frame.shape[0] for face in faces)
    width = max(face.frame.shape[1] for face in faces)
    images = np.zeros((len(faces), height, width, 3), np.uint8)
    masks = np.zeros((len(faces), height, width), np.uint8)
    for i, face in enumerate(faces):
        a, b = face.frame.shape[:2]
        images[i, :a, :b] = face.frame
        masks[i, :a, :b] = face.mask * np.uint8(255)
    return Views(
        images=images,
        masks=masks,
        K=np.stack([face.camera.K for face in faces]).astype(np.float32),
        R=np.stack([face.camera.R for face in faces]).astype(np.float32),
        t=np.stack([face.camera.t for face in faces]).astype(np.float32),
        landmarks_478_px=np.stack([face.landmarks[:, :2] for face in faces]),
        head=np.zeros(len(faces), np.int32),
        split=np.full(len(faces), "test"),
    )


def nearest_rotation(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """The rotation (3, 3) nearest to a nearly orthonormal matrix."""
    u, _, v = np.linalg.svd(np.asarray(matrix, np.float64))
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v)


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
