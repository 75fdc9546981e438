"""Random persons and scenes: bounded, seeded, over the whole range."""

from dataclasses import astuple, fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.rendering.looks import (
    CAP_SHARE,
    GLASSES_SHARE,
    BackdropKind,
    Cap,
    Glasses,
    HairStyle,
    Person,
    Scene,
    linear,
    relit,
    sample_look,
    sample_person,
    sample_scene,
)
from headwater.rendering.scenes import sample_shot

SEEDS = st.integers(0, 2**32 - 1)
STRENGTHS = ("redness", "mottling", "freckles", "oil", "brow_density", "beard", "lashes")
DRAWS = 600


@pytest.fixture(scope="module")
def persons() -> list[Person]:
    return [sample_person(np.random.default_rng(seed)) for seed in range(DRAWS)]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(np.random.default_rng(seed)) for seed in range(DRAWS)]


def colours(*values: Any) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@given(SEEDS)
def test_a_person_is_within_bounds(seed: int) -> None:
    person = sample_person(np.random.default_rng(seed))
    drawn = colours(person.skin, person.hair, person.brow, person.lips, person.iris)
    assert ((drawn >= 0) & (drawn <= 1)).all()
    for name in STRENGTHS:
        assert 0 <= getattr(person, name) <= 1, name
    assert -4 <= person.hairline_mm <= 26
    assert abs(person.sweep_mm) <= 16
    assert 0 <= person.recession_mm <= 18
    assert 0 <= person.hair_volume_mm <= 38
    assert 0 <= person.seed < 2**31


@given(SEEDS)
def test_skin_is_redder_than_it_is_blue(seed: int) -> None:
    red, green, blue = sample_person(np.random.default_rng(seed)).skin
    assert red > green > 0.75 * blue


@given(SEEDS)
def test_a_scene_is_within_bounds(seed: int) -> None:
    scene = sample_scene(np.random.default_rng(seed))
    drawn = colours(*scene.backdrop_colours, scene.garment)
    assert ((drawn >= 0) & (drawn <= 1)).all()
    assert 1 <= len(scene.lights) <= 3
    for light in scene.lights:
        assert np.linalg.norm(light.towards) == pytest.approx(1.0)
        assert min(light.colour) >= 0
        assert 0 < light.radius < 0.36
    assert colours(*scene.ambient).shape == (9, 3)
    assert 0.5 <= scene.exposure <= 1.0
    assert 0.85 <= scene.contrast <= 1.2
    assert 0 <= scene.noise <= 0.02
    assert 0 <= scene.blur_px <= 0.7


@given(SEEDS)
def test_the_first_light_comes_from_the_front(seed: int) -> None:
    first = sample_scene(np.random.default_rng(seed)).lights[0]
    assert first.towards[2] > 0
    assert -np.sin(np.deg2rad(10)) - 1e-9 <= first.towards[1] <= np.sin(np.deg2rad(60)) + 1e-9


@given(SEEDS)
def test_the_same_seed_gives_the_same_look_of_plain_numbers(seed: int) -> None:
    first, again = (sample_look(np.random.default_rng(seed)) for _ in range(2))
    assert first == again
    for value in (*astuple(first.person), *astuple(first.scene)):
        assert not isinstance(value, np.generic)


@given(SEEDS, SEEDS)
def test_another_light_leaves_the_person(seed: int, other: int) -> None:
    look = sample_look(np.random.default_rng(seed))
    again = relit(look, np.random.default_rng(other))
    assert again.person is look.person
    assert again.scene == sample_scene(np.random.default_rng(other))


def test_every_style_and_backdrop_comes_up_about_as_often_as_it_should(
    persons: list[Person], scenes: list[Scene]
) -> None:
    styles = dict(zip(HairStyle, (0.08, 0.17, 0.30, 0.25, 0.20), strict=True))
    for style, share in styles.items():
        drawn = np.mean([person.hair_style is style for person in persons])
        assert drawn == pytest.approx(share, abs=0.06), style
    backdrops = dict(zip(BackdropKind, (0.2, 0.3, 0.3, 0.2), strict=True))
    for backdrop, share in backdrops.items():
        drawn = np.mean([scene.backdrop is backdrop for scene in scenes])
        assert drawn == pytest.approx(share, abs=0.06), backdrop


