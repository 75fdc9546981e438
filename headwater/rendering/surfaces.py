"""Colour and gloss of every sample: skin, hair, eyes, mouth, clothes.

All positions are on the mean head, mm; colours are linear RGB.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets
from headwater.heads.model import Surface
from headwater.rendering.looks import Look, Person
from headwater.rendering.noise import sample_grain, smoothstep
from headwater.rendering.painting import HeadPaint
from headwater.rendering.skin import (
    BLOOD,
    CAVITY,
    Skin,
    hair_colour,
    hair_strands,
    over,
    paint_skin,
    tinted,
)
from headwater.rendering.stages import Prop
from headwater.rendering.tracing import float32

Float32Array = NDArray[np.float32]

TEETH = float32([0.66, 0.60, 0.50])
TONGUE = float32([0.36, 0.12, 0.11])
SOCKET = float32([0.30, 0.11, 0.10])
SCLERA = float32([0.60, 0.55, 0.52])

HAIR_BORDER_MM = 9.0


class Finish(NamedTuple):
    """Reflectance of samples.

    albedo: (n, 3). gloss: (n,) strength and sharpness: (n,) exponent of the highlight.
    translucent: (n,) how far light bleeds past the shadow edge. floor: (n,) least sky share.
    hair: (k,) which samples are hair, strand: (k, 3) its direction. scalp: (n,) the share of skin
    that lies within the hairline.
    """

    albedo: Float32Array
    gloss: Float32Array
    sharpness: Float32Array
    translucent: Float32Array
    floor: Float32Array
    hair: NDArray[np.intp]
    strand: Float32Array
    scalp: Float32Array


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
        np.zeros(count, np.float32),
    )
    skin = np.flatnonzero(material == Surface.SKIN)
    _add_skin(look.person, skin, paint_skin(look.person, paint, values[skin]), result)
    result.albedo[hair] = hair_colour(look.person, paint, values[hair, :3])
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


def _add_skin(person: Person, index: NDArray[np.intp], skin: Skin, out: Finish) -> None:
    out.albedo[index] = skin.albedo
    out.gloss[index] = (0.02 + 0.05 * person.oil) * skin.bare + 0.06 * skin.lips
    out.sharpness[index] = 10 + 16 * person.oil + 30 * skin.lips
    out.translucent[index] = skin.bare
    out.scalp[index] = skin.scalp


def gaps_in_props(
    person: Person, paint: HeadPaint, material: NDArray[np.uint8], values: Float32Array
) -> NDArray[np.bool_]:
    """Samples (n,) outside the border of a cap, or between the ragged locks at that of hair."""
    hair = np.flatnonzero(material == Prop.HAIR)
    strands, locks = hair_strands(person, paint, values[hair, :3])
    gaps = (material == Prop.CAP) & (values[:, 6] < 0)
    gaps[hair] = values[hair, 6] < HAIR_BORDER_MM + 2.0 * strands + 4.0 * locks
    return gaps


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
    colour = colour * tinted(BLOOD, 0.25 * smoothstep(1.2, 2.2, t))
    iris = float32(person.iris) * (1 + 0.22 * fibres)[:, None]
    iris *= (1 - 0.65 * smoothstep(0.78, 1.0, t))[:, None]
    colour = over(colour, iris, 1 - smoothstep(0.94, 1.06, t))
    colour = over(colour, float32([0.004, 0.004, 0.005]), 1 - smoothstep(0.34, 0.42, t))
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
