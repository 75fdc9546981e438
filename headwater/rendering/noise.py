"""Repeating noise pictures, drawn once from fixed seeds, that give surfaces their grain."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Float32Array = NDArray[np.float32]

TILE = 512

# Blur (rows, columns) in texels of each kind of grain.
GRAINS: dict[str, tuple[float, float]] = {
    "pores": (0.8, 0.8),
    "spots": (2.2, 2.2),
    "mottling": (14.0, 14.0),
    "strands": (40.0, 0.9),
    "locks": (60.0, 5.0),
}


@lru_cache(maxsize=len(GRAINS))
def grain(kind: str) -> Float32Array:
    """Tile (512, 512) float32 of noise with mean 0 and standard deviation 1; do not write to it.

    ``strands`` and ``locks`` run along the rows' direction (down the tile).
    """
    rng = np.random.default_rng(list(GRAINS).index(kind))
    blurred = gaussian_filter(rng.normal(size=(TILE, TILE)), GRAINS[kind], mode="wrap")
    tile = ((blurred - blurred.mean()) / blurred.std()).astype(np.float32)
    tile.setflags(write=False)
    return tile


def sample_grain(
    kind: str, u: NDArray[np.floating[Any]], v: NDArray[np.floating[Any]], seed: int
) -> Float32Array:
    """Noise (n,) at columns ``u`` and rows ``v`` (texels, any size), shifted by ``seed``."""
    shift = np.random.default_rng(seed).integers(0, TILE, size=2)
    columns = (np.floor(u).astype(np.int32) + np.int32(shift[0])) & (TILE - 1)
    rows = (np.floor(v).astype(np.int32) + np.int32(shift[1])) & (TILE - 1)
    return grain(kind)[rows, columns]


def smoothstep(low: float, high: float, value: Float32Array) -> Float32Array:
    """0 below ``low``, 1 above ``high``, a smooth S between; float32."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    result: Float32Array = t * t * (np.float32(3) - np.float32(2) * t)
    return result
