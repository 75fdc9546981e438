"""Colour and gloss of every sample: skin, hair, eyes, mouth, clothes.

All positions are on the mean head, mm; colours are linear RGB.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.faces import landmark_sets as sets
from headwater.heads.model import Surface
from headwater.rendering.looks import HairStyle, Look, Person
from headwater.rendering.noise import sample_grain, smoothstep
from headwater.rendering.painting import FRONT_TOLERANCE_MM, HeadPaint
from headwater.rendering.stages import Prop
from headwater.rendering.tracing import float32

Float32Array = NDArray[np.float32]

BLOOD = float32([1.0, 0.62, 0.60])
TEETH = float32([0.66, 0.60, 0.50])
TONGUE = float32([0.36, 0.12, 0.11])
CAVITY = float32([0.07, 0.015, 0.013])
SOCKET = float32([0.30, 0.11, 0.10])
SCLERA = float32([0.60, 0.55, 0.52])

HAIR_BORDER_MM = 9.0
STUBBLE = {HairStyle.BALD: 0.06, HairStyle.SHAVED: 0.62}


class Finish(NamedTuple):
    """How samples answer light.

    albedo: (n, 3). gloss: (n,) strength and sharpness: (n,) exponent of the highlight.
    translucent: (n,) how far light bleeds past the shadow edge. floor: (n,) least sky share.
    hair: (k,) which samples are hair, strand: (k, 3) its direction.
    """

    albedo: Float32Array
    gloss: Float32Array
    sharpness: Float32Array
    translucent: Float32Array
    floor: Float32Array
    hair: NDArray[np.intp]
    strand: Float32Array


def finish(
    look: Look, paint: HeadPaint, material: NDArray[np.uint8], values: Float32Array
) -> Finish:
    """Finish of samples of ``material`` (n,) with the stage's ``values`` (n, 10)."""
    count = len(material)
    hair = np.flatnonzero(material == Prop.HAIR)
    result = Finish(
        np.zeros((count, 3), np.float32),
        np.full(count, 0.02, np.float32),
        np.full(count, 12.0, np.float32),
        np.zeros(count, np.float32),
        np.zeros(count, np.float32),
        hair,
        values[hair, :3] - paint.crown,
    )
    skin = np.flatnonzero(material == Surface.SKIN)
    _paint_skin(look.person, paint, skin, values[skin], result)
    result.albedo[hair] = _hair(look.person, paint, values[hair, :3])
    eyes = np.flatnonzero(material == Surface.EYEBALL)
    _paint_eyes(look.person, paint, eyes, values[eyes], result)
    garment = np.flatnonzero(material == Prop.GARMENT)
    weave = sample_grain("strands", values[garment, 0], values[garment, 1], look.scene.seed)
    result.albedo[garment] = float32(look.scene.garment) * (1 + 0.06 * weave)[:, None]
    if look.person.glasses is not None:
        frame = material == Prop.FRAME
        result.albedo[frame] = look.person.glasses.colour
        result.gloss[frame], result.sharpness[frame] = 0.12, 60.0
    if look.person.cap is not None:
        result.albedo[material == Prop.CAP] = look.person.cap.colour
    for surface, colour, floor in (
        (Surface.TEETH, TEETH, 0.25),
        (Surface.TONGUE, TONGUE, 0.15),
        (Surface.MOUTH_CAVITY, CAVITY, 0.10),
        (Surface.EYE_SOCKET, SOCKET, 0.30),
    ):
        inside = material == surface
        result.albedo[inside] = colour
        result.gloss[inside] = 0.10
        result.sharpness[inside] = 40.0
        result.floor[inside] = floor
    return result


