"""Everything in front of the camera as one mesh: the head, its hair, clothes, glasses, cap."""

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import CHIN
from headwater.heads.model import HeadModel, Surface
from headwater.rendering.accessories import cap, cap_distance, glasses
from headwater.rendering.looks import HairStyle, Person
from headwater.rendering.noise import smoothstep
from headwater.rendering.painting import HeadPaint, scalp_distance
from headwater.rendering.stages import Prop, Stage, joined, sheet, shell
from headwater.rendering.tracing import float32, vertex_normals

Float32Array = NDArray[np.float32]

# The torso's rings: height under the chin, half width, half depth, mm.
TORSO_RINGS_MM = np.array(
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


def stage(model: HeadModel, paint: HeadPaint, vertices: Float32Array, person: Person) -> Stage:
    """The head in the shape ``vertices`` (V, 3) mm with all that the person wears."""
    normals = vertex_normals(vertices, model.faces)
    scalp = scalp_distance(
        paint, model.mean, person.hairline_mm, person.recession_mm, person.sweep_mm
    )
    features = np.column_stack([scalp, paint.beard, paint.cheek, paint.occlusion])
    head = Stage(
        vertices, model.faces, model.surface, np.column_stack([model.mean, normals, features])
    )
    landmarks = model.landmarks_478.on(vertices)
    pieces = [head, _garment(vertices, float(landmarks[CHIN, 1]))]
    if person.hair_style in (HairStyle.SHORT, HairStyle.FULL, HairStyle.LONG):
        pieces.append(_hair_shell(head, landmarks, person))
    if person.hair_style is HairStyle.LONG:
        pieces.append(_curtain(vertices, paint, person))
    if person.glasses is not None:
        pieces += glasses(vertices, landmarks, person.glasses)
    if person.cap is not None:
        pieces += cap(head, landmarks, person.cap)
    return joined(pieces)


def _hair_shell(head: Stage, landmarks: Float32Array, person: Person) -> Stage:
    """The scalp's triangles, lifted along their normals by the hair's thickness."""
    rng = np.random.default_rng(person.seed)
    mean, scalp = head.values[:, :3], head.values[:, 6]
    lumps = np.ones(len(mean), dtype=np.float32)
    for _ in range(4):
        wave = rng.normal(size=3) / 28.0
        lumps += 0.12 * np.sin(mean @ wave + rng.uniform(0, 2 * np.pi)).astype(np.float32)
    thickness = person.hair_volume_mm * smoothstep(4.0, 42.0, scalp) * lumps
    if person.cap is not None:
        # A cap presses the hair down.
        under = smoothstep(-20.0, 0.0, cap_distance(head.vertices, landmarks))
        thickness = thickness * (1 - under) + np.minimum(thickness, 4.0) * under
    on_scalp = (scalp[head.faces] > -4.0).all(axis=1) & (head.material == Surface.SKIN)
    return shell(head, on_scalp, float32(thickness + 0.3), scalp, Prop.HAIR)


def _curtain(vertices: Float32Array, paint: HeadPaint, person: Person) -> Stage:
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
    # It comes out of the hair on the skull.
    wave = wave * (1 - 0.14 * (1 - np.clip(fall / 0.3, 0, 1)) ** 2)
    width = reach_x * (0.92 + rng.uniform(0.0, 0.2) * np.sin(fall * 2.6)) * wave
    depth = (reach_back + 2) * (1 - 0.15 * fall) * wave
    x = width * np.sin(angles)
    z = np.where(np.cos(angles) > 0, reach_back * 0.55, depth) * np.cos(angles) - 8
    y = np.broadcast_to(heights[:, None], x.shape) + 10 * np.sin(angles * 7 + 1)[None] * fall
    edge = np.minimum(np.abs(angles - start), np.abs(2 * np.pi - start - angles)) * reach_x
    inside = np.minimum(edge, (1 - fall) * length) + 2.0
    return sheet(np.stack([x, y, z], axis=-1), Prop.HAIR, inside)


def _garment(vertices: Float32Array, chin_y: float) -> Stage:
    """A simple torso under the neck, so that the head does not float."""
    neck = vertices[(vertices[:, 1] < chin_y - 22) & (np.abs(vertices[:, 0]) < 75)]
    neck_z = float(np.median(neck[:, 2])) if len(neck) else 0.0
    angles = np.linspace(0, 2 * np.pi, 41)
    height, half_width, half_depth = (TORSO_RINGS_MM[:, [column]] for column in range(3))
    x = half_width * np.sin(angles)
    z = half_depth * np.cos(angles) + neck_z
    # The collar is lower in front and climbs the neck behind.
    collar = np.where(np.cos(angles) > 0, 14, 30) * np.cos(angles)
    y = np.broadcast_to(height + chin_y, x.shape) - collar * (height > -70)
    return sheet(np.stack([x, y, z], axis=-1), Prop.GARMENT, np.full(x.shape, -60.0))
