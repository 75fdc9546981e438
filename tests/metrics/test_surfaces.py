"""Exact distances and fair samples of triangle surfaces."""

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headwater.metrics.surfaces import Triangles, area_samples, point_triangle_distances, subdivide

coordinates = st.floats(-100, 100, width=32)


@given(
    arrays(np.float64, (6, 3, 3), elements=coordinates),
    arrays(np.float64, (6, 3), elements=coordinates),
)
def test_distance_to_a_triangle_is_the_librarys(triangles: np.ndarray, points: np.ndarray) -> None:
    sides = triangles[:, 1:] - triangles[:, :1]
    area = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    longest = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
    sound = area > 1e-3 * longest**2  # the library divides by the area
    nearest = trimesh.triangles.closest_point(triangles[sound], points[sound])
    expected = np.linalg.norm(nearest - points[sound], axis=1)
    found = point_triangle_distances(points, triangles)
    np.testing.assert_allclose(found[sound], expected, atol=1e-6)
    corner = np.linalg.norm(triangles - points[:, None], axis=2).min(axis=1)
    assert (found <= corner + 1e-9).all()


def test_an_empty_triangle_is_a_line_or_a_point() -> None:
    line = np.array([[[0.0, 0, 0], [10, 0, 0], [4, 0, 0]], [[1.0, 1, 1]] * 3])
    found = point_triangle_distances(np.array([[5.0, 3, 0], [1, 1, 3]]), line)
    np.testing.assert_allclose(found, [3.0, 2.0])


@pytest.mark.parametrize("seed", range(3))
def test_distances_to_a_surface_try_enough_triangles(seed: int) -> None:
    """Few and large triangles among small ones, points near and far; against all triangles."""
    rng = np.random.default_rng(seed)
    small = trimesh.creation.icosphere(subdivisions=2, radius=20.0)
    large = trimesh.creation.box((90.0, 70.0, 0.5))
    large.vertices += rng.normal(0, 30, 3)
    mesh = trimesh.util.concatenate([small, large])
    points = rng.normal(0, [[2.0], [30.0], [300.0]], (3, 3))[rng.integers(3, size=60)]
    points = points + rng.normal(0, 20, (60, 3))
    found = Triangles(mesh.vertices, mesh.faces).distances(points)
    expected = [
        point_triangle_distances(np.tile(point, (len(mesh.faces), 1)), mesh.triangles).min()
        for point in points
    ]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_no_points_have_no_distances() -> None:
    mesh = trimesh.creation.icosphere(subdivisions=1)
    assert Triangles(mesh.vertices, mesh.faces).distances(np.zeros((0, 3))).shape == (0,)


@given(st.floats(0.3, 8.0))
def test_samples_share_the_whole_area(edge_mm: float) -> None:
    mesh = trimesh.creation.box((3.0, 4.0, 5.0))
    points, areas = area_samples(mesh.vertices, mesh.faces, edge_mm)
    assert areas.sum() == pytest.approx(mesh.area)
    assert (np.abs(Triangles(mesh.vertices, mesh.faces).distances(points)) < 1e-9).all()
    np.testing.assert_allclose(np.average(points, axis=0, weights=areas), 0.0, atol=1e-9)


@given(st.floats(0.5, 6.0))
def test_subdividing_covers_the_surface(edge_mm: float) -> None:
    """No place on the surface is further from a point than a triangle with such edges allows."""
    mesh = trimesh.Trimesh([[0, 0, 0], [9, 0, 0], [0, 4, 0], [9, 9, 3]], [[0, 1, 2], [1, 3, 2]])
    points = subdivide(mesh.vertices, mesh.faces, edge_mm)
    assert len(np.unique(points.round(9), axis=0)) == len(points)
    places, _ = area_samples(mesh.vertices, mesh.faces, 0.3)
    gaps = np.linalg.norm(places[:, None] - points[None], axis=2).min(axis=1)
    assert gaps.max() < edge_mm / np.sqrt(2)
