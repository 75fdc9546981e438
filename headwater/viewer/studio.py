"""Clean pictures of a head: turned views, and the descent as a strip."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.cameras import Camera, look_at
from headwater.rendering.plain import render_mesh

Pictures = list[NDArray[np.uint8]]

CAMERA_DISTANCE_MM = 1100.0
MARGIN = 1.05
STRIP_STEPS = 8


def studio_camera(
    vertices: NDArray[np.floating], yaw_degrees: float, pitch_degrees: float, size: int
) -> Camera:
    """A long lens that sees all vertices (V, 3) mm; yaw 90 looks at the subject's left side."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    centre = (low + high) / 2
    yaw, pitch = np.deg2rad(yaw_degrees), np.deg2rad(pitch_degrees)
    direction = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    R, t = look_at(centre + CAMERA_DISTANCE_MM * direction, centre)
    seen = (vertices - centre) @ R.T
    half = float(np.abs(seen[:, :2]).max()) * MARGIN
    focal = size / 2 * (CAMERA_DISTANCE_MM - np.abs(seen[:, 2]).max()) / half
    K = np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1.0]])
    return Camera(K, R, t, size, size)


def turned(
    vertices: NDArray[np.floating],
    faces: NDArray[np.integer],
    yaws: Sequence[float],
    size: int,
    colours: NDArray[np.floating] | None = None,
) -> Pictures:
    """The mesh from several sides, RGBA (size, size, 4) uint8 each."""
    return [
        render_mesh(vertices, faces, studio_camera(vertices, yaw, 4.0, size), colours)
        for yaw in yaws
    ]


def strip(steps: Sequence[NDArray[np.floating]], faces: NDArray[np.integer], size: int) -> Pictures:
    """The mesh after each step, all seen by the camera that fits the last one."""
    camera = studio_camera(steps[-1], 24.0, 4.0, size)
    return [render_mesh(vertices, faces, camera) for vertices in steps]


def steps_to_show(count: int) -> list[int]:
    """At most ``STRIP_STEPS`` of ``count`` steps: all early ones, where most happens; the last."""
    if count <= STRIP_STEPS:
        return list(range(count))
    early = STRIP_STEPS // 2
    late = np.linspace(early, count - 1, STRIP_STEPS - early)
    return [*range(early), *(round(step) for step in late)]
