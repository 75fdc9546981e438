"""Everything in front of the camera as one mesh: the head, its hair and its clothes."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from headwater.heads.model import HeadModel
from headwater.rendering.looks import HairStyle, Person
from headwater.rendering.noise import smoothstep
from headwater.rendering.painting import HeadPaint, scalp_distance
from headwater.rendering.tracing import float32, vertex_normals

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int32]


class Prop(IntEnum):
    """Materials besides those of ``Surface``."""

    HAIR = 10
    GARMENT = 11


@dataclass(frozen=True)
class Stage:
    """A mesh to draw.

    vertices: (N, 3) mm. faces: (F, 3). material: (F,) uint8 values of ``Surface`` or ``Prop``.
    values: (N, 10) float32: mean position (3), normal (3), distance above the hairline in mm,
    beard, cheek and open-sky weights.
    """

    vertices: Float32Array
    faces: IntArray
    material: NDArray[np.uint8]
    values: Float32Array


def stage(model: HeadModel, paint: HeadPaint, vertices: Float32Array, person: Person) -> Stage:
    """The head in the shape ``vertices`` (V, 3) mm with hair and clothes."""
    normals = vertex_normals(vertices, model.faces)
    scalp = scalp_distance(
        paint, model.mean, person.hairline_mm, person.recession_mm, person.sweep_mm
    )
    features = np.column_stack([scalp, paint.beard, paint.cheek, paint.occlusion])
    head = Stage(
        vertices, model.faces, model.surface, np.column_stack([model.mean, normals, features])
    )
    pieces = [head, _garment(model, vertices)]
    if person.hair_style in (HairStyle.SHORT, HairStyle.FULL, HairStyle.LONG):
        pieces.append(_hair_shell(head, scalp, person))
    if person.hair_style is HairStyle.LONG:
        pieces.append(_curtain(model, vertices, paint, person))
    offsets = np.cumsum([0, *(len(piece.vertices) for piece in pieces)])
    return Stage(
        np.concatenate([piece.vertices for piece in pieces]).astype(np.float32),
        np.concatenate(
            [piece.faces + offset for piece, offset in zip(pieces, offsets, strict=False)]
        ).astype(np.int32),
        np.concatenate([piece.material for piece in pieces]).astype(np.uint8),
        np.concatenate([piece.values for piece in pieces]).astype(np.float32),
    )


def _hair_shell(head: Stage, scalp: Float32Array, person: Person) -> Stage:
    """The scalp's triangles, lifted along their normals by the hair's thickness."""
    rng = np.random.default_rng(person.seed)
    mean, normals = head.values[:, :3], head.values[:, 3:6]
    lumps = np.ones(len(mean), dtype=np.float32)
    for _ in range(4):
        wave = rng.normal(size=3) / 28.0
        lumps += 0.12 * np.sin(mean @ wave + rng.uniform(0, 2 * np.pi)).astype(np.float32)
    thickness = person.hair_volume_mm * smoothstep(4.0, 42.0, scalp) * lumps
    inside = (scalp[head.faces] > -4.0).all(axis=1) & (head.material == 0)
    vertices = head.vertices + normals * (thickness + 0.3)[:, None]
    shell_normals = vertex_normals(vertices, head.faces)
    values = np.column_stack([mean, shell_normals, head.values[:, 6:]])
    material = np.full(inside.sum(), Prop.HAIR)
    return _compact(Stage(vertices, head.faces[inside], material.astype(np.uint8), values))


def _curtain(model: HeadModel, vertices: Float32Array, paint: HeadPaint, person: Person) -> Stage:
    """Long hair: a sheet round the back and sides of the head down to the shoulders."""
    rng = np.random.default_rng([person.seed, 1])
    start = np.deg2rad(rng.uniform(62, 100))
    length = rng.uniform(60, 190)
    skull = vertices[paint.ear < 0.1]
    skull = skull[np.abs(skull[:, 1] - 30) < 40]
    reach_x = float(np.abs(skull[:, 0]).max()) + person.hair_volume_mm * 0.7 + 5
    reach_back = float(-skull[:, 2].min()) + person.hair_volume_mm * 0.6
    angles = np.linspace(start, 2 * np.pi - start, 36)
    heights = np.linspace(58, -length, 18)
    fall = np.linspace(0, 1, 18)[:, None]
    wave = 1 + 0.03 * np.sin(angles * rng.integers(3, 9) + 6 * fall + rng.uniform(0, 6))
    width = reach_x * (0.90 + rng.uniform(0.0, 0.2) * np.sin(fall * 2.6)) * wave
    depth = (reach_back + 8) * (1 - 0.15 * fall) * wave
    front_depth = reach_back * 0.55
    x = width * np.sin(angles)
    z = np.where(np.cos(angles) > 0, front_depth, depth) * np.cos(angles) - 8
    y = np.broadcast_to(heights[:, None], x.shape) + 10 * np.sin(angles * 7 + 1)[None] * fall
    edge = np.minimum(np.abs(angles - start), np.abs(2 * np.pi - start - angles)) * reach_x
    below = (1 - fall) * length
    return _grid(np.stack([x, y, z], axis=-1), Prop.HAIR, np.minimum(edge, below) + 2.0)


def _garment(model: HeadModel, vertices: Float32Array) -> Stage:
    """A simple torso under the neck, so that the head does not float."""
    chin = float(model.landmarks_478.on(vertices)[152, 1])
    low = vertices[vertices[:, 1] < chin - 22]
    low = low[np.abs(low[:, 0]) < 75] if len(low) else np.zeros((1, 3), np.float32)
    neck_z = float(np.median(low[:, 2]))
    angles = np.linspace(0, 2 * np.pi, 41)
    # Height under the chin, half width, half depth.
    rings = np.array(
        [
            (-50, 62, 58),
            (-54, 70, 64),
            (-66, 98, 72),
            (-84, 150, 84),
            (-108, 192, 96),
            (-150, 214, 108),
            (-260, 218, 118),
            (-420, 212, 118),
        ]
    )
    x = rings[:, 1:2] * np.sin(angles)
    z = rings[:, 2:3] * np.cos(angles) + neck_z
    y = np.broadcast_to(rings[:, :1] + chin, x.shape) - 14 * np.cos(angles) * (rings[:, :1] > -60)
    return _grid(np.stack([x, y, z], axis=-1), Prop.GARMENT, np.full(x.shape, -60.0))


def _grid(points: NDArray[np.floating], material: Prop, scalp: NDArray[np.floating]) -> Stage:
    """Rows and columns (R, C, 3) of points as a mesh; ``scalp`` (R, C) mm to the hair's border."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate(
        [np.stack(t, axis=-1).reshape(-1, 3) for t in ((a, c, b), (b, c, d))]
    ).astype(np.int32)
    vertices = points.reshape(-1, 3).astype(np.float32)
    features = np.tile(float32([0, 0, 0, 0.9]), (len(vertices), 1))
    features[:, 0] = scalp.reshape(-1)
    values = np.column_stack([vertices, vertex_normals(vertices, faces), features])
    return Stage(vertices, faces, np.full(len(faces), material, np.uint8), values)


def _compact(piece: Stage) -> Stage:
    """Without the vertices that no triangle uses."""
    used, faces = np.unique(piece.faces, return_inverse=True)
    return Stage(
        piece.vertices[used],
        faces.reshape(-1, 3).astype(np.int32),
        piece.material,
        piece.values[used],
    )
