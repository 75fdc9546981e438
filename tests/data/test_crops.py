"""Crops of views: one metric size, in place, with nothing behind the head."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headwater.data.crops import crop_views, network_images
from headwater.data.scenes import Heads, Views
from tests.systems.toy_heads import IMAGE_PX, toy_head, toy_template, toy_views

TEMPLATE = toy_template()


@pytest.fixture(scope="module")
def two_heads() -> tuple[Heads, Views]:
    """Two heads that differ in size, width and nose, in three views each."""
    shapes = [toy_head(0.93, 0.95, 18.0)[0], toy_head(1.07, 1.05, 32.0)[0]]
    heads = Heads(np.stack(shapes), np.array(["small", "large"]))
    return heads, toy_views(heads, 3, seed=2)


def test_crops_keep_what_the_camera_sees_in_place(two_heads: tuple[Heads, Views]) -> None:
    """Landmarks mapped into the crop are where the crop's own projection puts the head's."""
    heads, views = two_heads
    crops = crop_views(views, TEMPLATE.nose_bridge, 64, 280.0)
    points = (TEMPLATE.landmarks_68(heads.vertices[0]) - TEMPLATE.nose_bridge) / 100.0
    homogeneous = np.concatenate([points, np.ones((68, 1))], axis=1)
    for i in np.flatnonzero(views.head == 0):
        projected = homogeneous @ crops.projection[i].numpy().T
        projected = projected[:, :2] / projected[:, 2:]
        np.testing.assert_allclose(projected, crops.landmarks[i].numpy(), atol=0.01)
    up = crops.landmarks[:, 27:28] - crops.landmarks[:, 8:9]
    assert (up.abs()[..., 0] < 40).all()
    masks = crops.pixels[..., 3].float() / 255
    assert 0.1 < float(masks.mean()) < 0.9


def test_a_pixel_is_the_same_length_at_any_distance(two_heads: tuple[Heads, Views]) -> None:
    """Twice as far with twice the focal length gives the same crop but for perspective."""
    _, views = two_heads
    near = views.choose(np.array([0]))
    zoomed = near.K * np.array([[[2.0, 1, 1], [1, 2.0, 1], [1, 1, 1]]], np.float32)
    far = replace(near, t=2 * near.t, K=zoomed)
    a, b = (crop_views(v, TEMPLATE.nose_bridge, 64, 280.0) for v in (near, far))
    assert IMAGE_PX >= 64
    scale_a, scale_b = (
        torch.linalg.det(c.projection[0, :2, :2]).abs().sqrt() / c.projection[0, 2, 3]
        for c in (a, b)
    )
    assert float(scale_a) == pytest.approx(float(scale_b), rel=0.06)


def test_the_background_is_zero_after_normalising() -> None:
    pixels = torch.full((1, 4, 4, 4), 200, dtype=torch.uint8)
    pixels[0, :2, :, 3] = 0
    pixels[0, 2:, :, 3] = 255
    images = network_images(pixels)
    assert images[0, :, :2].abs().max() == 0
    assert (images[0, 3, 2:] == 1).all()
    assert (images[0, :3, 2:] > 0).all()
