"""Skin and everything that grows on it: complexion, beard, lips, brows, lashes, hair.

All positions are on the mean head, mm; colours are linear RGB.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.heads.part_map import FRONT_TOLERANCE_MM
from headwater.rendering.looks import HairStyle, Person
from headwater.rendering.noise import sample_grain, smoothstep
from headwater.rendering.painting import HeadPaint
from headwater.rendering.tracing import float32

Float32Array = NDArray[np.float32]

BLOOD = float32([1.0, 0.62, 0.60])
FRECKLE = float32([0.62, 0.48, 0.40])
CAVITY = float32([0.07, 0.015, 0.013])
# Inner surfaces within this depth behind the lips are the mouth, not the nape.
MOUTH_DEPTH_MM = 60.0

STUBBLE = {HairStyle.BALD: 0.06, HairStyle.SHAVED: 0.62}


class Skin(NamedTuple):
    """albedo: (n, 3). lips, bare: (n,) shares covered by lips and by no hair at all.

    scalp: (n,) share of the surroundings that lies within the hairline, whatever grows there.
    """

    albedo: Float32Array
    lips: Float32Array
    bare: Float32Array
    scalp: Float32Array


class _Place(NamedTuple):
    """Places of samples on the mean head.

    mean: (n, 3) mm. cells: (n,) of the face maps. behind: (n,) mm behind the foremost surface.
    front: (n,) 1 close to that surface, else 0. u, v: (n,) texels of grain.
    """

    mean: Float32Array
    cells: NDArray[np.intp]
    behind: Float32Array
    front: Float32Array
    u: Float32Array
    v: Float32Array


def paint_skin(person: Person, paint: HeadPaint, values: Float32Array) -> Skin:
    """Colours of skin samples with the stage's ``values`` (n, 10)."""
    mean, scalp, beard, cheek = values[:, :3], values[:, 6], values[:, 7], values[:, 8]
    at = _place(paint, mean)
    mottling = sample_grain("mottling", at.u, at.v, person.seed)
    pores = sample_grain("pores", at.u, at.v, person.seed + 1)
    stubble = sample_grain("spots", 2.3 * at.u, 1.2 * at.v, person.seed + 3)

    colour = _complexion(person, at, cheek, mottling, pores)
    growth = beard * person.beard * np.clip(0.62 + 0.3 * stubble + 0.25 * mottling, 0, 1)
    colour = over(colour, float32(person.hair) * 0.8, np.clip(growth, 0, 0.92))
    lips = smoothstep(-0.9, 0.9, paint.maps.lips.reshape(-1)[at.cells]) * at.front
    lip_colour = float32(person.lips) * (1 + 0.07 * pores - 0.06 * mottling)[:, None]
    colour = over(colour, lip_colour, 0.88 * lips)
    colour *= (1 - 0.55 * paint.maps.lip_line.reshape(-1)[at.cells] * at.front)[:, None]
    colour, brow = _with_brows(person, paint, at, colour)
    colour[in_mouth(paint, at.cells, at.behind)] = CAVITY * 2

    within = _within_hairline(person, at, scalp, mottling)
    cover = _scalp_cover(person, within, stubble)
    colour = over(colour, hair_colour(person, paint, mean), cover)
    bare = np.clip(1 - cover - brow - growth, 0, 1)
    return Skin(np.clip(colour, 0.004, 0.95), lips, bare, within)


def _place(paint: HeadPaint, mean: Float32Array) -> _Place:
    cells = paint.maps.cells(mean)
    behind = paint.maps.front.reshape(-1)[cells] - mean[:, 2]
    front = (behind < FRONT_TOLERANCE_MM).astype(np.float32)
    arc = np.float32(85.0) * np.arctan2(mean[:, 0], mean[:, 2] + np.float32(0.01))
    return _Place(mean, cells, behind, front, 2.0 * arc, 2.0 * mean[:, 1])


