import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from headwater.geometry.registration import MovingNearest, Similarity, umeyama

SEEDS = st.integers(0, 2**32 - 1)


def random_similarity(rng: np.random.Generator, degrees: float = 180.0) -> Similarity:
    turn = Rotation.from_rotvec(
        np.radians(degrees) * rng.random() * Rotation.random(random_state=rng).apply([1, 0, 0])
    )
    return Similarity(float(rng.uniform(0.5, 2.0)), turn.as_matrix(), rng.normal(0, 100, 3))


@given(SEEDS)
def test_a_known_similarity_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, points = random_similarity(rng), rng.normal(0, 50, (10, 3))
    found = umeyama(points, true.apply(points), with_scale=True)
    assert found.scale == pytest.approx(true.scale, rel=1e-6)
    np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-6)
    np.testing.assert_allclose(found.translation, true.translation, atol=1e-4)


@given(SEEDS)
def test_mirrored_points_still_get_a_proper_rotation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 50, (10, 3))
    found = umeyama(points, points * [-1, 1, 1], with_scale=False)
    assert np.linalg.det(found.rotation) == pytest.approx(1.0)


@given(SEEDS)
def test_points_on_a_line_or_at_one_point_are_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spread = rng.normal(0, 50, (68, 3))
    point = np.tile(rng.normal(0, 50, 3), (68, 1))
    line = point + rng.normal(0, 50, (68, 1)) * [1.0, 0.0, 0.0]
    for source, target in ((point, spread), (spread, point), (line, spread), (spread, line)):
        with pytest.raises(ValueError, match="no rotation"):
            umeyama(source, target, with_scale=False)


def test_scale_has_no_bias_from_noise_on_the_target() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0, 50, (6, 3))
    scales = [
        umeyama(points, 1.3 * points + rng.normal(0, 7, points.shape), with_scale=True).scale
        for _ in range(400)
    ]
    assert np.mean(scales) == pytest.approx(1.3, rel=0.015)


@given(SEEDS)
def test_no_rigid_map_does_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 50, (2, 8, 3))
    best = np.sum((umeyama(a, b, with_scale=False).apply(a) - b) ** 2)
    for _ in range(20):
        turn = Rotation.random(random_state=rng).as_matrix()
        other = Similarity(1.0, turn, b.mean(axis=0) - turn @ a.mean(axis=0))
        assert np.sum((other.apply(a) - b) ** 2) >= best - 1e-6


@given(SEEDS)
def test_maps_compose_and_invert(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = random_similarity(rng), random_similarity(rng)
    points = rng.normal(0, 50, (5, 3))
    np.testing.assert_allclose(
        second.after(first).apply(points), second.apply(first.apply(points)), atol=1e-6
    )
    np.testing.assert_allclose(first.inverse().apply(first.apply(points)), points, atol=1e-6)


@pytest.mark.parametrize("points", [np.zeros((2, 3)), np.outer(np.arange(5.0), [1.0, 2.0, 3.0])])
def test_points_that_fix_no_rotation_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="points"):
        umeyama(points, points, with_scale=False)


@pytest.mark.parametrize("size", [1, 5, 16, 17, 400])
@pytest.mark.parametrize("step", [1e-3, 0.05, 2.0])
def test_nearest_neighbours_of_moving_points_are_those_of_the_tree(size: int, step: float) -> None:
    rng = np.random.default_rng(size)
    tree = cKDTree(rng.normal(0, 1, (size, 3)))
    closest = MovingNearest(tree)
    points = rng.normal(0, 1, (60, 3))
    for _ in range(30):
        distance, row = closest.query(points)
        expected, expected_row = tree.query(points)
        np.testing.assert_allclose(distance, expected, atol=1e-12)
        np.testing.assert_array_equal(row, expected_row)
        points = points + rng.normal(0, step, (60, 3)) * rng.random((60, 1))
    shorter, _ = closest.query(points[:7])
    np.testing.assert_allclose(shorter, tree.query(points[:7])[0])
