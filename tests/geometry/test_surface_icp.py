"""Points registered to a surface: where the descent ends, and that it ends at all."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headwater.geometry.registration import Similarity, umeyama
from headwater.geometry.surface_icp import Registration, surface_icp
from headwater.geometry.triangles import Triangles
from tests.metrics import heads as toys

HEAD = toys.egg(3)


def pose(seed: int, degrees: float = 6.0, shift_mm: float = 4.0) -> Similarity:
    rng = np.random.default_rng(seed)
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * rng.normal(size=3) / np.sqrt(3))
    return Similarity(1.0, turn.as_matrix(), shift_mm * rng.normal(size=3))


def other_head(seed: int, noise_mm: float = 0.0) -> np.ndarray:
    """The egg with other proportions, bent a little."""
    rng = np.random.default_rng(seed)
    waves = np.sin(HEAD.vertices @ rng.normal(0.0, 0.02, (3, 3)) + rng.uniform(0, 6, 3))
    vertices = HEAD.vertices * rng.uniform(0.95, 1.05, 3) + 2.0 * waves
    return vertices + rng.normal(0.0, noise_mm, vertices.shape)


def front(vertices: np.ndarray = HEAD.vertices) -> np.ndarray:
    return vertices[HEAD.vertices[:, 2] > 10.0]


def registered(points: np.ndarray, vertices: np.ndarray, **options: float) -> Registration:
    return surface_icp(points, Triangles(vertices, HEAD.faces), Similarity.identity(), **options)


def cost(found: Registration) -> float:
    return float((found.distances**2).sum())


def point_to_point(points: np.ndarray, surface: Triangles, steps: int = 500) -> np.ndarray:
    """Distances (n,) after plain point-to-point ICP with exact closest points."""
    moved = points
    for _ in range(steps):
        closest = surface.closest(moved)
        feet = moved - closest.distances[:, None] * closest.directions
        former, moved = moved, umeyama(points, feet, with_scale=False).apply(points)
        if np.abs(moved - former).max() < 1e-6:
            break
    return surface.distances(moved)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_points_of_the_surface_find_their_places(seed: int) -> None:
    points = front()
    found = registered(pose(seed).inverse().apply(points), HEAD.vertices)
    assert found.converged
    np.testing.assert_allclose(
        found.transform.apply(pose(seed).inverse().apply(points)), points, atol=2e-2
    )
    assert found.distances.max() < 2e-2


@settings(max_examples=4)
@given(seed=st.integers(0, 2**32 - 1), noise_mm=st.sampled_from([0.0, 0.3]))
def test_the_descent_ends_where_point_to_point_icp_ends(seed: int, noise_mm: float) -> None:
    points, surface = front(), Triangles(other_head(seed, noise_mm), HEAD.faces)
    found = surface_icp(points, surface, Similarity.identity())
    slow = point_to_point(points, surface)
    assert found.converged
    assert found.rms == pytest.approx(np.sqrt((slow**2).mean()), rel=2e-3)
    assert cost(found) <= (slow**2).sum() * (1 + 1e-3)


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_small_motion_lowers_the_squared_distances_further(seed: int) -> None:
    points, surface = front(), Triangles(other_head(seed), HEAD.faces)
    found = surface_icp(points, surface, Similarity.identity(), tolerance=1e-5)
    placed = found.transform.apply(points)
    for axis in range(3):
        turn = 1e-3 * np.eye(3)[axis]
        for sign in (-1.0, 1.0):
            shifted = placed + sign * 0.05 * np.eye(3)[axis]
            turned = Rotation.from_rotvec(sign * turn).apply(placed - placed.mean(0)) + placed.mean(
                0
            )
            for moved in (shifted, turned):
                assert (surface.distances(moved) ** 2).sum() >= cost(found) * (1 - 1e-5)


def test_points_above_a_plane_fall_onto_it_in_one_step_and_slide_nowhere() -> None:
    plane = Triangles(np.array([[-99.0, -99, 0], [99, -99, 0], [0, 99, 0]]), np.array([[0, 1, 2]]))
    points = np.array([[0.0, 0, 7], [9, 0, 7], [0, 9, 7], [-5, -5, 7]])
    found = surface_icp(points, plane, Similarity.identity())
    assert found.converged
    np.testing.assert_allclose(found.transform.apply(points), points - [0, 0, 7], atol=2e-2)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_the_unit_is_the_callers(unit: float) -> None:
    vertices = other_head(5)
    plain = registered(front(), vertices)
    scaled = registered(unit * front(), unit * vertices, tolerance=2e-2 * unit)
    assert scaled.steps == plain.steps
    np.testing.assert_allclose(scaled.distances / unit, plain.distances, atol=1e-6)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_rough_and_far_surfaces_end_the_descent_and_never_raise_the_distances(seed: int) -> None:
    vertices = other_head(seed, noise_mm=8.0)
    start = pose(seed, degrees=25.0, shift_mm=20.0)
    surface = Triangles(vertices, HEAD.faces)
    first = surface.distances(start.apply(front()))
    found = surface_icp(front(), surface, start)
    assert found.converged
    assert cost(found) <= (first**2).sum()
    np.testing.assert_allclose(
        found.distances, surface.distances(found.transform.apply(front())), atol=1e-9
    )


def test_a_descent_says_when_it_ran_out_of_steps() -> None:
    found = registered(front() + [5.0, 0, 0], other_head(1), max_steps=1)
    assert (found.steps, found.converged) == (1, False)


def test_a_mesh_registered_to_itself_stays() -> None:
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=80.0)
    found = surface_icp(mesh.vertices, Triangles(mesh.vertices, mesh.faces), Similarity.identity())
    assert (found.steps, found.converged) == (0, True)
    np.testing.assert_array_equal(found.transform.rotation, np.eye(3))
