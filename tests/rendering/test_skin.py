"""Colours of skin, hair, eyes and clothes: bounded, seeded, each where it belongs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.heads.model import Surface
from headwater.rendering.looks import (
    Cap,
    Glasses,
    HairStyle,
    Look,
    Person,
    sample_look,
    sample_person,
)
from headwater.rendering.painting import head_paint
from headwater.rendering.props import stage
from headwater.rendering.skin import hair_colour, hair_strands, over, paint_skin, tinted
from headwater.rendering.stages import Prop, Stage
from headwater.rendering.surfaces import (
    CAVITY,
    SOCKET,
    TEETH,
    TONGUE,
    Finish,
    finish,
    gaps_in_props,
    iris_radius,
)
from tests.rendering.heads import ball_head

MODEL, PAINT = ball_head(), head_paint(ball_head())
SHARES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20)
WEAR = {
    "glasses": Glasses(24.0, 18.0, 2.5, 2.0, (0.02, 0.02, 0.02)),
    "cap": Cap(8.0, 40.0, (0.5, 0.02, 0.02)),
}


def person(seed: int, **changes: object) -> Person:
    plain = {"glasses": None, "cap": None, "hair_style": HairStyle.BALD}
    return replace(sample_person(np.random.default_rng(seed)), **{**plain, **changes})


def on_stage(one: Person) -> Stage:
    return stage(MODEL, PAINT, MODEL.mean, one)


def skin_values(one: Person) -> np.ndarray:
    drawn = on_stage(one)
    return drawn.values[np.unique(drawn.faces[drawn.material == Surface.SKIN])]


def luminance(colours: np.ndarray) -> np.ndarray:
    return colours @ np.array([0.21, 0.72, 0.07], np.float32)


@given(SHARES)
def test_laying_over_mixes_between_both_colours(shares: list[float]) -> None:
    alpha = np.array(shares, np.float32)
    below = np.tile(np.float32([0.2, 0.4, 0.6]), (len(alpha), 1))
    above = np.float32([0.9, 0.1, 0.5])
    mixed = over(below, above, alpha)
    np.testing.assert_allclose(mixed, below * (1 - alpha[:, None]) + above * alpha[:, None], 1e-5)
    np.testing.assert_array_equal(over(below, above, np.zeros_like(alpha)), below)


@given(SHARES)
def test_a_tint_is_1_without_a_share_and_the_colour_with_all(shares: list[float]) -> None:
    share, colour = np.array(shares, np.float32), np.float32([1.0, 0.6, 0.2])
    factors = tinted(colour, share)
    assert (factors <= 1 + 1e-6).all()
    assert (factors >= colour - 1e-6).all()
    np.testing.assert_allclose(tinted(colour, np.ones(2, np.float32)), [colour, colour], 1e-6)
    np.testing.assert_array_equal(tinted(colour, np.zeros(2, np.float32)), np.ones((2, 3)))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(HairStyle)))
def test_skin_is_bounded_and_the_same_every_time(seed: int, style: HairStyle) -> None:
    one = person(seed, hair_style=style)
    values = skin_values(one)
    first, again = (paint_skin(one, PAINT, values) for _ in range(2))
    assert np.isfinite(first.albedo).all()
    assert first.albedo.min() >= np.float32(0.004)
    assert first.albedo.max() <= np.float32(0.95)
    for share in (first.lips, first.bare):
        assert share.min() >= 0
        assert share.max() <= 1
    for name in first._fields:
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()


def test_the_grain_of_skin_follows_the_seed_alone() -> None:
    one = person(1)
    values = skin_values(one)
    first, other = (paint_skin(replace(one, seed=seed), PAINT, values) for seed in (5, 6))
    assert (first.albedo != other.albedo).mean() > 0.5
    np.testing.assert_array_equal(first.lips, other.lips)


def test_bare_skin_has_the_persons_tone_on_average() -> None:
    tone = (0.5, 0.3, 0.2)
    one = person(3, skin=tone, beard=0.0, redness=0.0, freckles=0.0)
    values = skin_values(one)
    skin = paint_skin(one, PAINT, values)
    bare = (skin.bare > 0.99) & (skin.lips == 0) & (values[:, 2] < 0)
    assert bare.sum() > 300
    np.testing.assert_allclose(skin.albedo[bare].mean(axis=0), tone, rtol=0.06)


def test_redness_shows_in_the_cheeks_alone() -> None:
    pale, red = (person(4, redness=redness, freckles=0.0, beard=0.0) for redness in (0.0, 1.0))
    values = skin_values(pale)
    before, after = (paint_skin(one, PAINT, values).albedo for one in (pale, red))
    ratio = (after / before)[:, 1]
    cheeks = values[:, 8] > 0.9
    assert ratio[cheeks].mean() < 0.85
    np.testing.assert_allclose(ratio[values[:, 8] < 1e-3], 1.0, atol=0.01)


def test_a_beard_darkens_where_it_grows_alone() -> None:
    shaven, bearded = (
        person(5, beard=beard, hair=(0.02, 0.02, 0.02), skin=(0.5, 0.4, 0.3))
        for beard in (0.0, 1.0)
    )
    values = skin_values(shaven)
    before, after = (luminance(paint_skin(one, PAINT, values).albedo) for one in (shaven, bearded))
    growth = values[:, 7]
    assert (after[growth > 0.9] / before[growth > 0.9]).mean() < 0.7
    np.testing.assert_array_equal(after[growth == 0], before[growth == 0])


def test_freckles_darken_and_never_lighten() -> None:
    plain, freckled = (person(6, freckles=share, beard=0.0) for share in (0.0, 1.0))
    values = skin_values(plain)
    before, after = (paint_skin(one, PAINT, values).albedo for one in (plain, freckled))
    assert (after <= before + 1e-6).all()
    assert (after < 0.95 * before).any()


def test_lips_and_brows_have_their_own_colours() -> None:
    one = person(7, lips=(0.05, 0.6, 0.05), brow=(0.0, 0.0, 0.6), brow_density=1.0, beard=0.0)
    values = skin_values(one)
    skin = paint_skin(one, PAINT, values)
    full = skin.lips > 0.95
    assert full.sum() >= 3
    green = skin.albedo[full]
    assert (green[:, 1] > green[:, 0]).all()
    blue = skin.albedo[:, 2] > skin.albedo[:, 0] + 0.05
    assert blue.any()
    brows = values[blue]
    assert (np.abs(np.abs(brows[:, 0]) - 30) < 22).all()
    assert (np.abs(brows[:, 1] - 45) < 12).all()


def test_shaved_hair_covers_more_than_none_and_less_than_full() -> None:
    cover = {}
    for style in (HairStyle.BALD, HairStyle.SHAVED, HairStyle.FULL):
        one = person(8, hair_style=style, beard=0.0)
        values = skin_values(one)
        scalp = values[:, 6] > 15
        cover[style] = 1 - paint_skin(one, PAINT, values).bare[scalp].mean()
    assert cover[HairStyle.BALD] < 0.15 < cover[HairStyle.SHAVED] < 0.9 < cover[HairStyle.FULL]


def test_hair_keeps_its_hue_and_varies_in_brightness() -> None:
    one = person(9, hair=(0.3, 0.2, 0.1))
    colours = hair_colour(one, PAINT, MODEL.mean)
    hue = np.tile([1, 2 / 3, 1 / 3], (len(colours), 1))
    np.testing.assert_allclose(colours / colours[:, :1], hue, 1e-4)
    assert 0.1 < np.log(colours[:, 0] / 0.3).std() < 0.6


def test_strands_run_away_from_the_crown() -> None:
    one = person(10)
    rng = np.random.default_rng(0)
    angle = rng.uniform(-3, 3, 400)
    around = np.stack([np.sin(angle), np.zeros(400), np.cos(angle)], axis=1)
    near, far = (PAINT.crown + radius * around for radius in (40.0, 48.0))
    along = hair_strands(one, PAINT, near.astype(np.float32))[1]
    further = hair_strands(one, PAINT, far.astype(np.float32))[1]
    assert np.corrcoef(along, further)[0, 1] > 0.6


def finished(look: Look) -> tuple[Stage, Finish, np.ndarray]:
    """The stage, and the finish and material of its triangles' first corners."""
    drawn = on_stage(look.person)
    values = drawn.values[drawn.faces[:, 0]]
    return drawn, finish(look, PAINT, drawn.material, values), drawn.material


