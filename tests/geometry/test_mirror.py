"""Partners by the mirror image, against brute force and an exhaustive assignment."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from headwater.geometry.mirror import mirror_pairs, mirror_partners


def symmetric(pairs: int, middle: int, seed: int) -> np.ndarray:
    """Points (2 pairs + middle, 3) mm in a random order, exactly symmetric."""
    rng = np.random.default_rng(seed)
    right = rng.uniform((5, -100, -100), (80, 100, 100), (pairs, 3))
    centre = rng.uniform((0, -100, -100), (0, 100, 100), (middle, 3))
    points = np.concatenate([right, right * [-1, 1, 1], centre])
    return rng.permutation(points)


@pytest.mark.parametrize("seed", range(5))
def test_partners_are_the_nearest_to_the_mirror_image(seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-20, 20, (60, 3))
    partners = mirror_partners(points, 8.0)
    for point, partner in zip(points, partners, strict=True):
        distances = np.linalg.norm(points - point * [-1, 1, 1], axis=1)
        assert partner == (distances.argmin() if distances.min() <= 8.0 else -1)
    assert {-1} < set(partners.tolist())


def test_symmetric_points_are_paired() -> None:
    points = symmetric(30, 8, seed=0)
    pairs = mirror_pairs(points, 0.01)
    assert pairs is not None
    np.testing.assert_allclose(points[pairs], points * [-1, 1, 1], atol=1e-12)
    assert (pairs == np.arange(len(points))).sum() == 8


@pytest.mark.parametrize("seed", range(5))
def test_rough_points_are_assigned_one_to_one(seed: int) -> None:
    """Nearest neighbours are no pairs here; the least sum of distances is."""
    rng = np.random.default_rng(seed)
    points = symmetric(100, 10, seed) * 0.3
    points += rng.normal(0, 1.5, points.shape)
    nearest = mirror_partners(points, 50.0)
    assert not np.array_equal(nearest[nearest], np.arange(len(points)))
    gaps = np.linalg.norm(points[:, None] - (points * [-1, 1, 1])[None], axis=2)
    _, least = linear_sum_assignment(gaps)
    np.testing.assert_array_equal(mirror_pairs(points, 50.0), least)


def test_points_without_a_mirror_image_have_no_pairs() -> None:
    points = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 2.0, 0], [0.5, 1.0, 0]])
    assert mirror_pairs(points, 0.1) is None
    np.testing.assert_array_equal(mirror_pairs(points[:3], 0.1), [1, 0, 2])
    np.testing.assert_array_equal(mirror_partners(points, 0.1), [1, 0, 2, -1])


def test_two_points_cannot_share_one_partner() -> None:
    points = np.array([[1.0, 0, 0], [1.01, 0, 0], [-1.0, 0, 0]])
    assert mirror_partners(points, 0.1).tolist() == [2, 2, 0]
    assert mirror_pairs(points, 0.1) is None
