"""Backdrops of a head: plain walls, soft clouds, out-of-focus shapes, a room."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from headwater.rendering.looks import BackdropKind, Scene
from headwater.rendering.tracing import float32

Float32Array = NDArray[np.float32]

# Drawn small, since all of it is out of focus.
SMALL = 64
BILINEAR = Image.Resampling.BILINEAR


def backdrop(scene: Scene, height: int, width: int) -> Float32Array:
    """Linear colours (height, width, 3) float32."""
    rng = np.random.default_rng([scene.seed, 3])
    colours = float32(scene.backdrop_colours)
    down = np.linspace(0, 1, SMALL, dtype=np.float32)[:, None, None]
    across = np.linspace(-1, 1, SMALL, dtype=np.float32)[None, :, None]
    wall = colours[0] + (colours[1] - colours[0]) * down * rng.uniform(0, 1)
    small = wall * (1 - rng.uniform(0, 0.5) * (across - rng.uniform(-1, 1)) ** 2 / 2)
    if scene.backdrop is BackdropKind.CLOUDS:
        small = _clouds(rng, small, colours)
    elif scene.backdrop is BackdropKind.SHAPES:
        small = _shapes(rng, small, colours)
    elif scene.backdrop is BackdropKind.ROOM:
        small = _room(rng, small, colours)
    small = gaussian_filter(small, (*rng.uniform(0.6, 4.0, size=1).repeat(2), 0))
    channels = np.moveaxis(np.clip(small, 0, 1).astype(np.float32), 2, 0)
    grown = [
        np.asarray(Image.fromarray(channel).resize((width, height), BILINEAR))
        for channel in channels
    ]
    return np.stack(grown, axis=-1)


def _clouds(rng: np.random.Generator, small: Float32Array, colours: Float32Array) -> Float32Array:
    """Another colour blended in by soft noise of several sizes."""
    noise = np.zeros((SMALL, SMALL, 1))
    for sigma in (2, 5, 12):
        layer = gaussian_filter(rng.normal(size=(SMALL, SMALL)), sigma, mode="wrap")
        noise[..., 0] += layer / layer.std() * sigma / 12
    share = 1 / (1 + np.exp(-2.0 * noise))
    return (small + (colours[2] - small) * share).astype(np.float32)


def _shapes(rng: np.random.Generator, small: Float32Array, colours: Float32Array) -> Float32Array:
    """Ellipses and boxes of the scene's colours."""
    rows, columns = np.mgrid[:SMALL, :SMALL]
    for _ in range(rng.integers(4, 16)):
        centre, size = rng.uniform(0, SMALL, size=2), rng.uniform(3, 20, size=2)
        dy, dx = (rows - centre[0]) / size[0], (columns - centre[1]) / size[1]
        inside = dx**2 + dy**2 < 1 if rng.random() < 0.5 else np.maximum(abs(dx), abs(dy)) < 1
        shade = colours[rng.integers(3)] * np.float32(rng.uniform(0.3, 1.6))
        small = np.where(inside[..., None], shade, small)
    return small


def _room(rng: np.random.Generator, small: Float32Array, colours: Float32Array) -> Float32Array:
    """Uprights, a bright window and a floor line."""
    columns = np.arange(SMALL)
    for _ in range(rng.integers(2, 7)):
        left, width = rng.uniform(-5, SMALL), rng.uniform(2, 14)
        inside = (columns >= left) & (columns < left + width)
        shade = colours[rng.integers(3)] * np.float32(rng.uniform(0.3, 1.5))
        small = np.where(inside[None, :, None], shade, small)
    top, left = rng.integers(0, SMALL // 2, size=2)
    if rng.random() < 0.5:
        small = small.copy()
        small[top : top + 20, left : left + 14] = rng.uniform(0.6, 1.0)
    floor = rng.integers(SMALL // 2, SMALL)
    return np.where((np.arange(SMALL) > floor)[:, None, None], small * np.float32(0.6), small)