@pytest.mark.parametrize("seed", range(3))
def test_every_material_has_a_finish_within_bounds(seed: int) -> None:
    look = sample_look(np.random.default_rng(seed))
    dressed = person(seed, hair_style=HairStyle.LONG, **WEAR)
    _, surface, material = finished(replace(look, person=dressed))
    wanted = {Surface.SKIN, Surface.EYEBALL, *Prop}
    assert set(material.tolist()) == {int(one) for one in wanted}
    for name in ("albedo", "gloss", "sharpness", "translucent", "floor"):
        values = getattr(surface, name)
        assert np.isfinite(values).all(), name
        assert values.min() >= 0, name
    assert surface.albedo.max() <= 1.5
    np.testing.assert_array_equal(surface.hair, np.flatnonzero(material == Prop.HAIR))
    assert surface.strand.shape == (len(surface.hair), 3)
    assert (surface.translucent[material != Surface.SKIN] == 0).all()


def test_props_have_the_colours_that_are_worn() -> None:
    look = sample_look(np.random.default_rng(1))
    _, surface, material = finished(replace(look, person=person(1, **WEAR)))
    np.testing.assert_allclose(surface.albedo[material == Prop.FRAME][0], (0.02, 0.02, 0.02))
    np.testing.assert_allclose(surface.albedo[material == Prop.CAP][0], (0.5, 0.02, 0.02))
    cloth = surface.albedo[material == Prop.GARMENT].mean(axis=0)
    np.testing.assert_allclose(cloth, look.scene.garment, rtol=0.05)


