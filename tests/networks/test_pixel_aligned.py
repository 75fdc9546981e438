"""Projection, sampling and the mean over views."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headwater.data.canonical import canonical_projection
from headwater.networks.pixel_aligned import mean_over_views, pixel_aligned, project, sample

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_a_coordinate_ramp_is_sampled_at_the_projected_pixel(seed: int) -> None:
    """Compared with the camera's own formula, point by point; y goes down."""
    rng = np.random.default_rng(seed)
    side, cells = 64, 32
    centres = (torch.arange(cells) + 0.5) * (side / cells)
    v, u = torch.meshgrid(centres, centres, indexing="ij")
    maps = torch.stack([u, v])[None, None]
    turn = np.diag([1.0, -1.0, -1.0]) @ Rotation.from_rotvec(rng.normal(0, 0.3, 3)).as_matrix()
    shift = np.array([rng.normal(0, 5), rng.normal(0, 5), rng.uniform(500, 900)])
    intrinsics = np.array([[100.0, 0, 31.0], [0, 110.0, 33.0], [0, 0, 1]])
    origin = rng.normal(0, 20, 3)
    points = rng.uniform(-1, 1, (30, 3))
    projection = torch.tensor(canonical_projection(intrinsics, turn, shift, origin)).float()
    pixels, depth = project(torch.tensor(points).float()[None], projection[None, None])
    features, valid = sample(maps, pixels, depth, side)
    for point, pixel, feature, seen in zip(
        points, pixels[0, 0], features[0, 0], valid[0, 0], strict=True
    ):
        camera = turn @ (100.0 * point + origin) + shift
        expected = (intrinsics @ camera)[:2] / camera[2]
        np.testing.assert_allclose(pixel, expected, atol=1e-3)
        inside = bool(((expected > 1) & (expected < side - 1)).all())
        if inside:
            assert seen
            np.testing.assert_allclose(feature, expected, atol=1e-3)


def test_views_that_do_not_see_a_point_are_left_out() -> None:
    maps = torch.ones(1, 3, 1, 8, 8) * torch.tensor([1.0, 2.0, 5.0])[None, :, None, None, None]
    front = torch.tensor([[20.0, 0, 8, 0], [0, 20.0, 8, 0], [0, 0, 1, 2.0]])
    front[:2, 3] = front[:2, 2] * 2
    off_image = front.clone()
    off_image[0] += 100 * off_image[2]
    behind = torch.cat([front[:, :3], front[:, 3:] - 4 * torch.tensor([[8.0], [8.0], [1.0]])], 1)
    point = torch.zeros(1, 1, 3)
    both = pixel_aligned(maps, point, torch.stack([front, front, off_image])[None], 16)
    torch.testing.assert_close(both, torch.full((1, 1, 1), 1.5))
    one = pixel_aligned(maps, point, torch.stack([front, behind, behind])[None], 16)
    torch.testing.assert_close(one, torch.ones(1, 1, 1))
    none = pixel_aligned(maps, point, torch.stack([off_image, behind, behind])[None], 16)
    torch.testing.assert_close(none, torch.zeros(1, 1, 1))


@pytest.mark.parametrize("views", [1, 2, 3, 6])
def test_the_mean_over_views_weighs_all_at_once_bit_for_bit(views: int) -> None:
    generator = torch.Generator().manual_seed(views)
    features = torch.randn(2, views, 16, 50, generator=generator).transpose(2, 3)
    valid = torch.rand(2, views, 50, generator=generator) > 0.3
    weight = valid.float()[..., None]
    expected = (features * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
    assert torch.equal(mean_over_views(features, valid), expected)


def test_the_mean_over_views_is_a_plain_mean_where_all_see() -> None:
    features = torch.randn(2, 3, 5, 4)
    seen = torch.ones(2, 3, 5, dtype=torch.bool)
    torch.testing.assert_close(mean_over_views(features, seen), features.mean(dim=1))


def test_one_view_gives_the_same_as_two_of_which_one_sees_nothing() -> None:
    features = torch.randn(2, 1, 7, 5, generator=torch.Generator().manual_seed(4))
    seen = torch.tensor([[[True, False, True, True, False, True, True]]]).expand(2, 1, 7)
    two = torch.cat([features, torch.full_like(features, 3.0)], dim=1)
    blind = torch.cat([seen, torch.zeros_like(seen)], dim=1)
    assert torch.equal(mean_over_views(features, seen), mean_over_views(two, blind))
    assert not mean_over_views(features, seen)[:, 1].any()
