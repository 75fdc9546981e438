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
HAIR_SHEEN = 0.16
LUMINANCE = float32([0.21, 0.72, 0.07])
# Cameras expose light skin lower and dark skin higher, by this power of its luminance.
MIDDLE_LUMINANCE, COMPENSATION = 0.20, 0.25
WHITE_BALANCE = 0.6


def lit(
    scene: Scene,
    surface: Finish,
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
    sky = np.maximum(sky, surface.floor)
    irradiance = ambient(scene, normal) * sky[:, None]
    shine = np.zeros_like(irradiance)
    for number, light in enumerate(scene.lights):
        towards, colour = float32(light.towards), float32(light.colour)
        cosine = normal @ towards
        free = 0.35 + 0.65 * sky
        if number == 0:
            free *= _unshadowed(light, mesh, position, normal, cosine, scene.seed)
        near_edge = np.clip(1 - np.abs(cosine) / np.float32(0.45), 0, 1) ** 2
        bleeding = (near_edge * surface.translucent)[:, None] * BLEEDING
        irradiance += colour * (np.maximum(cosine, 0)[:, None] + bleeding) * free[:, None]
        half = normalised(view + towards)
        shine += colour * (_highlight(surface, normal, half) * free * (cosine > 0))[:, None]
    grazing = (1 - np.clip(np.einsum("nc,nc->n", normal, view), 0, 1)) ** 4
    shine += irradiance * (0.5 * surface.gloss * grazing)[:, None]
    exposed: Float32Array = surface.albedo * irradiance + shine
    exposed *= _exposure(scene, surface, irradiance)
    return exposed


def _highlight(surface: Finish, normal: Float32Array, half: Float32Array) -> Float32Array:
    """Strength (n,) of a light's reflection: Blinn-Phong on skin and eyes, Kajiya-Kay on hair."""
    facing = np.maximum(np.einsum("nc,nc->n", normal, half), 0)
    power = (surface.sharpness + 8) / np.float32(8)
    strength: Float32Array = surface.gloss * power * facing**surface.sharpness
    hair = surface.hair
    along = np.einsum("nc,nc->n", surface.strand, normal[hair])
    strand = normalised(surface.strand - along[:, None] * normal[hair])
    sine_squared = np.maximum(1 - np.einsum("nc,nc->n", strand, half[hair]) ** 2, 0)
    brightness = np.sqrt(surface.albedo[hair] @ LUMINANCE)
    strength[hair] += HAIR_SHEEN * brightness * sine_squared**24 * facing[hair]
    return strength


def _exposure(scene: Scene, surface: Finish, irradiance: Float32Array) -> Float32Array:
    """Factors (3,) for the skin's mean light: the scene's exposure, most of the cast removed."""
    skin = surface.translucent > 0.2
    if not skin.any():
        return np.full(3, scene.exposure, dtype=np.float32)
    luminance = max(float((surface.albedo[skin] @ LUMINANCE).mean()), 0.01)
    cast = np.maximum(irradiance[skin].mean(axis=0), 1e-3)
    level = scene.exposure / float(cast.mean()) * (MIDDLE_LUMINANCE / luminance) ** COMPENSATION
    return float32(level * (cast.mean() / cast) ** WHITE_BALANCE)


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
