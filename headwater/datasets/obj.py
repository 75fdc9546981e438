"""Wavefront OBJ as data sets publish scans: vertices and faces exactly as they stand in the file.

A general mesh library merges or reorders vertices on reading, and landmark indices then point
elsewhere.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headwater.errors import HeadwaterError


def read_obj(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices (V, 3) and triangles (F, 3) in the file's order; colours and textures are not read.

    Larger polygons become fans; vertices without a face stay. Raises HeadwaterError naming the
    file and line for what is no number, is not finite, or names a missing vertex.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise HeadwaterError(f"{path}: cannot be read ({error})") from error
    vertices: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    for number, line in enumerate(lines, start=1):
        kind, *parts = line.split() or [b""]
        try:
            if kind == b"v":
                x, y, z = (float(part) for part in parts[:3])
                vertices.append([x, y, z])
            elif kind == b"f":
                corners = [_row(part, len(vertices)) for part in parts]
                first, second, *others = corners
                faces += [(first, a, b) for a, b in pairwise([second, *others])]
        except ValueError as error:
            raise HeadwaterError(f"{path}, line {number}: {error}") from error
    points = np.array(vertices, dtype=np.float64).reshape(-1, 3)
    triangles = np.array(faces, dtype=np.int64).reshape(-1, 3)
    if not len(triangles):
        raise HeadwaterError(f"{path}: has no faces")
    if not np.isfinite(points).all():
        raise HeadwaterError(f"{path}: has vertices that are not finite numbers")
    if triangles.min() < 0 or triangles.max() >= len(points):
        raise HeadwaterError(f"{path}: a face names vertex {triangles.max() + 1} of {len(points)}")
    return points, triangles


def _row(corner: bytes, known: int) -> int:
    """Zero-based vertex of a face's corner such as ``7/2/1``; negative ones count backwards."""
    index = int(corner.split(b"/")[0])
    if index == 0:
        raise ValueError("a face names vertex 0; they are counted from 1")
    return index - 1 if index > 0 else known + index