@pytest.mark.parametrize(
    ("inside", "colour"),
    [
        (Surface.TEETH, TEETH),
        (Surface.TONGUE, TONGUE),
        (Surface.MOUTH_CAVITY, CAVITY),
        (Surface.EYE_SOCKET, SOCKET),
    ],
)
def test_inner_surfaces_have_colours_of_their_own(inside: Surface, colour: np.ndarray) -> None:
    look = sample_look(np.random.default_rng(0))
    values = np.zeros((4, 10), np.float32)
    surface = finish(look, PAINT, np.full(4, inside, np.uint8), values)
    np.testing.assert_array_equal(surface.albedo, np.tile(colour, (4, 1)))
    assert (surface.floor > 0).all()


def test_a_pupil_is_dark_in_an_iris_in_white() -> None:
    look = sample_look(np.random.default_rng(0))
    look = replace(look, person=replace(look.person, iris=(0.1, 0.3, 0.5)))
    axis, centre = PAINT.eye_axis[0], PAINT.eye_centre[0]
    aside = np.cross(axis, (0.0, 1.0, 0.0))
    aside /= np.linalg.norm(aside)
    radius = iris_radius(PAINT)
    values = np.zeros((3, 10), np.float32)
    for row, share in enumerate((0.0, 0.6, 1.4)):
        beside = share * radius
        values[row, :3] = centre + np.sqrt(144 - beside**2) * axis + beside * aside
    albedo = finish(look, PAINT, np.full(3, Surface.EYEBALL, np.uint8), values).albedo
    pupil, iris, white = albedo
    assert pupil.max() < 0.01
    assert iris[2] > iris[1] > iris[0]
    assert luminance(albedo)[2] > luminance(albedo)[1] > luminance(albedo)[0]
    assert white.max() - white.min() < 0.3 * white.max()


def test_the_iris_has_the_radius_of_its_landmarks() -> None:
    rings = [PAINT.landmarks[list(range(first, first + 4)), :2] for first in (474, 469)]
    middles = [PAINT.landmarks[centre, :2] for centre in (473, 468)]
    distances = [
        np.hypot(*(point - middle))
        for ring, middle in zip(rings, middles, strict=True)
        for point in ring
    ]
    assert iris_radius(PAINT) == pytest.approx(float(np.mean(distances)), rel=1e-5)


def test_gaps_are_at_the_border_of_hair_and_outside_a_cap() -> None:
    one = person(11, hair_style=HairStyle.FULL, **WEAR)
    drawn = on_stage(one)
    values = drawn.values[drawn.faces[:, 0]]
    gaps = gaps_in_props(one, PAINT, drawn.material, values)
    hair, cap = drawn.material == Prop.HAIR, drawn.material == Prop.CAP
    assert not gaps[~hair & ~cap].any()
    np.testing.assert_array_equal(gaps[cap], values[cap, 6] < 0)
    assert gaps[hair & (values[:, 6] < -15)].all()
    assert not gaps[hair & (values[:, 6] > 40)].any()
