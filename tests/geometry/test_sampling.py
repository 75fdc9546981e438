"""Points at which signed distances are sampled."""

import numpy as np
import pytest
import trimesh

from headwater.geometry.sampling import (
    BOX_HALF_EDGE_MM,
    box_points,
    near_surface_points,
    sdf_sample_points,
    surface_points,
)
from headwater.geometry.signed_distance import signed_distance

BOX = trimesh.creation.box((200.0, 100.0, 20.0))


def test_surface_points_lie_on_the_surface_by_area() -> None:
    points = surface_points(BOX.vertices, BOX.faces, 40_000, np.random.default_rng(0))
    assert np.abs(signed_distance(points, BOX.vertices, BOX.faces)).max() < 1e-4
    large = np.isclose(np.abs(points[:, 2]), 10.0, atol=1e-6).mean()
    expected = 2 * 200 * 100 / BOX.area
    assert abs(large - expected) < 4 * np.sqrt(expected * (1 - expected) / 40_000)


def test_near_points_mix_two_distances() -> None:
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=1e4)
    points = near_surface_points(sphere.vertices, sphere.faces, 30_000, np.random.default_rng(1))
    distance = signed_distance(points, sphere.vertices, sphere.faces)
    # The surface is nearly flat at this scale, so distances are normally distributed.
    assert distance[:20_000].std() == pytest.approx(5.0, rel=0.03)
    assert distance[20_000:].std() == pytest.approx(1.0, rel=0.03)


def test_box_points_fill_the_box() -> None:
    points = box_points(20_000, np.random.default_rng(2))
    assert np.abs(points).max() <= BOX_HALF_EDGE_MM
    assert np.abs(points.mean(axis=0)).max() < 3.0
    np.testing.assert_allclose(points.std(axis=0), 300 / np.sqrt(12), rtol=0.03)


@pytest.mark.parametrize(("count", "share", "near"), [(16, 0.75, 12), (7, 0.0, 0), (7, 1.0, 7)])
def test_shares_and_seed(count: int, share: float, near: int) -> None:
    first = sdf_sample_points(BOX.vertices, BOX.faces, count, share, np.random.default_rng(3))
    again = sdf_sample_points(BOX.vertices, BOX.faces, count, share, np.random.default_rng(3))
    other = sdf_sample_points(BOX.vertices, BOX.faces, count, share, np.random.default_rng(4))
    assert first.points.shape == (count, 3)
    assert first.near.sum() == near
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, other.points)
