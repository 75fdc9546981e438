"""Wavefront OBJ as data sets publish scans: vertices and faces exactly as they stand in the file.

A general mesh library merges or reorders vertices on reading, and landmark indices then point
elsewhere.
"""

import io
from array import array
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.meshes import check_outside
from headwater.artifacts.regular_files import read_file
from headwater.errors import HeadwaterError

MAX_BYTES: Final = 2**27
MAX_ELEMENTS: Final = 4_000_000


def read_obj(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices (V, 3) and triangles (F, 3) in the file's order; colours and textures are not read.

    Larger polygons become fans; vertices without a face stay. Raises HeadwaterError naming the
    file and line for what is no number, is not finite, or names a missing vertex, and for a
    surface that is turned inside out.
    """
    points, triangles = _parse(read_file(path, MAX_BYTES), path)
    if not len(triangles):
        raise HeadwaterError(f"{path}: has no faces")
    if not np.isfinite(points).all():
        raise HeadwaterError(f"{path}: has vertices that are not finite numbers")
    low, high = int(triangles.min()), int(triangles.max())
    if low < 0 or high >= len(points):
        named = low - len(points) if low < 0 else high + 1
        raise HeadwaterError(f"{path}: a face names vertex {named} of {len(points)}")
    check_outside(points, triangles, str(path))
    return points, triangles


def _parse(data: bytes, path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    vertices, faces = array("d"), array("q")
    for number, line in enumerate(io.BytesIO(data), start=1):
        kind = line[:2].strip()
        if kind not in (b"v", b"f"):
            continue
        try:
            parts = line.split()[1:]
            if kind == b"v":
                x, y, z = (float(part) for part in parts[:3])
                vertices.extend((x, y, z))
            else:
                corners = [_row(part, len(vertices) // 3) for part in parts]
                first, second, third, *rest = corners
                for a, b in pairwise((second, third, *rest)):
                    faces.extend((first, a, b))
        except (ValueError, OverflowError) as error:
            raise HeadwaterError(f"{path}, line {number}: {error}") from error
        if max(len(vertices), len(faces)) > 3 * MAX_ELEMENTS:
            raise HeadwaterError(f"{path}: has more than {MAX_ELEMENTS} vertices or triangles")
    return np.array(vertices).reshape(-1, 3), np.array(faces).reshape(-1, 3)


def _row(corner: bytes, known: int) -> int:
    """Zero-based vertex of a face's corner such as ``7/2/1``; negative ones count backwards."""
    index = int(corner.split(b"/")[0])
    if index == 0:
        raise ValueError("a face names vertex 0; they are counted from 1")
    return index - 1 if index > 0 else known + index
