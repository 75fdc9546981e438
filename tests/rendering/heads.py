"""A small made-up head: a ball with eyeballs and landmarks where a face would have them."""

from functools import lru_cache

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from headwater.faces import vocabulary as sets
from headwater.geometry.cameras import Camera, look_at
from headwater.heads.model import HeadModel, Surface, SurfacePoints

# Loops of the face as ellipses over the (x, y) plane: centre and half axes, mm.
ELLIPSES = (
    (sets.FACE_OVAL, (0, 0), (58, 72)),
    (sets.NOSE, (0, 2), (14, 22)),
    (sets.LEFT_BROW, (30, 45), (16, 4)),
    (sets.RIGHT_BROW, (-30, 45), (16, 4)),
    (sets.LEFT_EYE, (30, 28), (12, 6)),
    (sets.RIGHT_EYE, (-30, 28), (12, 6)),
    (sets.OUTER_LIPS, (0, -38), (24, 11)),
    (sets.INNER_LIPS, (0, -38), (16, 2)),
    (sets.LEFT_IRIS, (30, 28), (5.5, 5.5)),
    (sets.RIGHT_IRIS, (-30, 28), (5.5, 5.5)),
)


@lru_cache(maxsize=1)
def ball_head() -> HeadModel:
    """A ball of radius 100 mm with two eyeballs that look out of it."""
    skull = trimesh.creation.icosphere(subdivisions=4, radius=100.0)
    pieces, surface = [skull], [np.full(len(skull.faces), Surface.SKIN)]
    for x in (30.0, -30.0):
        eye = trimesh.creation.icosphere(subdivisions=3, radius=12.0)
        eye.apply_translation((x, 28.0, 84.0))
        pieces.append(eye)
        surface.append(np.full(len(eye.faces), Surface.EYEBALL))
    whole = trimesh.util.concatenate(pieces)
    mean = whole.vertices.astype(np.float32)
    marks = np.zeros((478, 2))
    for loop, centre, half_axes in ELLIPSES:
        angle = np.pi / 2 - np.linspace(0, 2 * np.pi, len(loop), endpoint=False)
        marks[list(loop)] = centre + np.stack([np.cos(angle), np.sin(angle)], axis=1) * half_axes
    marks[sets.LEFT_IRIS_CENTRE], marks[sets.RIGHT_IRIS_CENTRE] = (30, 28), (-30, 28)
    points = _on_front(whole, marks)
    stretch = np.zeros((1, *mean.shape), np.float32)
    stretch[0, :, 1] = 0.1 * mean[:, 1]
    return HeadModel(
        name="ball",
        licence="none",
        fingerprint="ball",
        mean=mean,
        faces=whole.faces.astype(np.int32),
        surface=np.concatenate(surface).astype(np.uint8),
        shape_names=("stretch",),
        shape_basis=stretch,
        expression_names=(),
        expression_basis=np.zeros((0, *mean.shape), np.float32),
        landmarks_478=points,
    )


def _on_front(mesh: trimesh.Trimesh, marks: np.ndarray) -> SurfacePoints:
    """Nearest front triangle to each (x, y), with equal weights on its corners."""
    front = np.flatnonzero(mesh.triangles_center[:, 2] > 30)
    nearest = front[cKDTree(mesh.triangles_center[front, :2]).query(marks)[1]]
    weights = np.full((len(marks), 3), 1 / 3, np.float32)
    return SurfacePoints(mesh.faces[nearest].astype(np.int32), weights)


def front_camera(size: int, yaw: float = 0.0, distance: float = 900.0) -> Camera:
    """Camera that sees the ball in the middle of a square picture."""
    angle = np.deg2rad(yaw)
    R, t = look_at((distance * np.sin(angle), 0, distance * np.cos(angle)), (0, 0, 0))
    focal = 0.33 * size * distance / 100.0
    return Camera(
        np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1.0]]), R, t, size, size
    )
