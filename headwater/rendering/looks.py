"""Looks of rendered persons and scenes, and random draws of both.

Colours are linear RGB in 0..1 unless said otherwise.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Colour = tuple[float, float, float]
Direction = tuple[float, float, float]
T = TypeVar("T")


class HairStyle(Enum):
    """Cover of hair on the scalp."""

    BALD = "bald"
    SHAVED = "shaved"
    SHORT = "short"
    FULL = "full"
    LONG = "long"


class BackdropKind(Enum):
    """Kind of backdrop behind the head."""

    PLAIN = "plain"
    CLOUDS = "clouds"
    SHAPES = "shapes"
    ROOM = "room"


@dataclass(frozen=True)
class Glasses:
    """Half sizes of a lens and radius of the rim, mm; squareness 2 is an ellipse, 4 a box."""

    half_width_mm: float
    half_height_mm: float
    squareness: float
    rim_mm: float
    colour: Colour


@dataclass(frozen=True)
class Cap:
    """Cap: its height over the skull and the length of its visor (0: none), mm."""

    puff_mm: float
    visor_mm: float
    colour: Colour


@dataclass(frozen=True)
class Person:
    """The looks that stay with one subject.

    hairline_mm: how far the front hairline stands above the face oval. sweep_mm: how
    much higher it is on the left than on the right. recession_mm: of the temples.
    hair_volume_mm: greatest thickness. beard, freckles, redness, lashes, oil, mottling,
    brow_density: strengths in 0..1. brow_growth_mm: outward growth of the brows. seed: of grain.
    """

    skin: Colour
    redness: float
    mottling: float
    freckles: float
    oil: float
    hair_style: HairStyle
    hair: Colour
    hairline_mm: float
    sweep_mm: float
    recession_mm: float
    hair_volume_mm: float
    brow: Colour
    brow_density: float
    brow_growth_mm: float
    beard: float
    lashes: float
    lips: Colour
    iris: Colour
    glasses: Glasses | None
    cap: Cap | None
    seed: int


@dataclass(frozen=True)
class Light:
    """A distant light.

    towards: unit direction, head frame. colour: times power. radius: apparent, in radians; it
    softens shadows.
    """

    towards: Direction
    colour: Colour
    radius: float


@dataclass(frozen=True)
class Scene:
    """Light, backdrop, clothes and camera faults of one picture.

    ambient: (9, 3) spherical-harmonic irradiance. backdrop_colours: three colours.
    exposure: mean light on the skin, for skin of middle brightness. noise: of the sensor, in
    display values 0..1. blur_px: Gaussian sigma for a 256 px image. seed: of backdrop and sensor
    noise.
    """

    lights: tuple[Light, ...]
    ambient: tuple[Colour, ...]
    backdrop: BackdropKind
    backdrop_colours: tuple[Colour, Colour, Colour]
    garment: Colour
    exposure: float
    contrast: float
    tint: Colour
    noise: float
    blur_px: float
    seed: int


@dataclass(frozen=True)
class Look:
    """A person in a scene."""

    person: Person
    scene: Scene


def sample_look(rng: np.random.Generator) -> Look:
    """A random person in a random scene."""
    return Look(sample_person(rng), sample_scene(rng))


def relit(look: Look, rng: np.random.Generator) -> Look:
    """The same person in another random scene."""
    return replace(look, scene=sample_scene(rng))


# Face colours from very light to very dark, display sRGB.
SKIN_TONES = np.array(
    [
        (246, 219, 201),
        (235, 196, 170),
        (219, 172, 138),
        (198, 143, 106),
        (163, 108, 75),
        (120, 76, 53),
        (90, 59, 44),
        (72, 49, 40),
    ]
)
HAIR_COLOURS = np.array(
    [
        (26, 21, 20),
        (40, 28, 23),
        (66, 45, 33),
        (104, 74, 50),
        (158, 122, 80),
        (198, 168, 118),
        (122, 60, 34),
        (120, 116, 112),
        (196, 193, 188),
    ]
)
IRIS_COLOURS = np.array(
    [(52, 31, 20), (74, 45, 26), (104, 70, 38), (98, 92, 54), (84, 110, 92), (98, 130, 156)]
)
DARK_HAIR = 3
GLASSES_SHARE, CAP_SHARE = 0.18, 0.08


def linear(srgb_255: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float64]:
    """Linear colour of display values 0..255 (gamma 2.2)."""
    result: NDArray[np.float64] = (np.asarray(srgb_255, dtype=np.float64) / 255.0) ** 2.2
    return result


def sample_person(rng: np.random.Generator) -> Person:
    """A random person over the whole range of human skin, hair and eyes."""
    depth = rng.uniform(0, len(SKIN_TONES) - 1)
    skin = _between(SKIN_TONES, depth) * rng.normal(1.0, 0.018, size=3) * rng.uniform(0.92, 1.05)
    darkness = depth / (len(SKIN_TONES) - 1)
    hair_index = int(
        rng.integers(0, DARK_HAIR) if rng.random() < darkness * 1.4 else rng.integers(0, 9)
    )
    hair = HAIR_COLOURS[hair_index] * rng.uniform(0.8, 1.2)
    iris_index = rng.uniform(0, 1.2) if darkness > 0.45 else rng.uniform(0, len(IRIS_COLOURS) - 1)
    brow = hair * rng.uniform(0.45, 0.95) if rng.random() < 0.8 else HAIR_COLOURS[1] * 1.0
    lip_shift = np.array([rng.uniform(0.78, 1.0), rng.uniform(0.50, 0.78), rng.uniform(0.52, 0.85)])
    lips = skin * lip_shift
    beard = float(rng.uniform(0.15, 1.0)) if rng.random() < 0.35 else 0.0
    if beard == 0.0 and rng.random() < 0.25:
        lips = np.array([rng.uniform(120, 200), rng.uniform(20, 80), rng.uniform(40, 100)])
    style = _one_of(rng, list(HairStyle), (0.08, 0.17, 0.30, 0.25, 0.20))
    volumes = {HairStyle.SHORT: (4, 14), HairStyle.FULL: (12, 38), HairStyle.LONG: (6, 22)}
    return Person(
        skin=_colour(linear(np.clip(skin, 8, 250))),
        redness=float(rng.uniform(0.2, 1.0)),
        mottling=float(rng.uniform(0.2, 1.0)),
        freckles=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.15 else 0.0,
        oil=float(rng.random() ** 2),
        hair_style=style,
        hair=_colour(linear(np.clip(hair, 6, 240))),
        hairline_mm=float(rng.uniform(8, 26) if rng.random() < 0.6 else rng.uniform(-4, 10)),
        sweep_mm=float(rng.uniform(-16, 16)),
        recession_mm=float(rng.uniform(0, 18)) if rng.random() < 0.4 else 0.0,
        hair_volume_mm=float(rng.uniform(*volumes.get(style, (0, 1)))),
        brow=_colour(linear(np.clip(brow, 5, 200))),
        brow_density=float(rng.uniform(0.45, 1.0)),
        brow_growth_mm=float(rng.uniform(-0.8, 1.6)),
        beard=beard,
        lashes=float(rng.uniform(0.3, 1.0)),
        lips=_colour(linear(np.clip(lips, 8, 245))),
        iris=_colour(linear(_between(IRIS_COLOURS, iris_index) * rng.uniform(0.85, 1.2))),
        glasses=_glasses(rng) if rng.random() < GLASSES_SHARE else None,
        cap=_cap(rng) if rng.random() < CAP_SHARE else None,
        seed=int(rng.integers(2**31)),
    )


def _glasses(rng: np.random.Generator) -> Glasses:
    dark = rng.random() < 0.7
    colour = rng.uniform(8, 60, size=3) if dark else rng.uniform(60, 220, size=3)
    return Glasses(
        half_width_mm=float(rng.uniform(21, 27)),
        half_height_mm=float(rng.uniform(14, 23)),
        squareness=float(rng.uniform(2, 4)),
        rim_mm=float(rng.uniform(0.6, 2.2)),
        colour=_colour(linear(colour)),
    )


def _cap(rng: np.random.Generator) -> Cap:
    visor = rng.random() < 0.6
    return Cap(
        puff_mm=float(rng.uniform(1, 22)),
        visor_mm=float(rng.uniform(25, 65)) if visor else 0.0,
        colour=_colour(linear(_surface_colour(rng, rng.random() < 0.3))),
    )


def sample_scene(rng: np.random.Generator) -> Scene:
    """A random scene: one to three lights, coloured ambient light, a backdrop, a camera."""
    key_share = rng.uniform(0.25, 0.8)
    lights = [_light(rng, (-70, 70), (-10, 60), key_share)]
    if rng.random() < 0.6:
        lights.append(_light(rng, (-90, 90), (-20, 50), key_share * rng.uniform(0.1, 0.5)))
    if rng.random() < 0.35:
        lights.append(_light(rng, (110, 250), (0, 50), rng.uniform(0.3, 1.0)))
    vivid = rng.random() < 0.2
    colours = np.stack([_surface_colour(rng, vivid) for _ in range(3)])
    first, second, third = (_colour(linear(colour)) for colour in colours)
    return Scene(
        lights=tuple(lights),
        ambient=_ambient(rng, 1.0 - key_share),
        backdrop=_one_of(rng, list(BackdropKind), (0.2, 0.3, 0.3, 0.2)),
        backdrop_colours=(first, second, third),
        garment=_colour(linear(_surface_colour(rng, rng.random() < 0.25))),
        exposure=float(rng.uniform(0.5, 1.0)),
        contrast=float(rng.uniform(0.85, 1.2)),
        tint=_colour(1.0 + rng.normal(0, 0.04, size=3)),
        noise=float(0.02 * rng.random() ** 1.5),
        blur_px=float(rng.uniform(0.0, 0.7)),
        seed=int(rng.integers(2**31)),
    )


def _surface_colour(rng: np.random.Generator, vivid: bool) -> NDArray[np.float64]:
    """Display colour 0..255 of walls and cloth: mostly muted, sometimes vivid."""
    saturation = rng.uniform(0.3, 0.9) if vivid else 0.55 * rng.beta(1.0, 2.5)
    value = 255 * rng.uniform(0.06, 0.98)
    hue = np.abs((rng.uniform(0, 6) + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1
    colour: NDArray[np.float64] = value * (1 - saturation * (1 - np.clip(hue, 0, 1)))
    return colour


def _light(
    rng: np.random.Generator,
    azimuth: tuple[float, float],
    elevation: tuple[float, float],
    power: float,
) -> Light:
    turn, rise = np.deg2rad(rng.uniform(*azimuth)), np.deg2rad(rng.uniform(*elevation))
    towards = (np.sin(turn) * np.cos(rise), np.sin(rise), np.cos(turn) * np.cos(rise))
    warmth = rng.normal(0, 0.12)
    colour = power * np.array([1 + warmth, 1.0, 1 - warmth])
    return Light(_colour(np.array(towards)), _colour(colour), float(rng.uniform(0.02, 0.35)))


def _ambient(rng: np.random.Generator, power: float) -> tuple[Colour, ...]:
    """Irradiance that varies smoothly over directions: mostly even, brighter from above."""
    coefficients = np.zeros((9, 3))
    warmth = rng.normal(0, 0.1)
    coefficients[0] = power * np.array([1 + warmth, 1.0, 1 - warmth])
    coefficients[1:4] = power * rng.normal(0, 0.16, size=(3, 3))
    coefficients[2] += power * rng.uniform(0.0, 0.35)
    coefficients[3] += power * rng.uniform(0.0, 0.35)
    coefficients[4:] = power * rng.normal(0, 0.05, size=(5, 3))
    return tuple(_colour(row) for row in coefficients)


def _one_of(rng: np.random.Generator, choices: list[T], shares: tuple[float, ...]) -> T:
    return choices[int(rng.choice(len(choices), p=shares))]


def _between(table: NDArray[np.integer], position: float) -> NDArray[np.float64]:
    """Row of ``table`` (n, 3) at a fractional position."""
    below = min(int(position), len(table) - 2)
    share = position - below
    row: NDArray[np.float64] = (1 - share) * table[below] + share * table[below + 1]
    return row


def _colour(values: NDArray[np.floating]) -> Colour:
    return (float(values[0]), float(values[1]), float(values[2]))
