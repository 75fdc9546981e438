"""Wavefront OBJ as others publish it: the one reader of scans and head models.

A general mesh library merges or reorders vertices on reading, and landmark indices then point
elsewhere. Normals, materials and vertex colours are not read.
"""

import io
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.regular_files import read_file
from headwater.errors import HeadwaterError

MAX_BYTES: Final = 2**28
MAX_ELEMENTS: Final = 4_000_000
NO_TEXTURE: Final = -1

Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Obj:
    """A file's vertices and polygons, in its order.

    vertices: (V, 3) in the file's unit; those without a polygon stay. texture: (T, 2). corners:
    (C, 2) rows of vertices and of texture, polygon after polygon; ``NO_TEXTURE`` where a corner has
    none that the file holds. sizes: (P,) corners of each polygon, 3 or more. groups: rows of the
    polygons by group.
    """

    vertices: Float64Array
    texture: Float64Array
    corners: IntArray
    sizes: IntArray
    groups: Mapping[str, IntArray]

    def triangles(self) -> IntArray:
        """Vertex rows (F, 3): each polygon as a fan from its first corner."""
        first = np.cumsum(self.sizes) - self.sizes
        fan = np.repeat(first, self.sizes - 2)
        second = np.flatnonzero(~self._at_ends(first))
        return self.corners[np.stack([fan, second, second + 1], axis=1), 0]

    def _at_ends(self, first: IntArray) -> NDArray[np.bool_]:
        """The corners (C,) that are the first or the last of their polygon."""
        ends = np.zeros(len(self.corners), bool)
        ends[first] = ends[first + self.sizes - 1] = True
        return ends

    def polygons(self, width: int) -> IntArray:
        """Vertex rows (P, width) of polygons with at most so many corners, padded with -1.

        Raises HeadwaterError for a larger one, with its number.
        """
        if len(self.sizes) and self.sizes.max() > width:
            number = int(np.argmax(self.sizes > width)) + 1
            raise HeadwaterError(f"polygon {number} has more than {width} corners")
        rows = np.full((len(self.sizes), width), -1)
        rows[np.arange(width) < self.sizes[:, None]] = self.corners[:, 0]
        return rows


def read_obj(path: Path) -> Obj:
    """Vertices, texture places and polygons of a file.

    Raises HeadwaterError naming the file and line for what is no number, is not finite, or is no
    polygon, and naming the file for a missing vertex and for more than ``MAX_ELEMENTS`` of a kind.
    """
    return _read(path, frozenset((b"v", b"vt", b"f", b"g")))


def read_obj_vertices(path: Path) -> Float64Array:
    """As ``read_obj``, the vertices (V, 3) alone, which are read several times as fast."""
    return _read(path, frozenset((b"v",))).vertices


@dataclass
class _Elements:
    """The numbers of a file while it is read."""

    vertices: "array[float]" = field(default_factory=lambda: array("d"))
    texture: "array[float]" = field(default_factory=lambda: array("d"))
    corners: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    groups: "dict[str, array[int]]" = field(default_factory=dict)
    group: "array[int] | None" = None

    def add(self, kind: bytes, parts: list[bytes]) -> None:
        """Take one line of ``kind``; raises ValueError that says what is wrong."""
        if kind == b"v":
            self.vertices.extend(_numbers(parts, 3))
        elif kind == b"vt":
            self.texture.extend(_numbers([*parts, b"0"], 2))
        elif kind == b"f":
            self._add_polygon(parts)
        else:
            name = b" ".join(parts).decode(errors="replace")
            self.group = self.groups.setdefault(name, array("q"))

    def _add_polygon(self, parts: list[bytes]) -> None:
        if len(parts) < 3:
            raise ValueError(f"a polygon needs three corners or more, not {len(parts)}")
        vertices, places = len(self.vertices) // 3, len(self.texture) // 2
        for corner in parts:
            vertex, _, rest = corner.partition(b"/")
            place = rest.partition(b"/")[0]
            self.corners.append(_row(vertex, vertices))
            self.corners.append(_row(place, places) if place else NO_TEXTURE)
        if self.group is not None:
            self.group.append(len(self.sizes))
        self.sizes.append(len(parts))

    def largest(self) -> int:
        """The most elements of one kind."""
        return max(len(self.vertices) // 3, len(self.texture) // 2, len(self.corners) // 2)


def _read(path: Path, kinds: frozenset[bytes]) -> Obj:
    read = _Elements()
    for number, line in enumerate(io.BytesIO(read_file(path, MAX_BYTES)), start=1):
        parts = line.split()
        if not parts or parts[0] not in kinds:
            continue
        try:
            read.add(parts[0], parts[1:])
        except (ValueError, OverflowError) as error:
            raise HeadwaterError(f"{path}, line {number}: {error}") from error
        if read.largest() > MAX_ELEMENTS:
            raise HeadwaterError(f"{path}: has more than {MAX_ELEMENTS} vertices or corners")
    vertices = np.array(read.vertices).reshape(-1, 3)
    texture = np.array(read.texture).reshape(-1, 2)
    corners = np.array(read.corners, np.int64).reshape(-1, 2)
    if len(corners) and corners[:, 0].max() >= len(vertices):
        missing = int(corners[:, 0].max()) + 1
        raise HeadwaterError(f"{path}: a polygon names vertex {missing} of {len(vertices)}")
    corners[corners[:, 1] >= len(texture), 1] = NO_TEXTURE
    groups = {name: np.array(rows, np.int64) for name, rows in read.groups.items() if rows}
    return Obj(vertices, texture, corners, np.array(read.sizes, np.int64), groups)


def _numbers(parts: list[bytes], count: int) -> list[float]:
    """The first numbers of a line; raises ValueError for too few and what is not finite."""
    try:
        numbers = [float(part) for part in parts[:count]]
    except ValueError as error:
        raise ValueError(f"{b' '.join(parts)[:80]!r} is no number") from error
    if len(numbers) < count:
        raise ValueError(f"{count} numbers are needed, not {len(numbers)}")
    if not all(map(isfinite, numbers)):
        raise ValueError(f"{numbers} is not finite")
    return numbers


def _row(index: bytes, known: int) -> int:
    """Row of what ``index`` counts from 1, or, below zero, backwards from the ``known`` ones."""
    try:
        counted = int(index)
    except ValueError as error:
        raise ValueError(f"{index[:80]!r} is no number of a corner") from error
    if counted == 0:
        raise ValueError("a polygon names number 0; they are counted from 1")
    row = counted - 1 if counted > 0 else known + counted
    if row < 0:
        raise ValueError(f"a polygon names number {counted} of {known}")
    return row
