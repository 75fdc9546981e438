"""Exact distances to triangle surfaces, beside every triangle tried one by one."""

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headwater.geometry import triangles as boxes
from headwater.geometry.triangles import Triangles, feet, squared_distances
from tests.metrics import heads as toys

coordinates = st.floats(-100, 100, width=32)


def rowwise(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Squared distances (n,) of points (n, 3) to triangles (n, 3, 3)."""
    return squared_distances(points.T, np.moveaxis(triangles, 0, -1))


def slow_distances(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance (n,) of each point (n, 3) to the nearest of all triangles."""
    corners = np.asarray(vertices, np.float64)[faces]
    return np.array([np.sqrt(rowwise(np.tile(p, (len(faces), 1)), corners).min()) for p in points])


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
    found = np.sqrt(rowwise(points, triangles))
    np.testing.assert_allclose(found[sound], expected, atol=1e-6)
    corner = np.linalg.norm(triangles - points[:, None], axis=2).min(axis=1)
    assert (found <= corner + 1e-9).all()


def test_an_empty_triangle_is_a_line_or_a_point() -> None:
    line = np.array([[[0.0, 0, 0], [10, 0, 0], [4, 0, 0]], [[1.0, 1, 1]] * 3])
    found = rowwise(np.array([[5.0, 3, 0], [1, 1, 3]]), line)
    np.testing.assert_allclose(found, [9.0, 4.0])


@given(
    faces=st.integers(1, 70),
    size=st.sampled_from([0.0, 1.0, 30.0, 1e4, 1e6]),
    spread=st.sampled_from([0.0, 20.0, 1e4]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_triangles_have_the_distances_of_all_tried(
    faces: int, size: float, spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sizes = size * rng.random((faces, 1, 1)) ** 4
    corners = spread * rng.normal(size=(faces, 1, 3)) + sizes * rng.normal(size=(faces, 3, 3))
    vertices, numbers = corners.reshape(-1, 3), np.arange(3 * faces).reshape(-1, 3)
    points = np.concatenate([corners[:, 0], 30.0 * rng.normal(size=(20, 3)), 0 * corners[0]])
    found = Triangles(vertices, numbers).distances(points)
    scale = max(1.0, float(np.abs(vertices).max()))
    np.testing.assert_allclose(
        found, slow_distances(vertices, numbers, points), rtol=1e-12, atol=1e-15 * scale
    )


@pytest.mark.fault("any prediction is judged within a bound on memory and time")
@pytest.mark.parametrize("noise_mm", [0.0, 1.0, 20.0])
def test_a_rough_head_has_the_distances_of_all_triangles(noise_mm: float) -> None:
    rng = np.random.default_rng(0)
    mesh = toys.egg(3)
    vertices = mesh.vertices + rng.normal(0.0, noise_mm, mesh.vertices.shape)
    points = np.concatenate([mesh.vertices[::9], toys.rigid(mesh.vertices[::9]), [[0, 0, 0]]])
    np.testing.assert_allclose(
        Triangles(vertices, mesh.faces).distances(points),
        slow_distances(vertices, mesh.faces, points),
        atol=1e-12,
    )


@pytest.mark.fault("any prediction is judged within a bound on memory and time")
def test_how_much_is_taken_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The middle of a sphere is equally far from all triangles: there nothing can be left out."""
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=20.0)
    points = np.concatenate([np.zeros((50, 3)), 9.0 * mesh.vertices[:50]])
    whole = Triangles(mesh.vertices, mesh.faces).distances(points)
    monkeypatch.setattr(boxes, "POINTS", 7)
    monkeypatch.setattr(boxes, "PAIRS", 5)
    np.testing.assert_array_equal(Triangles(mesh.vertices, mesh.faces).distances(points), whole)
    np.testing.assert_allclose(whole, slow_distances(mesh.vertices, mesh.faces, points), atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), noise_mm=st.sampled_from([0.0, 4.0]))
def test_directions_are_the_gradient_of_the_distance(seed: int, noise_mm: float) -> None:
    rng = np.random.default_rng(seed)
    mesh = toys.egg(2)
    surface = Triangles(mesh.vertices + rng.normal(0, noise_mm, mesh.vertices.shape), mesh.faces)
    points = mesh.vertices[::5] + rng.normal(0.0, 6.0, mesh.vertices[::5].shape)
    closest = surface.closest(points)
    np.testing.assert_array_equal(closest.distances, surface.distances(points))
    feet = points - closest.distances[:, None] * closest.directions
    np.testing.assert_allclose(surface.distances(feet), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(closest.directions, axis=1), 1.0)
    # Towards the foot the distance shrinks by as much as the point moves.
    nearer = points - 0.5 * closest.distances[:, None] * closest.directions
    np.testing.assert_allclose(surface.distances(nearer), 0.5 * closest.distances, atol=1e-6)


def test_the_direction_on_the_surface_is_its_normal() -> None:
    surface = Triangles(np.array([[0.0, 0, 5], [9, 0, 5], [0, 9, 5]]), np.array([[0, 1, 2]]))
    closest = surface.closest(np.array([[2.0, 2, 5], [2, 2, 7], [2, 2, 1], [-3, 2, 5]]))
    np.testing.assert_allclose(closest.distances, [0.0, 2.0, 4.0, 3.0], atol=1e-12)
    np.testing.assert_allclose(closest.directions, [[0, 0, 1], [0, 0, 1], [0, 0, -1], [-1, 0, 0]])


def test_a_triangle_without_area_gives_no_direction_on_itself() -> None:
    surface = Triangles(np.array([[0.0, 0, 0], [9, 0, 0], [4, 0, 0]]), np.array([[0, 1, 2]]))
    closest = surface.closest(np.array([[2.0, 0, 0], [2, 3, 0]]))
    np.testing.assert_allclose(closest.directions, [[0, 0, 0], [0, 1, 0]])


@given(seed=st.integers(0, 2**32 - 1), wide=st.sampled_from([1.0, 100.0, 1e4]))
def test_feet_lie_as_far_off_as_the_distance_says_on_slivers_too(seed: int, wide: float) -> None:
    """Corners in one line but for rounding, whose normal may point anywhere."""
    rng = np.random.default_rng(seed)
    start, along = wide * rng.normal(size=(3, 50)), 10.0 ** rng.uniform(-3, 3) * rng.normal(size=3)
    ends = [start + share * along[:, None] for share in (0.0, 1.0, rng.random(50))]
    triangles = np.stack([ends[corner] for corner in rng.permutation(3)])
    points = triangles.mean(axis=0) + rng.choice([0.0, 1e-9, 1.0], 50) * rng.normal(size=(3, 50))
    away = np.linalg.norm(points - feet(points, triangles), axis=0)
    expected = np.sqrt(squared_distances(points, triangles))
    np.testing.assert_allclose(away, expected, rtol=1e-9, atol=1e-9 * max(1.0, wide))


@given(seed=st.integers(0, 2**32 - 1))
def test_a_guess_changes_no_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mesh = toys.egg(2)
    surface = Triangles(mesh.vertices, mesh.faces)
    points = mesh.vertices + rng.normal(0.0, 8.0, mesh.vertices.shape)
    guess = rng.integers(0, len(mesh.faces), len(points))
    np.testing.assert_allclose(
        surface.closest(points, guess).distances, surface.distances(points), rtol=1e-12
    )


def test_no_points_have_no_distances() -> None:
    mesh = trimesh.creation.icosphere(subdivisions=1)
    assert Triangles(mesh.vertices, mesh.faces).distances(np.zeros((0, 3))).shape == (0,)


def test_triangles_are_found_again_in_the_given_faces() -> None:
    ball = trimesh.creation.icosphere(subdivisions=2)
    surface = Triangles(ball.vertices, ball.faces)
    found = surface.nearest_faces(1.1 * ball.triangles_center)
    np.testing.assert_array_equal(found, np.arange(len(ball.faces)))