def _complexion(
    person: Person, at: _Place, cheek: Float32Array, mottling: Float32Array, pores: Float32Array
) -> Float32Array:
    """Bare skin (n, 3): tone, mottling, blood in the cheeks, freckles."""
    uneven = 1 + 0.05 * person.mottling * mottling + 0.025 * pores
    colour = float32(person.skin) * uneven[:, None]
    colour *= tinted(BLOOD, 0.55 * person.redness * cheek)
    if person.freckles:
        spots = sample_grain("spots", at.u, at.v, person.seed + 2)
        dots = smoothstep(1.2, 2.4, spots) * person.freckles * (0.25 + cheek)
        colour *= tinted(FRECKLE, np.clip(dots, 0, 1))
    return colour


def _with_brows(
    person: Person, paint: HeadPaint, at: _Place, colour: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """``colour`` (n, 3) with brows and lash lines, and the share (n,) that brows cover."""
    aside = np.abs(at.mean[:, 0])
    strokes = sample_grain(
        "strands", 5.0 * at.mean[:, 1] + 2.0 * aside, 3.0 * aside, person.seed + 4
    )
    inside = paint.maps.brow.reshape(-1)[at.cells] + np.float32(person.brow_growth_mm)
    brow = smoothstep(-1.2, 2.2, inside + 0.9 * strokes) * at.front
    density = np.clip(person.brow_density * (0.9 + 0.22 * strokes), 0, 0.97)
    colour = over(colour, float32(person.brow), brow * density)
    lash = paint.maps.lash.reshape(-1)[at.cells] * at.front * person.lashes
    return colour * (1 - 0.85 * lash)[:, None], brow


def in_mouth(paint: HeadPaint, cells: NDArray[np.intp], behind: Float32Array) -> NDArray[np.bool_]:
    """Skin (n,) that lines the mouth: of its map cells, mm behind the front, behind the lips."""
    inner = (behind >= FRONT_TOLERANCE_MM) & (behind < MOUTH_DEPTH_MM)
    near_lips: NDArray[np.bool_] = inner & (paint.maps.lips.reshape(-1)[cells] > -8)
    return near_lips


def _within_hairline(
    person: Person, at: _Place, scalp: Float32Array, mottling: Float32Array
) -> Float32Array:
    """Share (n,) of the skin's surroundings above the ragged hairline."""
    strands = sample_grain("strands", 3.0 * at.u, at.v, person.seed + 5)
    locks = sample_grain("locks", 1.6 * at.u, at.v, person.seed + 10)
    return smoothstep(-4.0, 6.0, scalp + 1.6 * strands + 2.2 * locks + 1.5 * mottling)


def _scalp_cover(person: Person, within: Float32Array, stubble: Float32Array) -> Float32Array:
    """Share (n,) of the skin that scalp hair hides, of that ``within`` the hairline."""
    if person.hair_style in STUBBLE:
        return np.clip(within * STUBBLE[person.hair_style] * (1 + 0.25 * stubble), 0, 1)
    return within


def hair_colour(person: Person, paint: HeadPaint, mean: Float32Array) -> Float32Array:
    """Colour (n, 3) of hair whose strands run away from the crown."""
    strands, locks = hair_strands(person, paint, mean)
    brightness = np.exp(0.20 * strands + 0.20 * locks)
    result: Float32Array = float32(person.hair) * brightness[:, None]
    return result


def hair_strands(
    person: Person, paint: HeadPaint, mean: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Fine and coarse noise (n,) along lines that run away from the crown."""
    away = mean - paint.crown
    u = 300.0 * np.arctan2(away[:, 0], away[:, 2] + 1e-3)
    v = 2.0 * np.sqrt((away**2).sum(axis=1))
    strands = sample_grain("strands", u, v, person.seed + 6)
    return strands, sample_grain("locks", u, v, person.seed + 7)


def tinted(colour: Float32Array, share: Float32Array) -> Float32Array:
    """Factors (n, 3) that move from 1 to ``colour`` (3,) by shares (n,)."""
    return float32(1 + (colour - 1) * share[:, None])


def over(below: Float32Array, above: Float32Array, alpha: Float32Array) -> Float32Array:
    """``above`` (n, 3) or (3,) laid over ``below`` (n, 3) with opacity (n,)."""
    mixed: Float32Array = below + (above - below) * alpha[:, None]
    return mixed
