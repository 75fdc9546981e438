"""Grain of surfaces: normalised, seamless, seeded; and the smooth step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.rendering.noise import GRAINS, TILE, grain, sample_grain, smoothstep

COORDINATES = st.lists(st.floats(-1e5, 1e5, width=32), min_size=1, max_size=20)


def correlation(tile: np.ndarray, down: int, right: int) -> float:
    """Correlation of a repeating tile with itself, moved by so many texels."""
    moved = np.roll(tile, (down, right), axis=(0, 1))
    return float((tile.astype(np.float64) * moved).mean())


@pytest.mark.parametrize("kind", GRAINS)
def test_a_tile_has_mean_0_and_deviation_1_and_cannot_be_written(kind: str) -> None:
    tile = grain(kind)
    assert tile.shape == (TILE, TILE)
    assert tile.dtype == np.float32
    assert abs(tile.mean()) < 1e-4
    assert tile.std() == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(ValueError, match="read-only"):
        tile[0, 0] = 0


@pytest.mark.parametrize("kind", GRAINS)
def test_a_tile_has_no_seam(kind: str) -> None:
    tile = grain(kind).astype(np.float64)
    for axis in (0, 1):
        inner = np.abs(np.diff(tile, axis=axis)).mean()
        across = np.abs(np.take(tile, 0, axis) - np.take(tile, -1, axis)).mean()
        assert across < 1.5 * inner


@pytest.mark.parametrize("kind", ["strands", "locks"])
def test_strands_run_down_the_tile(kind: str) -> None:
    tile = grain(kind)
    assert correlation(tile, 20, 0) > 0.8
    assert correlation(tile, 0, 20) < 0.3


@pytest.mark.parametrize("kind", ["pores", "spots", "mottling"])
def test_other_grain_has_no_direction(kind: str) -> None:
    tile = grain(kind)
    reach = round(GRAINS[kind][0])
    assert correlation(tile, reach, 0) == pytest.approx(correlation(tile, 0, reach), abs=0.1)


def test_kinds_differ() -> None:
    tiles = [grain(kind) for kind in GRAINS]
    for number, one in enumerate(tiles):
        for other in tiles[number + 1 :]:
            assert abs(float((one * other).mean())) < 0.5


@given(COORDINATES, st.integers(0, 2**31), st.integers(-3, 3), st.integers(-3, 3))
def test_grain_repeats_with_the_tile(u: list[float], seed: int, right: int, down: int) -> None:
    columns = np.floor(np.array(u))
    rows = columns[::-1].copy()
    here = sample_grain("spots", columns, rows, seed)
    there = sample_grain("spots", columns + right * TILE, rows + down * TILE, seed)
    np.testing.assert_array_equal(here, there)


@given(COORDINATES, st.integers(0, 2**31))
def test_grain_is_the_texel_of_the_shifted_tile(u: list[float], seed: int) -> None:
    values = np.array(u)
    shift = np.random.default_rng(seed).integers(0, TILE, size=2)
    tile = grain("pores")
    wanted = [
        tile[int(np.floor(x) + shift[1]) % TILE, int(np.floor(x) + shift[0]) % TILE] for x in values
    ]
    np.testing.assert_array_equal(sample_grain("pores", values, values, seed), wanted)


@given(st.floats(-100, 100), st.floats(0.01, 50), st.lists(st.floats(-200, 200), min_size=2))
def test_the_smooth_step_rises_from_0_to_1(low: float, span: float, values: list[float]) -> None:
    x = np.sort(np.array(values, np.float32))
    y = smoothstep(low, low + span, x)
    assert y.dtype == np.float32
    assert (y >= 0).all()
    assert (y <= 1).all()
    assert (np.diff(y) >= -1e-6).all()
    assert (y[x <= np.float32(low)] == 0).all()
    assert (y[x > np.float32(low + span) + 1e-3] == 1).all()


@given(st.floats(-10, 10), st.floats(0.1, 50), st.floats(0, 1))
def test_the_smooth_step_is_point_symmetric(low: float, span: float, share: float) -> None:
    ends = np.array([low + share * span, low + (1 - share) * span], np.float32)
    assert smoothstep(low, low + span, ends).sum() == pytest.approx(1.0, abs=2e-3)
