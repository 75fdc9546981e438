"""Axes of the first view's camera in place of canonical ones, as LVD has them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.spatial.transform import Rotation

from headwater.data.scenes import Views
from headwater.descent.camera_axes import (
    axes_of,
    camera_axes,
    turned_back,
    turned_cameras,
    turned_points,
)
from headwater.descent.config import GlvdConfig
from headwater.descent.features import project
from headwater.descent.reconstruct import reconstruct
from headwater.descent.train import build
from headwater.descent.weights import TrainedGlvd
from tests.systems.test_glvd_heatmaps import TEMPLATE, TOY, VIEWS, head_targets

CAMERA = TOY.model_copy(
    update={"space": "camera", "template_prior": False, "landmark_features": 0, "most_views": 2}
)


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
    """What is seen does not change, and turning back undoes it."""
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


def looking(yaw_degrees: float) -> Views:
    """A toy view with its camera turned about the head, to compare cameras, not pictures."""
    turn = Rotation.from_euler("y", yaw_degrees, degrees=True).as_matrix()
    pose = (np.diag([1.0, -1.0, -1.0]) @ turn).astype(np.float32)
    view = VIEWS.choose(np.array([0]))
    bare = np.full_like(view.landmarks_478_px, np.nan)
    return replace(view, R=pose[None], t=np.float32([[0, 0, 800]]), landmarks_478_px=bare)


def test_only_what_is_not_seen_from_the_front_is_found_in_other_axes() -> None:
    """Without landmarks a view stands as its camera says; from the front both axes are the same."""
    targets = head_targets()
    network = build(CAMERA, targets, TEMPLATE, 3).eval()
    camera = TrainedGlvd(network, CAMERA, TEMPLATE)
    canonical = TrainedGlvd(network, CAMERA.model_copy(update={"space": "canonical"}), TEMPLATE)
    front, side = looking(0.0), looking(30.0)
    found = reconstruct(camera, front, iterations=2).vertices
    np.testing.assert_allclose(
        found, reconstruct(canonical, front, iterations=2).vertices, atol=0.05
    )
    found = reconstruct(camera, side, iterations=2).vertices
    assert np.abs(found - reconstruct(canonical, side, iterations=2).vertices).max() > 1.0


def test_first_points_turn_with_the_camera() -> None:
    """No step made, the ball of first points has the axes of the first view's camera."""
    network = build(CAMERA, head_targets(), TEMPLATE, 3).eval()
    camera = TrainedGlvd(network, CAMERA, TEMPLATE)
    front, side = (reconstruct(camera, looking(a), iterations=1).steps[0] for a in (0.0, 30.0))
    origin = TEMPLATE.nose_bridge
    turn = Rotation.from_euler("y", 30.0, degrees=True).as_matrix()
    np.testing.assert_allclose((side - origin) @ turn.T, front - origin, atol=0.05)


def test_what_is_known_before_is_canonical() -> None:
    content = CAMERA.model_dump() | {"template_prior": True}
    with pytest.raises(ValidationError, match="space camera goes without"):
        GlvdConfig.model_validate(content)
