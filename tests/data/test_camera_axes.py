"""Axes of the first view's camera in place of canonical ones, as LVD has them."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from headwater.data.camera_axes import (
    axes_of,
    camera_axes,
    turned_back,
    turned_cameras,
    turned_points,
)
from headwater.networks.pixel_aligned import project


def cameras(count: int, seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Projections (count, 3, 4) and their rotations (count, 3, 3), OpenCV."""
    rng = np.random.default_rng(seed)
    turn = Rotation.from_euler("yxz", rng.uniform(-0.7, 0.7, (count, 3))).as_matrix()
    rotation = np.diag([1.0, -1.0, -1.0]) @ turn
    intrinsics = np.array([[310.0, 0.0, 61.0], [0.0, 310.0, 66.0], [0.0, 0.0, 1.0]])
    shift = np.array([[0.1], [-0.2], [8.0]]) * np.ones((count, 1, 1))
    pose = np.concatenate([rotation, shift], axis=2)
    return torch.from_numpy(intrinsics @ pose).float(), rotation


def test_the_axes_are_the_cameras_with_y_up_and_z_towards_it() -> None:
    projection, rotation = cameras(5, seed=1)
    wanted = np.diag([1.0, -1.0, -1.0]) @ rotation
    np.testing.assert_allclose(camera_axes(projection).numpy(), wanted, atol=2e-4)


def test_points_and_cameras_turn_together() -> None:
    """The pixels stay the same, and turning back undoes it."""
    projection, _ = cameras(6, seed=2)
    projection = projection.reshape(2, 3, 3, 4)
    points = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    axes = axes_of("camera", projection)
    pixels, depth = project(points, projection)
    turned, same_depth = project(turned_points(points, axes), turned_cameras(projection, axes))
    torch.testing.assert_close(turned, pixels, atol=2e-2, rtol=0)
    torch.testing.assert_close(same_depth, depth, atol=1e-4, rtol=0)
    torch.testing.assert_close(
        turned_back(turned_points(points, axes), axes), points, atol=1e-5, rtol=0
    )


def test_canonical_axes_change_nothing_at_all() -> None:
    projection, _ = cameras(2, seed=3)
    axes = axes_of("canonical", projection[:, None])
    points = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(turned_points(points, axes), points)
    assert torch.equal(turned_cameras(projection[:, None], axes), projection[:, None])
