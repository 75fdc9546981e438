"""Light that samples send to the camera: ambient sky, lamps with soft shadows, highlights."""

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.rays import RayMesh
from headwater.rendering.looks import Light, Scene
from headwater.rendering.noise import smoothstep
from headwater.rendering.surfaces import Finish
from headwater.rendering.tracing import float32, normalised

Float32Array = NDArray[np.float32]

# Red light travels furthest under the skin.
BLEEDING = float32([0.34, 0.14, 0.09])
SHADOW_OFFSET_MM = 2.0


def lit(
    scene: Scene,
    look_finish: Finish,
    mesh: RayMesh,
    position: Float32Array,
    normal: Float32Array,
    view: Float32Array,
    sky: Float32Array,
) -> Float32Array:
    """Linear light (n, 3) from samples at ``position`` (n, 3) mm towards the camera.

    normal, view: (n, 3) unit vectors, ``view`` towards the camera. sky: (n,) open share of the
    sky. The first light casts shadows; the others fill.
    """
    sky = np.maximum(sky, look_finish.floor)
    irradiance = ambient(scene, normal) * sky[:, None]
    highlight = np.zeros_like(irradiance)
    for number, light in enumerate(scene.lights):
        towards = float32(light.towards)
        cosine = normal @ towards
        free = 0.35 + 0.65 * sky
        if number == 0:
            free = free * _unshadowed(light, mesh, position, normal, cosine, scene.seed)
        colour = float32(light.colour)
        near_edge = np.clip(1 - np.abs(cosine) / np.float32(0.45), 0, 1) ** 2
        soft = (near_edge * look_finish.translucent)[:, None] * BLEEDING
        irradiance += colour * ((np.maximum(cosine, 0) * free)[:, None] + soft * free[:, None])
        half = normalised(view + towards)
        facing = np.maximum(np.einsum("nc,nc->n", normal, half), 0)
        power = (look_finish.sharpness + 8) / np.float32(8)
        shine = look_finish.gloss * power * facing**look_finish.sharpness
        highlight += colour * (shine * free * (cosine > 0))[:, None]
    rim = (1 - np.clip(np.einsum("nc,nc->n", normal, view), 0, 1)) ** 4
    highlight += irradiance * (0.5 * look_finish.gloss.clip(0, 0.1) * rim)[:, None]
    exposure = scene.exposure / max(float(irradiance[look_finish.translucent > 0.2].mean()), 1e-3)
    result: Float32Array = exposure * (look_finish.albedo * irradiance + highlight)
    return result


def ambient(scene: Scene, normal: Float32Array) -> Float32Array:
    """Spherical-harmonic irradiance (n, 3) for unit normals (n, 3)."""
    x, y, z = normal.T
    basis = np.stack(
        [np.ones_like(x), x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1
    )
    return np.maximum(basis @ float32(scene.ambient), np.float32(0.02))


def _unshadowed(
    light: Light,
    mesh: RayMesh,
    position: Float32Array,
    normal: Float32Array,
    cosine: Float32Array,
    seed: int,
) -> Float32Array:
    """1 where the light is seen, 0 in shadow (n,); one random point of the light per sample."""
    facing = np.flatnonzero(cosine > 0)
    jitter = np.random.default_rng([seed, 2]).normal(size=(len(facing), 3)).astype(np.float32)
    towards = float32(light.towards) + np.float32(0.5 * light.radius) * jitter
    # Coarse meshes shade smoothly but cast shadows with corners: start above the surface.
    start = position[facing] + SHADOW_OFFSET_MM * (normal[facing] + 0.5 * float32(light.towards))
    free = np.zeros(len(position), dtype=np.float32)
    free[facing] = ~mesh.occluded(start, towards)
    free[facing] *= smoothstep(0.0, 0.12, cosine[facing])
    return free
