"""The exact truth of a view: head mask, face parts, depth and visible landmarks."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.cameras import Camera, project
from headwater.geometry.rays import RayMesh
from headwater.heads.model import HeadModel
from headwater.rendering.painting import HeadPaint
from headwater.rendering.tracing import carry, trace

Float32Array = NDArray[np.float32]

# A landmark lies on the surface up to the rounding of 32-bit rays.
LANDMARK_TOLERANCE_MM = 0.5


class Truth(NamedTuple):
    """mask (H, W) bool, parts (H, W) uint8, depth (H, W) float32 mm (0 off the head)."""

    mask: NDArray[np.bool_]
    parts: NDArray[np.uint8]
    depth: Float32Array


def view_truth(
    model: HeadModel, paint: HeadPaint, vertices: Float32Array, mesh: RayMesh, camera: Camera
) -> Truth:
    """Mask, parts and depth of the bare head, ``vertices`` (V, 3) mm, at the pixels' centres."""
    samples = trace(mesh, vertices, camera, per_pixel=1)
    size = camera.height * camera.width
    mask, parts, depth = np.zeros(size, bool), np.zeros(size, np.uint8), np.zeros(size, np.float32)
    mask[samples.cell] = True
    depth[samples.cell] = samples.depth
    mean = carry(model.mean, model.faces, samples)
    parts[samples.cell] = part_ids(paint, mean, model.surface[samples.triangle])
    shape = (camera.height, camera.width)
    return Truth(mask.reshape(shape), parts.reshape(shape), depth.reshape(shape))


def part_ids(paint: HeadPaint, mean: Float32Array, surface: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Part ids (n,) of samples at mean positions (n, 3) mm on ``surface`` (n,)."""
    return paint.maps.part_ids(mean, surface)


def view_landmarks(
    model: HeadModel, vertices: Float32Array, mesh: RayMesh, camera: Camera
) -> tuple[Float32Array, NDArray[np.bool_]]:
    """Pixels (478, 2) float32 of the landmarks, and which are in the image and not hidden."""
    points = model.landmarks_478.on(vertices)
    pixels, depth = project(camera, points)
    towards = (points - camera.centre) / depth[:, None]
    nearest = mesh.first_hit(camera.centre, towards).distance
    inside = (pixels >= 0).all(axis=1) & (pixels < (camera.width, camera.height)).all(axis=1)
    visible = inside & (depth > 0) & (nearest >= depth - LANDMARK_TOLERANCE_MM)
    return pixels.astype(np.float32), visible
