"""Clean studio pictures of a mesh for reports: clay or vertex colours on transparency."""

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.cameras import Camera
from headwater.geometry.rays import RayMesh
from headwater.rendering.tracing import carry, normalised, pooled, trace, vertex_normals

Float32Array = NDArray[np.float32]

CLAY = (0.80, 0.78, 0.76)

# Directions towards the lights in the camera frame (x right, y down, z forward) and their powers.
LIGHTS = (((-0.45, -0.65, -0.62), 0.62), ((0.75, -0.10, -0.65), 0.22), ((0.0, 0.0, -1.0), 0.16))
AMBIENT = 0.16
SHINE = 0.10


def render_mesh(
    vertices: NDArray[np.floating],
    faces: NDArray[np.integer],
    camera: Camera,
    colours: NDArray[np.floating] | None = None,
    supersample: int = 2,
) -> NDArray[np.uint8]:
    """Picture (H, W, 4) uint8 RGBA, transparent where the mesh is not.

    vertices: (V, 3) mm, head frame. faces: (F, 3). colours: (V, 3) sRGB in 0..1, clay when None.
    Both sides of a triangle are lit alike, so open meshes look the same from behind.
    """
    points = np.asarray(vertices, dtype=np.float32)
    triangles = np.asarray(faces, dtype=np.int32)
    samples = trace(RayMesh(points, triangles), points, camera, supersample)
    normal = normalised(carry(vertex_normals(points, triangles), triangles, samples))
    view = normalised(-samples.direction)
    facing = np.einsum("nc,nc->n", normal, view)
    normal *= np.where(facing < 0, np.float32(-1), np.float32(1))[:, None]
    if colours is None:
        albedo = np.full((len(samples.cell), 3), CLAY, dtype=np.float32)
    else:
        albedo = carry(np.asarray(colours, dtype=np.float32), triangles, samples)
    shade = _shade(albedo**2.2, normal, view, camera.R.astype(np.float32))

    grid = np.zeros((camera.height * supersample * camera.width * supersample, 4), np.float32)
    grid[samples.cell, :3] = shade
    grid[samples.cell, 3] = 1.0
    mean = pooled(
        grid.reshape(camera.height * supersample, camera.width * supersample, 4), supersample
    )
    alpha = mean[..., 3:]
    mean[..., :3] = (mean[..., :3] / np.maximum(alpha, np.float32(1e-6))) ** (1 / 2.2)
    return np.round(np.clip(mean, 0, 1) * 255).astype(np.uint8)


def _shade(
    albedo: Float32Array, normal: Float32Array, view: Float32Array, R: Float32Array
) -> Float32Array:
    """Linear light (n, 3) of a matt surface with a soft highlight under ``LIGHTS``."""
    light = np.full(len(normal), AMBIENT, dtype=np.float32)
    highlight = np.zeros(len(normal), dtype=np.float32)
    for direction, power in LIGHTS:
        towards = (np.asarray(direction, dtype=np.float32) @ R) / np.float32(
            np.linalg.norm(direction)
        )
        light += power * np.maximum(normal @ towards, 0)
        half = normalised(view + towards)
        highlight += power * np.maximum(np.einsum("nc,nc->n", normal, half), 0) ** 30
    result: Float32Array = np.clip(albedo * light[:, None] + SHINE * highlight[:, None], 0, 1)
    return result
