"""Optimal-step non-rigid ICP, beside a dense twin that solves the equations as they are printed."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headwater.geometry.nonrigid_icp import Keypoints, nonrigid_icp
from tests.geometry.slow_nonrigid_icp import slow_nonrigid_icp


def patch(side: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A bumpy patch: vertices (side^2, 3) and faces."""
    x, y = np.meshgrid(np.linspace(-2, 2, side), np.linspace(-2, 2, side))
    z = 0.3 * np.sin(2 * x + seed) * np.cos(1.5 * y) - 0.2 * x**2
    number = np.arange(side * side).reshape(side, side)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    faces = np.concatenate([np.stack(t, 2).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    return np.stack([x, y, z], 2).reshape(-1, 3), faces


def known_keypoints(vertices: np.ndarray, rows: list[int]) -> Keypoints:
    shift = np.random.default_rng(1).normal(0.1, 0.05, (len(rows), 3))
    return Keypoints(np.array(rows), vertices[rows] + shift)


@pytest.mark.parametrize("with_keypoints", [True, False])
@pytest.mark.parametrize("size", [1.0, 4.0])
def test_it_equals_the_dense_solution(with_keypoints: bool, size: float) -> None:
    vertices, faces = (size * patch(7)[0], patch(7)[1])
    targets = size * patch(7, seed=1)[0] + [0.2, -0.1, 0.1]
    # Some targets are so far away that they do not count.
    targets[:3] += 40.0
    keypoints = known_keypoints(vertices, [8, 17, 22, 31, 40, 46]) if with_keypoints else None
    ours = nonrigid_icp(vertices, faces, targets, keypoints)
    np.testing.assert_allclose(
        ours, slow_nonrigid_icp(vertices, faces, targets, keypoints), atol=1e-4 * size
    )
    assert np.abs(ours - vertices).max() > 0.1


@pytest.mark.parametrize("with_keypoints", [True, False])
def test_points_on_their_targets_stay(with_keypoints: bool) -> None:
    vertices, faces = patch(9)
    rows = np.array([3, 30, 50, 70])
    keypoints = Keypoints(rows, vertices[rows]) if with_keypoints else None
    bent = nonrigid_icp(vertices, faces, vertices.copy(), keypoints)
    np.testing.assert_allclose(bent, vertices, atol=1e-8)


def test_the_same_input_gives_the_same_bytes() -> None:
    vertices, faces = patch(9)
    targets = patch(9, seed=2)[0]
    first, again = (nonrigid_icp(vertices, faces, targets) for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_a_turned_patch_is_bent_back_onto_itself() -> None:
    vertices, faces = patch(15)
    turned = vertices @ Rotation.from_euler("xyz", [4, -3, 5], degrees=True).as_matrix().T
    rows = np.array([16, 28, 112, 196, 208])
    bent = nonrigid_icp(turned, faces, vertices, Keypoints(rows, vertices[rows]))
    assert np.linalg.norm(turned - vertices, axis=1).mean() > 0.1
    assert np.linalg.norm(bent - vertices, axis=1).mean() < 0.02


def test_flat_pieces_and_lone_triangles_move_as_little_as_they_must() -> None:
    """Neither the affine maps of a flat patch nor those of a single triangle are determined."""
    vertices, faces = patch(9)
    flat = vertices * [1, 1, 0]
    apart = np.concatenate([flat, [[9.0, 9, 0], [9, 10, 0], [10, 9, 0]]])
    joined = np.concatenate([faces, [[81, 82, 83]]])
    targets = apart + [0, 0, 0.2]
    bent = nonrigid_icp(apart, joined, targets, Keypoints(np.array([0]), targets[:1]))
    np.testing.assert_allclose(bent, targets, atol=1e-3)
