"""The pose solver: exact cases, and the same minimum as a slow general solver."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from headwater.geometry.cameras import Camera, look_at, project, rotation_angle_degrees
from headwater.geometry.pose import PosePrior, Sighting, refined_camera, solve_pose
from headwater.geometry.registration import Similarity

RNG = np.random.default_rng(0)
POINTS = RNG.uniform((-60, -60, 20), (60, 60, 90), (20, 3))
K = np.array([[1500.0, 3.0, 250.0], [0, 1450.0, 260.0], [0, 0, 1]])
SEEDS = st.integers(0, 2**31 - 1)


def cameras(count: int, rng: np.random.Generator) -> list[Camera]:
    places = rng.normal(0, 250, (count, 3)) + (0, 0, 900)
    return [Camera(K, *look_at(place, (0, 0, 50), 10.0), 512, 512) for place in places]


def rigid(rng: np.random.Generator, degrees: float, mm: float) -> Similarity:
    turn = Rotation.from_rotvec(rng.normal(0, degrees, 3), degrees=True).as_matrix()
    return Similarity(1.0, turn, rng.normal(0, mm, 3))


def sightings(
    count: int, place: Similarity, rng: np.random.Generator, noise_px: float
) -> list[Sighting]:
    """Views of the points at ``place``, with gross errors where there is noise."""
    seen = []
    for camera in cameras(count, rng):
        pixels, _ = project(camera, place.apply(POINTS))
        pixels += rng.normal(0, noise_px, pixels.shape)
        if noise_px:
            pixels[:2] += 40.0
        seen.append(Sighting(camera, pixels, rng.uniform(0.1, 0.6, len(POINTS))))
    return seen


def slow_pose(
    seen: list[Sighting], start: Similarity, prior: PosePrior | None
) -> tuple[Similarity, float]:
    """The same sum, by a general solver from differences, and its value."""

    def placed(x: np.ndarray) -> Similarity:
        turn = Rotation.from_rotvec(x[:3]).as_matrix()
        return Similarity(1.0, turn @ start.rotation, start.translation + 100 * x[3:])

    def residuals(x: np.ndarray) -> np.ndarray:
        errors = [
            (project(one.camera, placed(x).apply(POINTS))[0] - one.pixels) * one.weights[:, None]
            for one in seen
        ]
        if prior is not None:
            errors += [x[:3] / np.deg2rad(prior.degrees), 100 * x[3:] / prior.shift_mm]
        return np.concatenate([error.ravel() for error in errors])

    found = least_squares(
        residuals, np.zeros(6), "3-point", loss="soft_l1", xtol=1e-14, ftol=1e-14, gtol=1e-12
    )
    return placed(found.x), float(found.cost)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.integers(1, 4))
def test_exact_pixels_give_the_exact_pose(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    place = rigid(rng, 20.0, 30.0)
    found = solve_pose(POINTS, sightings(count, place, rng, 0.0), Similarity.identity())
    assert rotation_angle_degrees(found.rotation, place.rotation) < 1e-4
    assert np.abs(found.apply(POINTS) - place.apply(POINTS)).max() < 1e-3


@pytest.mark.parametrize("prior", [None, PosePrior(1.5, 5.0), PosePrior(20.0, 5.0)])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_same_minimum_as_a_general_solver(seed: int, count: int, prior: PosePrior | None) -> None:
    """Rough pixels, gross errors, a start that is turned itself, a pull towards it."""
    rng = np.random.default_rng(seed)
    start = rigid(rng, 30.0, 40.0)
    seen = sightings(count, rigid(rng, 8.0, 10.0).after(start), rng, 1.5)
    found = solve_pose(POINTS, seen, start, prior)
    wanted, _ = slow_pose(seen, start, prior)
    assert rotation_angle_degrees(found.rotation, wanted.rotation) < 1e-3
    assert np.abs(found.apply(POINTS) - wanted.apply(POINTS)).max() < 5e-3


def test_one_point_on_the_axis_shifts_as_the_pinhole_says() -> None:
    """f / z px per mm: 10 px to the right at f = 1000, z = 500 are 5 mm."""
    camera = Camera(np.diag([1000.0, 1000.0, 1.0]), np.eye(3), np.zeros(3), 512, 512)
    points = np.array([[-10.0, 0, 0], [10.0, 0, 0], [0, 10.0, 0], [0, -10.0, 0]])
    pixels = points[:, :2] * 1000 / 500 + [10.0, 0.0]
    start = Similarity(1.0, np.eye(3), np.array([0.0, 0.0, 500.0]))
    found = solve_pose(points, [Sighting(camera, pixels, np.ones(4))], start)
    np.testing.assert_allclose(found.translation, [5.0, 0.0, 500.0], atol=1e-3)


def test_a_strong_prior_holds_the_start_and_a_weak_one_does_not() -> None:
    rng = np.random.default_rng(3)
    place = rigid(rng, 5.0, 5.0)
    seen = sightings(3, place, rng, 0.0)
    start = Similarity.identity()
    held = solve_pose(POINTS, seen, start, PosePrior(1e-4, 1e-4))
    free = solve_pose(POINTS, seen, start, PosePrior(1e4, 1e4))
    assert np.abs(held.apply(POINTS) - POINTS).max() < 0.1
    assert np.abs(free.apply(POINTS) - place.apply(POINTS)).max() < 0.01


def test_a_start_behind_the_camera_is_left() -> None:
    seen = sightings(1, Similarity.identity(), np.random.default_rng(4), 0.0)
    behind = Similarity(1.0, np.eye(3), np.array([0.0, 0.0, 3000.0]))
    assert solve_pose(POINTS, seen, behind) == behind


def test_a_refined_camera_is_the_one_that_saw_the_points() -> None:
    (camera,) = cameras(1, np.random.default_rng(5))
    pixels, _ = project(camera, POINTS)
    rough = rigid(np.random.default_rng(6), 4.0, 15.0)
    start = replace(camera, R=camera.R @ rough.rotation, t=camera.t + rough.translation)
    found = refined_camera(start, POINTS, pixels)
    assert rotation_angle_degrees(found.R, camera.R) < 1e-4
    np.testing.assert_allclose(found.t, camera.t, atol=1e-2)
    assert (found.K == camera.K).all()
