"""PRDL as a whole: where a pixel's centre is, its memory, and that it leads a fit to its part."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.part_distances import GOAL_MB, peak_growth_mb
from headwater.systems.prdl.part_distances import (
    PartTargets,
    batch_part_reprojection_loss,
    part_reprojection_loss,
)
from headwater.systems.prdl.point_sets import pixel_centres
from tests.systems.prdl.slow_prdl import ellipse_mask, ellipse_points

# Half a pixel matters where a part is six pixels high.


def quad(across: float, down: float) -> NDArray[np.float64]:
    """Corners (4, 2) px of a turned rectangle at depth 10, seen by the paper's pinhole."""
    corners = np.array([[-0.3, -0.2], [0.3, -0.2], [0.3, 0.2], [-0.3, 0.2]])
    turn = np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    return 112 + 1015 * (corners @ turn + [across, down]) / 10.0


def covered(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels (224, 224) whose centres lie within the corners (4, 2) px."""
    places = np.stack(np.meshgrid(*2 * [np.arange(224) + 0.5]), axis=-1)[:, :, None] - corners
    edges = np.roll(corners, -1, axis=0) - corners
    return (edges[:, 0] * places[..., 1] - edges[:, 1] * places[..., 0] > 0).all(axis=2)


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.31, -0.23), (-0.172, 0.4)])
def test_pixels_of_a_quad_have_its_projection_as_their_middle(place: tuple[float, float]) -> None:
    corners = quad(*place)
    mask = covered(corners)
    pixels = pixel_centres(mask)
    assert np.abs(pixels.mean(axis=0) - corners.mean(axis=0)).max() < 0.05

    def loss(shift: float) -> float:
        targets = PartTargets.of_masks(mask[None])
        return part_reprojection_loss([torch.from_numpy(pixels + shift)], targets).item()

    assert loss(0.0) < 1e-8
    # A pixel's corner taken for its centre is noticed.
    assert loss(-0.5) > 0.1


# Memory.


def test_memory_grows_by_megabytes() -> None:
    assert peak_growth_mb("ours") < GOAL_MB


@pytest.mark.slow  # keeps every distance: three gigabytes
def test_memory_of_the_naive_way_grows_by_gigabytes() -> None:
    assert peak_growth_mb("naive") > 2000


def test_a_batch_of_32_runs() -> None:
    generator = torch.Generator().manual_seed(0)
    target = PartTargets.of_masks(ellipse_mask(224, (112, 120), (65, 85))[None])
    batch = [
        [ellipse_points(800, (112, 121), (64, 85), generator).float().requires_grad_()]
        for _ in range(32)
    ]
    losses = batch_part_reprojection_loss(batch, [target] * 32, stride=4)
    losses.sum().backward()
    assert losses.shape == (32,)
    assert all(points.grad is not None and points.grad.isfinite().all() for (points,) in batch)


# A fit of an ellipse that begins beside its part.

FIT_PX = 128
START = (30.0, 30.0, 12.0, 12.0, 0.0)
# Middle, axes and angle of the part.
WANTED = (92.0, 88.0, 22.0, 9.0, 0.5)
# Of the 400 that the specification grants.
STEPS = 200


def placed(parameters: Tensor, unit: Tensor) -> Tensor:
    """Points of the unit disc (n, 2) in the ellipse of middle, logarithms of axes, and angle."""
    x, y, along, across, angle = parameters
    points = unit * torch.stack([along, across]).exp()
    turn = torch.stack(
        [torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])]
    )
    return points @ turn + torch.stack([x, y])


def start() -> Tensor:
    x, y, along, across, angle = START
    return torch.tensor([x, y, math.log(along), math.log(across), angle], requires_grad=True)


def ellipse(parameters: Tensor) -> NDArray[np.bool_]:
    x, y, along, across, angle = parameters.tolist()
    rows, columns = np.mgrid[:FIT_PX, :FIT_PX] + 0.5
    dx, dy = columns - x, rows - y
    right = (dx * math.cos(angle) + dy * math.sin(angle)) / math.exp(along)
    down = (dy * math.cos(angle) - dx * math.sin(angle)) / math.exp(across)
    return right**2 + down**2 < 1


def part() -> NDArray[np.bool_]:
    x, y, along, across, angle = WANTED
    return ellipse(torch.tensor([x, y, math.log(along), math.log(across), angle]))


def overlap(found: NDArray[np.bool_]) -> float:
    return float((found & part()).sum() / (found | part()).sum())


def fitted(loss: Callable[[Tensor], Tensor]) -> Tensor:
    parameters = start()
    # Pixels and logarithms differ in scale; Adam's steps are as long in each.
    scale = torch.tensor([1.0, 1.0, 0.02, 0.02, 0.02])
    steps = torch.zeros(5, requires_grad=True)
    # The first gradients are many times the last.
    adam = torch.optim.Adam([steps], lr=1.0, betas=(0.9, 0.95))
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    for _ in range(STEPS):
        adam.zero_grad()
        loss(parameters.detach() + steps * scale).backward()
        adam.step()
        falling.step()
    return (parameters + steps * scale).detach()


def unit_disc() -> Tensor:
    """Points (300, 2) spread evenly over the unit disc, as a sunflower's seeds are."""
    number = torch.arange(300) + 0.5
    radius, angle = (number / 300).sqrt(), number * (math.pi * (3 - math.sqrt(5)))
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def test_a_fit_that_begins_beside_the_part_ends_on_it() -> None:
    targets, unit = PartTargets.of_masks(part()[None]), unit_disc()
    found = fitted(lambda one: part_reprojection_loss([placed(one, unit)], targets, stride=4))
    assert overlap(ellipse(start())) == 0
    assert overlap(ellipse(found)) >= 0.95


@pytest.mark.parametrize("sigma", [1.0, 10.0])
def test_soft_silhouettes_give_it_no_direction(sigma: float) -> None:
    # SoftRas: an edge is as soft as a sigmoid of the signed squared distance to it, over sigma.
    rows, columns = torch.meshgrid(*2 * [torch.arange(FIT_PX) + 0.5], indexing="ij")
    x, y, along, *_ = parameters = start()
    away = torch.sqrt((columns - x) ** 2 + (rows - y) ** 2) - along.exp()
    soft = torch.sigmoid(-away.sign() * away**2 / sigma)
    wanted = torch.from_numpy(part()).float()
    loss = 1 - (soft * wanted).sum() / (soft + wanted - soft * wanted).sum()
    pull = torch.autograd.grad(loss, parameters)[0]
    assert pull[:2].abs().max() < 1e-6


def test_chamfer_ends_farther_away() -> None:
    pixels, unit = torch.from_numpy(pixel_centres(part())).float(), unit_disc()

    def chamfer(one: Tensor) -> Tensor:
        squared = torch.cdist(placed(one, unit), pixels).square()
        return squared.amin(dim=0).mean() + squared.amin(dim=1).mean()

    assert overlap(ellipse(fitted(chamfer))) < 0.8
