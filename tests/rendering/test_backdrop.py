"""Backdrops: bounded linear colours, seeded, the same scene at every size."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.rendering.backdrop import backdrop
from headwater.rendering.looks import BackdropKind, Scene, sample_scene

KINDS = list(BackdropKind)


def scene(seed: int, kind: BackdropKind) -> Scene:
    return replace(sample_scene(np.random.default_rng(seed)), backdrop=kind)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**31 - 1),
    st.sampled_from(KINDS),
    st.integers(1, 80),
    st.integers(1, 80),
)
def test_colours_are_linear_light_of_the_size_that_is_wanted(
    seed: int, kind: BackdropKind, height: int, width: int
) -> None:
    picture = backdrop(scene(seed, kind), height, width)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_scene_gives_the_same_bytes(kind: BackdropKind) -> None:
    first, again = (backdrop(scene(5, kind), 40, 30) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != backdrop(scene(6, kind), 40, 30).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_picture_shows_the_same_wall(kind: BackdropKind) -> None:
    one = scene(11, kind)
    small = backdrop(one, 64, 64)
    large = backdrop(one, 256, 256).reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - large).max() < 0.08


def test_a_plain_wall_of_one_colour_has_no_hue_of_its_own() -> None:
    grey = (0.4, 0.4, 0.4)
    one = replace(scene(3, BackdropKind.PLAIN), backdrop_colours=(grey, grey, grey))
    picture = backdrop(one, 48, 48)
    np.testing.assert_allclose(picture[..., 0], picture[..., 1], atol=1e-6)
    assert picture.max() <= 0.4 + 1e-6


@pytest.mark.parametrize("kind", [BackdropKind.CLOUDS, BackdropKind.SHAPES, BackdropKind.ROOM])
def test_a_structured_backdrop_varies_more_than_a_wall(kind: BackdropKind) -> None:
    colours = ((0.1, 0.1, 0.1), (0.12, 0.12, 0.12), (0.9, 0.2, 0.1))
    spread = {
        one: np.mean(
            [
                backdrop(replace(scene(seed, one), backdrop_colours=colours), 32, 32).std()
                for seed in range(12)
            ]
        )
        for one in (BackdropKind.PLAIN, kind)
    }
    assert spread[kind] > 2 * spread[BackdropKind.PLAIN]


def test_everything_is_out_of_focus() -> None:
    for kind in KINDS:
        picture = backdrop(scene(2, kind), 256, 256)
        assert np.abs(np.diff(picture, axis=0)).max() < 0.25
        assert np.abs(np.diff(picture, axis=1)).max() < 0.25
