"""The mean distance of every pixel to a set, by all pairs and by the particle mesh."""

import numpy as np
import pytest
import torch
from torch import Tensor

from headwater.systems.prdl import mean_distances
from headwater.systems.prdl.mean_distances import (
    convolved,
    direct_means,
    direct_pull,
    mesh_means,
    mesh_pull,
)
from headwater.systems.prdl.point_search import Anchors, PointSets
from tests.systems.prdl.slow_prdl import ellipse_points, pixel_grid, slow_descriptors

SIZES = (120, 400, 1)


def sets_of(dtype: torch.dtype = torch.float64) -> tuple[PointSets, Tensor]:
    """Three sets in an image of 80 x 100 px, and unequal shares of their points."""
    generator = torch.Generator().manual_seed(0)
    points = [
        ellipse_points(120, (30, 20), (12, 5), generator),
        ellipse_points(400, (60, 50), (30, 25), generator),
        ellipse_points(1, (60, 50), (30, 25), generator),
    ]
    areas = [torch.rand(size, generator=generator, dtype=torch.float64) for size in SIZES]
    shares = torch.cat([area / area.sum() for area in areas])
    return PointSets.of(torch.cat(points).to(dtype), SIZES), shares.to(dtype)


def slow_means(sets: PointSets, shares: Tensor, anchors: Anchors) -> Tensor:
    places = pixel_grid(anchors.height, anchors.width, anchors.stride)
    pairs = zip(sets.points.split(sets.sizes), shares.split(sets.sizes), strict=True)
    return torch.stack([slow_descriptors(points, places, of)[2] for points, of in pairs])


def slow_pull(sets: PointSets, shares: Tensor, anchors: Anchors, weights: Tensor) -> Tensor:
    points = sets.points.clone().requires_grad_()
    moved = PointSets(points, sets.sizes, sets.member)
    (slow_means(moved, shares, anchors) * weights).sum().backward()
    assert points.grad is not None
    return points.grad


@pytest.mark.parametrize("stride", [1, 3])
def test_all_pairs_are_exact(stride: int) -> None:
    (sets, shares), anchors = sets_of(), Anchors(80, 100, stride)
    wanted = slow_means(sets, shares, anchors)
    torch.testing.assert_close(direct_means(sets, shares, anchors), wanted, rtol=1e-12, atol=0)
    weights = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(1)).double()
    pull = direct_pull(sets, shares, anchors, weights)
    wanted_pull = slow_pull(sets, shares, anchors, weights)
    torch.testing.assert_close(pull, wanted_pull, rtol=1e-9, atol=1e-12)


def test_blocks_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    (sets, shares), anchors = sets_of(), Anchors(80, 100)
    whole = direct_means(sets, shares, anchors)
    monkeypatch.setattr(mean_distances, "_PAIRS", {"cpu": 999})
    monkeypatch.setattr(mean_distances, "_MESHES", {"cpu": 1})
    torch.testing.assert_close(direct_means(sets, shares, anchors), whole, rtol=1e-12, atol=0)
    assert (mesh_means(sets, shares, anchors) - whole).abs().max() < 0.5


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_mesh_is_within_a_hundredth_of_a_pixel(stride: int, dtype: torch.dtype) -> None:
    (sets, shares), anchors = sets_of(dtype), Anchors(80, 100, stride)
    apart = (mesh_means(sets, shares, anchors) - direct_means(sets, shares, anchors)).abs()
    assert apart[:2].max() < 0.01
    # A single point is the worst, seen from the pixel beside it.
    assert apart[2].max() < 0.25


def test_the_mesh_pulls_as_all_pairs_do() -> None:
    (sets, shares), anchors = sets_of(), Anchors(80, 100)
    # Differences of descriptors are smooth; so is this.
    weights = direct_means(sets, shares, anchors) - 30.0
    exact = direct_pull(sets, shares, anchors, weights)
    apart = mesh_pull(sets, shares, anchors, weights) - exact
    for wrong, right in zip(apart.split(sets.sizes)[:2], exact.split(sets.sizes), strict=False):
        assert wrong.norm() < 2e-4 * right.norm()


def test_points_beyond_the_image_are_summed_directly() -> None:
    anchors = Anchors(40, 40)
    points = torch.tensor([[-30.0, 5.0], [0.2, 20.0], [60.0, 39.8], [20.5, 20.5]]).double()
    sets, shares = PointSets.of(points, (3, 1)), torch.tensor([0.5, 0.3, 0.2, 1.0]).double()
    exact = direct_means(sets, shares, anchors)
    torch.testing.assert_close(mesh_means(sets, shares, anchors), exact, rtol=1e-9, atol=1e-9)
    weights = torch.ones(2, 1600).double()
    wanted = direct_pull(sets, shares, anchors, weights)[:3]
    found = mesh_pull(sets, shares, anchors, weights)[:3]
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_point_on_an_anchor_is_pulled_by_the_others_alone() -> None:
    sets = PointSets.of(torch.tensor([[1.5, 1.5]]).double(), (1,))
    weights = torch.zeros(1, 9).double()
    weights[0, [4, 5]] = 1.0
    pull = direct_pull(sets, torch.ones(1).double(), Anchors(3, 3), weights)
    assert pull.tolist() == [[-1.0, 0.0]]


def test_convolution_sums_distances_of_pixels() -> None:
    image = torch.from_numpy(np.random.default_rng(0).random((2, 9, 14)))
    places = pixel_grid(9, 14)
    distances = torch.cdist(places, places)
    torch.testing.assert_close(
        convolved(image).flatten(1), image.flatten(1) @ distances, rtol=1e-12, atol=1e-11
    )