def test_glasses_and_caps_come_up_about_as_often_as_they_should(persons: list[Person]) -> None:
    worn = [person.glasses is not None for person in persons]
    assert np.mean(worn) == pytest.approx(GLASSES_SHARE, abs=0.06)
    caps = [person.cap is not None for person in persons]
    assert np.mean(caps) == pytest.approx(CAP_SHARE, abs=0.05)


def test_glasses_and_caps_have_possible_sizes(persons: list[Person]) -> None:
    glasses = [person.glasses for person in persons if person.glasses is not None]
    for pair in glasses:
        assert isinstance(pair, Glasses)
        assert 21 <= pair.half_width_mm <= 27
        assert 14 <= pair.half_height_mm <= 23
        assert 2 <= pair.squareness <= 4
        assert 0.6 <= pair.rim_mm <= 2.2
    caps = [person.cap for person in persons if person.cap is not None]
    assert {cap.visor_mm == 0 for cap in caps} == {True, False}
    for cap in caps:
        assert isinstance(cap, Cap)
        assert 1 <= cap.puff_mm <= 22
        assert cap.visor_mm == 0 or 25 <= cap.visor_mm <= 65


def test_skin_covers_the_range_from_very_light_to_very_dark(persons: list[Person]) -> None:
    luminance = np.array([person.skin for person in persons]) @ (0.21, 0.72, 0.07)
    assert luminance.min() < 0.04
    assert luminance.max() > 0.65
    counts, _ = np.histogram(luminance, bins=8, range=(0.0, 0.8))
    assert counts.min() > 0


def test_dark_skin_goes_with_dark_hair_and_eyes(persons: list[Person]) -> None:
    luminance = np.array([person.skin for person in persons]) @ (0.21, 0.72, 0.07)
    dark = np.flatnonzero(luminance < 0.08)
    light = np.flatnonzero(luminance > 0.5)
    assert len(dark) > 50
    for name in ("hair", "iris"):
        values = np.array([getattr(person, name) for person in persons]).mean(axis=1)
        assert values[dark].mean() < 0.6 * values[light].mean(), name


def test_scenes_differ_in_everything(scenes: list[Scene]) -> None:
    for one in fields(Scene):
        drawn = {getattr(scene, one.name) for scene in scenes}
        assert len(drawn) > (3 if one.name == "backdrop" else DRAWS // 2), one.name


def test_linear_light_of_display_values() -> None:
    assert linear(np.array([0, 255])).tolist() == [0.0, 1.0]
    values = np.arange(256)
    assert (np.diff(linear(values)) > 0).all()
    np.testing.assert_allclose(linear(values) ** (1 / 2.2) * 255, values, atol=1e-9)


@settings(max_examples=25)
@given(st.text(min_size=1, max_size=8), st.integers(0, 20), st.integers(16, 512))
def test_a_shot_follows_from_the_heads_identifier(head: str, view: int, size: int) -> None:
    first, again = (sample_shot(head, view, size) for _ in range(2))
    assert first.look == again.look
    assert first.kind == ("frontal" if view == 0 else ("free", "side")[view % 2])
    for name in ("K", "R", "t"):
        np.testing.assert_array_equal(getattr(first.camera, name), getattr(again.camera, name))
    assert (first.camera.width, first.camera.height) == (size, size)


def test_views_of_a_head_share_the_person_and_nothing_else() -> None:
    shots = [sample_shot("head", view, 256) for view in range(6)]
    assert len({shot.look.person for shot in shots}) == 1
    assert len({shot.look.scene for shot in shots}) == 6
    assert len({shot.camera.t.tobytes() for shot in shots}) == 6
    assert sample_shot("other", 0, 256).look.person != shots[0].look.person


def test_a_larger_picture_is_the_same_shot_in_more_pixels() -> None:
    small, large = sample_shot("head", 1, 128), sample_shot("head", 1, 512)
    assert small.look == large.look
    np.testing.assert_allclose(4 * small.camera.K[:2], large.camera.K[:2], rtol=1e-12)
    np.testing.assert_array_equal(small.camera.R, large.camera.R)
