"""One picture of a head with its exact truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from headwater.geometry.cameras import Camera, check_camera
from headwater.geometry.rays import RayMesh
from headwater.heads.model import HeadModel
from headwater.rendering.backdrop import backdrop
from headwater.rendering.classes import pixel_classes, sample_classes
from headwater.rendering.lighting import lit
from headwater.rendering.looks import HairStyle, Look, Scene
from headwater.rendering.painting import HeadPaint, head_paint
from headwater.rendering.props import stage
from headwater.rendering.stages import Stage
from headwater.rendering.surfaces import finish, gaps_in_props
from headwater.rendering.tracing import (
    behind,
    carry,
    chosen,
    float32,
    merged,
    normalised,
    pooled,
    trace,
)
from headwater.rendering.truth import view_landmarks, view_truth

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """A rendered picture and what it shows.

    image: (H, W, 3) uint8 sRGB. classes: (H, W) uint8 ``FaceClass`` ids of what the picture shows
    most of in each pixel, with hair, glasses and clothes. mask: (H, W) bool, pixels whose centre
    lies on the bare head. parts: (H, W) uint8 face part ids there. depth: (H, W) float32 z-depth,
    mm, 0 off the head. landmarks_478_px: (478, 2) float32. landmarks_478_visible: (478,) bool, in
    the image and not hidden by the head.
    """

    image: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    parts: NDArray[np.uint8]
    depth: Float32Array
    landmarks_478_px: Float32Array
    landmarks_478_visible: NDArray[np.bool_]


def render_view(
    model: HeadModel, vertices: Float32Array, look: Look, camera: Camera, supersample: int = 2
) -> View:
    """Picture of the head ``vertices`` (V, 3) mm, in ``model``'s topology, seen by ``camera``.

    Hair and clothes are in the image and its classes only: mask, parts, depth and visibility are of
    the bare head. The same arguments give the same bytes.
    """
    check_camera(camera)
    paint = head_paint(model)
    mesh = RayMesh(vertices, model.faces)
    truth = view_truth(model, paint, vertices, mesh, camera)
    landmarks, visible = view_landmarks(model, vertices, mesh, camera)
    drawn = stage(model, paint, vertices, look.person)
    coloured, classes = _coloured(model, drawn, paint, look, camera, supersample)
    image = _developed(look.scene, coloured)
    return View(image, classes, truth.mask, truth.parts, truth.depth, landmarks, visible)


def _coloured(
    model: HeadModel,
    drawn: Stage,
    paint: HeadPaint,
    look: Look,
    camera: Camera,
    supersample: int,
) -> tuple[Float32Array, NDArray[np.uint8]]:
    """Linear picture (H, W, 3) of the stage before its backdrop, and classes (H, W) of pixels."""
    mesh = RayMesh(drawn.vertices, drawn.faces)
    samples = trace(mesh, drawn.vertices, camera, supersample)
    values = carry(drawn.values, drawn.faces, samples)
    gaps = gaps_in_props(look.person, paint, drawn.material[samples.triangle], values)
    through = behind(mesh, camera, chosen(samples, gaps))
    values = np.concatenate([values[~gaps], carry(drawn.values, drawn.faces, through)])
    samples = merged(chosen(samples, ~gaps), through)
    view = normalised(-samples.direction)
    normal = normalised(values[:, 3:6])
    backwards = np.einsum("nc,nc->n", normal, view) < -0.2
    normal[backwards] *= -1
    position = camera.centre.astype(np.float32) + samples.direction * samples.depth[:, None]
    material = drawn.material[samples.triangle]
    surface = finish(look, paint, material, values)
    light = lit(look.scene, surface, mesh, position, normal, view, values[:, 9])

    height, width = camera.height * supersample, camera.width * supersample
    grid = np.zeros((height * width, 4), dtype=np.float32)
    grid[samples.cell, :3] = np.minimum(light, 4.0)
    grid[samples.cell, 3] = 1.0
    mean = pooled(grid.reshape(height, width, 4), supersample)
    wall = backdrop(look.scene, camera.height, camera.width)
    picture: Float32Array = mean[..., :3] + wall * (1 - mean[..., 3:])
    hair = (surface.scalp > 0.5) & (look.person.hair_style is not HairStyle.BALD)
    classes = sample_classes(model, paint, samples, material, values[:, :3], hair)
    return picture, pixel_classes(samples.cell, classes, (height, width), supersample)


def _developed(scene: Scene, picture: Float32Array) -> NDArray[np.uint8]:
    """Display picture (H, W, 3) uint8 of linear light: tint, shoulder, blur, noise, contrast."""
    height, width = picture.shape[:2]
    light = np.maximum(picture * float32(scene.tint), 0)
    peak = np.maximum(light.max(axis=2, keepdims=True), 1e-4)
    # Half by channel and half by the brightest one: highlights pale, but keep some colour.
    light = 0.5 * _shoulder(light) + 0.5 * light * (_shoulder(peak) / peak)
    blur = scene.blur_px * width / 256
    if blur > 0.2:
        light = gaussian_filter(light, (blur, blur, 0))
    display = np.clip(light, 0, 1) ** np.float32(1 / 2.2)
    display = 0.5 + (display - 0.5) * float32(scene.contrast)
    rng = np.random.default_rng([scene.seed, 4])
    display += float32(scene.noise) * rng.standard_normal((height, width, 1), np.float32)
    display += np.float32(0.5 * scene.noise) * rng.standard_normal((height, width, 3), np.float32)
    return np.round(np.clip(display, 0, 1) * 255).astype(np.uint8)


def _shoulder(light: Float32Array) -> Float32Array:
    """Compress light above 0.6 smoothly towards 1."""
    compressed: Float32Array = np.where(
        light < 0.6, light, 0.6 + 0.4 * np.tanh((light - 0.6) / 0.4)
    )
    return compressed