def _paint_skin(
    person: Person, paint: HeadPaint, index: NDArray[np.intp], values: Float32Array, out: Finish
) -> None:
    mean, scalp, beard, cheek = values[:, :3], values[:, 6], values[:, 7], values[:, 8]
    maps, cells = paint.maps, paint.maps.cells(mean)
    front = (maps.front.reshape(-1)[cells] - mean[:, 2] < FRONT_TOLERANCE_MM).astype(np.float32)
    u, v = 2.0 * _around(mean), 2.0 * mean[:, 1]
    mottling = sample_grain("mottling", u, v, person.seed)
    pores = sample_grain("pores", u, v, person.seed + 1)
    spots = sample_grain("spots", u, v, person.seed + 2)

    colour = float32(person.skin) * (1 + 0.05 * person.mottling * mottling + 0.025 * pores)[:, None]
    colour *= _tinted(BLOOD, 0.55 * person.redness * cheek)
    if person.freckles:
        dots = smoothstep(1.2, 2.4, spots) * person.freckles * (0.25 + cheek)
        colour *= _tinted(float32([0.62, 0.48, 0.40]), np.clip(dots, 0, 1))

    hairs = sample_grain("spots", 2.3 * u, 1.2 * v, person.seed + 3)
    growth = beard * person.beard * np.clip(0.62 + 0.3 * hairs + 0.25 * mottling, 0, 1)
    colour = _over(colour, float32(person.hair) * 0.8, np.clip(growth, 0, 0.92))

    lips = smoothstep(-0.9, 0.9, maps.lips.reshape(-1)[cells]) * front
    lip_colour = float32(person.lips) * (1 + 0.07 * pores - 0.06 * mottling)[:, None]
    colour = _over(colour, lip_colour, 0.88 * lips)
    colour *= (1 - 0.55 * maps.lip_line.reshape(-1)[cells] * front)[:, None]

    strokes = sample_grain(
        "strands",
        5.0 * mean[:, 1] + 2.0 * np.abs(mean[:, 0]),
        3.0 * np.abs(mean[:, 0]),
        person.seed + 4,
    )
    inside = maps.brow.reshape(-1)[cells] + np.float32(person.brow_growth_mm)
    brow = smoothstep(-1.2, 2.2, inside + 0.9 * strokes) * front
    colour = _over(
        colour,
        float32(person.brow),
        brow * np.clip(person.brow_density * (0.9 + 0.22 * strokes), 0, 0.97),
    )
    lash = maps.lash.reshape(-1)[cells] * front * person.lashes
    colour *= (1 - 0.85 * lash)[:, None]

    throat = (front < 0.5) & (maps.lips.reshape(-1)[cells] > -8)
    colour[throat] = CAVITY * 2

    strands = sample_grain("strands", 3.0 * u, v, person.seed + 5)
    locks = sample_grain("locks", 1.6 * u, v, person.seed + 10)
    cover = smoothstep(-4.0, 6.0, scalp + 1.6 * strands + 2.2 * locks + 1.5 * mottling)
    cover = cover * STUBBLE.get(person.hair_style, 1.0)
    if person.hair_style in STUBBLE:
        cover = np.clip(cover * (1 + 0.25 * hairs), 0, 1)
    colour = _over(colour, _hair(person, paint, mean), cover)

    out.albedo[index] = np.clip(colour, 0.004, 0.95)
    bare = np.clip(1 - cover - brow - growth, 0, 1)
    out.gloss[index] = (0.02 + 0.05 * person.oil) * (1 + 0.25 * pores) * bare + 0.06 * lips
    out.sharpness[index] = 10 + 16 * person.oil + 30 * lips
    out.translucent[index] = bare


def gaps_in_props(
    person: Person, paint: HeadPaint, material: NDArray[np.uint8], values: Float32Array
) -> NDArray[np.bool_]:
    """Samples (n,) outside the border of a cap, or between the ragged locks at that of hair."""
    hair = np.flatnonzero(material == Prop.HAIR)
    strands, locks = _strands(person, paint, values[hair, :3])
    gaps = (material == Prop.CAP) & (values[:, 6] < 0)
    gaps[hair] = values[hair, 6] < HAIR_BORDER_MM + 2.0 * strands + 4.0 * locks
    return gaps


