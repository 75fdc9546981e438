"""The mesh that a camera sees, with the values that its samples need to be coloured."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from headwater.rendering.tracing import float32, vertex_normals

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int32]

OPEN_SKY = 0.9


class Prop(IntEnum):
    """Materials besides those of ``Surface``."""

    HAIR = 10
    GARMENT = 11
    FRAME = 12
    CAP = 13


@dataclass(frozen=True)
class Stage:
    """A mesh to draw.

    vertices: (N, 3) mm. faces: (F, 3). material: (F,) uint8 values of ``Surface`` or ``Prop``.
    values: (N, 10) float32: mean position (3), normal (3), distance inside the border of hair or
    cap in mm, beard, cheek and open-sky weights.
    """

    vertices: Float32Array
    faces: IntArray
    material: NDArray[np.uint8]
    values: Float32Array


def sheet(points: NDArray[np.floating], material: Prop, inside_mm: NDArray[np.floating]) -> Stage:
    """Rows and columns (R, C, 3) of points in mm as a mesh; ``inside_mm`` (R, C) to its border."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    halves = [np.stack(corners, axis=-1).reshape(-1, 3) for corners in ((a, c, b), (b, c, d))]
    faces = np.concatenate(halves).astype(np.int32)
    vertices = float32(points.reshape(-1, 3))
    features = np.tile(float32([0, 0, 0, OPEN_SKY]), (len(vertices), 1))
    features[:, 0] = inside_mm.reshape(-1)
    values = np.column_stack([vertices, vertex_normals(vertices, faces), features])
    return Stage(vertices, faces, np.full(len(faces), material, np.uint8), values)


def tube(path: NDArray[np.floating], radius_mm: float, material: Prop) -> Stage:
    """A round tube along the points (n, 3) mm of ``path``; ends stay open."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    side = np.cross(along, (0.13, 0.31, 0.94))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    across = np.cross(along, side)
    angles = np.linspace(0, 2 * np.pi, 8)[:, None, None]
    points = path + radius_mm * (np.cos(angles) * side + np.sin(angles) * across)
    return sheet(points, material, np.zeros(points.shape[:2]))


def shell(
    base: Stage, keep: NDArray[np.bool_], lift_mm: Float32Array, inside: Float32Array, prop: Prop
) -> Stage:
    """Triangles ``keep`` (F,) of ``base``, lifted along its normals by ``lift_mm`` (N,)."""
    vertices = base.vertices + base.values[:, 3:6] * lift_mm[:, None]
    normals = vertex_normals(vertices, base.faces)
    values = np.column_stack([base.values[:, :3], normals, inside, base.values[:, 7:]])
    used, faces = np.unique(base.faces[keep], return_inverse=True)
    return Stage(
        float32(vertices[used]),
        faces.reshape(-1, 3).astype(np.int32),
        np.full(int(keep.sum()), prop, np.uint8),
        float32(values[used]),
    )


def joined(pieces: Sequence[Stage]) -> Stage:
    """All pieces as one stage."""
    offsets = np.cumsum([0, *(len(piece.vertices) for piece in pieces[:-1])])
    faces = [piece.faces + start for piece, start in zip(pieces, offsets, strict=True)]
    return Stage(
        float32(np.concatenate([piece.vertices for piece in pieces])),
        np.concatenate(faces).astype(np.int32),
        np.concatenate([piece.material for piece in pieces]),
        float32(np.concatenate([piece.values for piece in pieces])),
    )
