"""Pictures of reconstructed heads: turned views, descent strips and error heat maps."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from headwater.geometry.cameras import Camera, look_at
from headwater.rendering.plain import render_mesh

Pictures = list[NDArray[np.uint8]]

HEAT_LIMIT_MM = 5.0
HEAT_COLOURS = "YlOrRd"
CAMERA_DISTANCE_MM = 1100.0
MARGIN = 1.05


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


def heat_colours(distance: NDArray[np.floating]) -> NDArray[np.float64]:
    """Colours (V, 3) sRGB in 0..1, of distances (V,) mm, from 0 to ``HEAT_LIMIT_MM``."""
    colours = mpl.colormaps[HEAT_COLOURS](np.clip(distance / HEAT_LIMIT_MM, 0, 1))
    return np.asarray(colours[:, :3], np.float64)


def heat_gradient(stops: int = 9) -> str:
    """CSS colour stops of the heat map's colour bar."""
    colours = heat_colours(np.linspace(0, HEAT_LIMIT_MM, stops)) * 255
    return ", ".join(f"rgb({r:.0f} {g:.0f} {b:.0f})" for r, g, b in colours)