def _hair(person: Person, paint: HeadPaint, mean: Float32Array) -> Float32Array:
    """Colour (n, 3) of hair whose strands run away from the crown."""
    strands, locks = _strands(person, paint, mean)
    brightness = np.exp(0.20 * strands + 0.20 * locks)
    result: Float32Array = float32(person.hair) * brightness[:, None]
    return result


def _strands(
    person: Person, paint: HeadPaint, mean: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Fine and coarse noise (n,) along lines that run away from the crown."""
    away = mean - paint.crown
    u = 300.0 * np.arctan2(away[:, 0], away[:, 2] + 1e-3)
    v = 2.0 * np.sqrt((away**2).sum(axis=1))
    strands = sample_grain("strands", u, v, person.seed + 6)
    return strands, sample_grain("locks", u, v, person.seed + 7)


def _paint_eyes(
    person: Person, paint: HeadPaint, index: NDArray[np.intp], values: Float32Array, out: Finish
) -> None:
    mean = values[:, :3]
    right = (mean[:, 0] < 0).astype(np.intp)
    offset = mean - paint.eye_centre[right]
    axial = np.einsum("nc,nc->n", offset, paint.eye_axis[right])
    beside = np.sqrt(np.maximum(np.einsum("nc,nc->n", offset, offset) - axial**2, 0))
    t = (beside / np.float32(iris_radius(paint))).astype(np.float32)
    t[axial < 0] = 9.0
    angle = np.arctan2(offset[:, 1], offset[:, 0])
    fibres = sample_grain("strands", 40.0 * angle, 30.0 * t, person.seed + 8)
    veins = sample_grain("mottling", 8 * mean[:, 0], 8 * mean[:, 1], person.seed + 9)
    colour = SCLERA * (1 + 0.05 * veins)[:, None]
    colour = colour * _tinted(BLOOD, 0.25 * smoothstep(1.2, 2.2, t))
    iris = float32(person.iris) * (1 + 0.22 * fibres)[:, None]
    iris *= (1 - 0.65 * smoothstep(0.78, 1.0, t))[:, None]
    colour = _over(colour, iris, 1 - smoothstep(0.94, 1.06, t))
    colour = _over(colour, float32([0.004, 0.004, 0.005]), 1 - smoothstep(0.34, 0.42, t))
    inside = paint.maps.lid.reshape(-1)[paint.maps.cells(mean)]
    out.albedo[index] = colour * (0.45 + 0.55 * smoothstep(0.0, 3.5, inside))[:, None]
    out.gloss[index] = 0.03
    out.sharpness[index] = 450.0
    out.floor[index] = 0.6


def iris_radius(paint: HeadPaint) -> float:
    """Mean radius of the landmarks' iris rings on the mean head, mm."""
    centres = paint.landmarks[[sets.LEFT_IRIS_CENTRE, sets.RIGHT_IRIS_CENTRE], :2]
    rings = paint.landmarks[[sets.LEFT_IRIS, sets.RIGHT_IRIS], :2]
    return float(np.linalg.norm(rings - centres[:, None], axis=2).mean())


def _around(mean: Float32Array) -> Float32Array:
    """Arc length (n,) round the head in mm."""
    arc: Float32Array = np.float32(85.0) * np.arctan2(mean[:, 0], mean[:, 2] + 0.01)
    return arc


def _tinted(colour: Float32Array, share: Float32Array) -> Float32Array:
    """Factors (n, 3) that move from 1 to ``colour`` (3,) by shares (n,)."""
    return float32(1 + (colour - 1) * share[:, None])


def _over(below: Float32Array, above: Float32Array, alpha: Float32Array) -> Float32Array:
    """``above`` (n, 3) or (3,) laid over ``below`` (n, 3) with opacity (n,)."""
    mixed: Float32Array = below + (above - below) * alpha[:, None]
    return mixed
