"""PRDL against its equations: targets, loss, gradient, empty parts, batches and approximations."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.systems.prdl.part_distances import (
    Average,
    PartTargets,
    batch_part_reprojection_loss,
    part_reprojection_loss,
)
from headwater.systems.prdl.point_sets import pixel_centres
from tests.systems.prdl.ellipse_face import (
    SIZE,
    apart,
    exact_targets,
    gradients,
    masks_of,
    points_of,
)
from tests.systems.prdl.slow_prdl import (
    ellipse_mask,
    ellipse_points,
    pixel_grid,
    slow_descriptors,
    slow_loss,
)

# Targets.


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(4, 40),
    width=st.integers(4, 40),
    filled=st.sampled_from([0.0, 0.01, 0.2, 0.9]),
)
def test_targets_are_the_distances_to_all_pixels(
    seed: int, height: int, width: int, filled: float
) -> None:
    masks = np.random.default_rng(seed).random((3, height, width)) < filled
    targets = exact_targets(masks)
    assert targets.present == tuple(masks.any(axis=(1, 2)))
    anchors = pixel_grid(height, width)
    for mask, found in zip(masks, targets.descriptors.flatten(2), strict=True):
        if not mask.any():
            assert not found.any()
            continue
        pixels = torch.from_numpy(pixel_centres(mask))
        squared = (anchors[:, None] - pixels).square().sum(dim=2)
        # The squares are whole numbers, and so tell whether the right pixels were found.
        assert torch.equal(found[0].square().round(), squared.amin(dim=1))
        assert torch.equal(found[1].square().round(), squared.amax(dim=1))
        torch.testing.assert_close(found[0], squared.amin(dim=1).sqrt(), rtol=1e-15, atol=0)
        torch.testing.assert_close(found[2], squared.sqrt().mean(dim=1), rtol=0, atol=1e-9)


def test_targets_of_some_pixels_of_a_part_are_exact_too() -> None:
    mask = masks_of()[2] & (np.random.default_rng(0).random((SIZE, SIZE)) < 0.3)
    wanted = slow_descriptors(torch.from_numpy(pixel_centres(mask)), pixel_grid(SIZE, SIZE))
    found = exact_targets(mask[None]).descriptors[0].flatten(1)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)


# The loss and its gradient, against all distances.


@pytest.mark.parametrize(
    ("dtype", "average", "value", "gradient"),
    [
        (torch.float64, "direct", 1e-12, 1e-9),
        (torch.float32, "direct", 1e-5, 3e-4),
        (torch.float64, "mesh", 1e-5, 1e-5),
        (torch.float32, "mesh", 1e-5, 3e-5),
    ],
)
def test_loss_and_gradient_are_those_of_all_distances(
    dtype: torch.dtype, average: Average, value: float, gradient: float
) -> None:
    weights = (1.0, 2.0, 0.5)
    exact = points_of()
    wanted = slow_loss(exact, masks_of(), weights)
    points = points_of(dtype)
    targets = PartTargets.of_masks(masks_of(), dtype=dtype)
    found = part_reprojection_loss(points, targets, weights=torch.tensor(weights), average=average)
    assert found.dtype == dtype
    assert found.item() == pytest.approx(wanted.item(), rel=value)
    assert apart(gradients(found, points), gradients(wanted, exact)) < gradient


@pytest.mark.parametrize("stride", [2, 3, 8])
def test_a_stride_is_the_loss_of_fewer_anchors(stride: int) -> None:
    points = points_of()
    wanted = slow_loss(points, masks_of(), stride=stride)
    found = part_reprojection_loss(points, exact_targets(), stride=stride, average="direct")
    assert found.item() == pytest.approx(wanted.item(), rel=1e-12)
    assert apart(gradients(found, points), gradients(wanted, points)) < 1e-9


def test_autograd_agrees_with_differences() -> None:
    points = [torch.rand(4, 2, generator=torch.Generator().manual_seed(3)).double() * 10 + 3]
    mask = ellipse_mask(16, (9, 8), (5, 3))[None]
    targets = exact_targets(mask)
    assert torch.autograd.gradcheck(
        lambda one: part_reprojection_loss([one], targets, average="direct"),
        [points[0].requires_grad_()],
    )


# Eqs. 8 to 12.


@settings(deadline=None, max_examples=20)
@given(
    vertex=st.tuples(st.floats(0, 30), st.floats(0, 30)),
    pixel=st.tuples(st.integers(0, 29), st.integers(0, 29)),
)
def test_a_point_is_pulled_along_the_line_to_each_anchor(
    vertex: tuple[float, float], pixel: tuple[int, int]
) -> None:
    point = torch.tensor([vertex], dtype=torch.float64, requires_grad=True)
    mask = np.zeros((1, 30, 30), dtype=bool)
    mask[0, pixel[1], pixel[0]] = True
    found = gradients(
        part_reprojection_loss([point], exact_targets(mask), average="direct"), [point]
    )[0]
    # With one point and one pixel the three distances are one: eq. 11, three times over.
    anchors, v = pixel_grid(30, 30), point.detach()
    d_m = (anchors - torch.tensor(pixel) - 0.5).norm(dim=1)
    d_n = (v - anchors).norm(dim=1)
    pull = 2 * (v - anchors) * torch.where(d_n > 1e-6, d_m / d_n - 1, 0)[:, None]
    torch.testing.assert_close(-found, 3 * pull.mean(dim=0), rtol=1e-10, atol=1e-10)


def test_the_pull_is_toward_an_anchor_that_is_too_far_and_away_from_one_too_near() -> None:
    mask = np.zeros((1, 4, 64), dtype=bool)
    mask[0, 1, 20] = True
    for place, sign in ((25.0, 1), (15.0, -1)):
        point = torch.tensor([[place, 1.5]], dtype=torch.float64, requires_grad=True)
        loss = part_reprojection_loss([point], exact_targets(mask), average="direct")
        assert torch.sign(gradients(loss, [point])[0, 0]) == sign


@pytest.mark.parametrize("average", ["mesh", "direct"])
def test_a_point_on_an_anchor_has_a_finite_gradient(average: Average) -> None:
    point = torch.tensor([[4.5, 4.5]], dtype=torch.float64, requires_grad=True)
    mask = np.zeros((1, 9, 9), dtype=bool)
    mask[0, 4, 4] = True
    loss = part_reprojection_loss([point], exact_targets(mask), average=average)
    assert gradients(loss, [point]).abs().max() < 0.1


# What changes the loss and what does not.


def test_pixels_compared_with_themselves_lose_nothing() -> None:
    masks = masks_of()
    points = [torch.from_numpy(pixel_centres(mask)).requires_grad_() for mask in masks]
    for average in ("mesh", "direct"):
        loss = part_reprojection_loss(points, exact_targets(), average=average)
        assert loss.item() < 1e-20
        assert gradients(loss, points).abs().max() < 1e-10


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), step=st.floats(0.01, 30))
def test_any_point_that_moves_costs(seed: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    mask = ellipse_mask(32, (15, 17), (9, 5))
    points = pixel_centres(mask)
    angle = rng.uniform(0, 2 * np.pi)
    points[rng.integers(len(points))] += step * np.array([np.cos(angle), np.sin(angle)])
    loss = part_reprojection_loss(
        [torch.from_numpy(points)], exact_targets(mask[None]), average="direct"
    )
    assert loss.item() > 0


def test_order_does_not_matter_and_repetition_matters_for_the_mean_alone() -> None:
    mask, anchors = masks_of()[:1], pixel_grid(SIZE, SIZE)
    (points, *_), targets = points_of(), exact_targets(masks_of()[:1])
    loss = part_reprojection_loss([points], targets)
    shuffled = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(0))]
    assert part_reprojection_loss([shuffled], targets).item() == pytest.approx(loss.item())
    repeated = torch.cat([points, points[:20]])
    found = part_reprojection_loss([repeated], targets, average="direct")
    wanted, before = (slow_descriptors(one, anchors) for one in (repeated, points))
    assert torch.equal(wanted[:2], before[:2])
    assert found.item() == pytest.approx(slow_loss([repeated], mask).item(), rel=1e-12)
    assert found.item() != pytest.approx(loss.item(), rel=1e-3)


def test_different_sets_with_equal_descriptors_lose_nothing() -> None:
    # At anchors on one line, a point and its mirror image are the same.
    mask = np.zeros((1, 4, 9), dtype=bool)
    mask[0, 1, 3] = True
    below = torch.tensor([[3.5, 3.5]], dtype=torch.float64)
    targets = PartTargets.of_masks(mask, dtype=torch.float64)
    assert float(part_reprojection_loss([below], targets, average="direct")) > 1
    # Stride 4 leaves row 2 alone, from which both are as far.
    assert float(part_reprojection_loss([below], targets, stride=4, average="direct")) < 1e-25


def test_moving_both_sets_changes_little() -> None:
    def loss(x: float, y: float) -> float:
        mask = ellipse_mask(160, (70 + x, 80 + y), (16, 7))[None]
        generator = torch.Generator().manual_seed(0)
        points = ellipse_points(300, (72 + x, 80 + y), (16, 7), generator)
        return float(part_reprojection_loss([points], exact_targets(mask)))

    assert loss(12, -9) == pytest.approx(loss(0, 0), rel=0.05)


def test_a_shift_costs_half_its_square_in_each_of_the_extremes() -> None:
    mask = ellipse_mask(160, (80, 80), (16, 7))
    targets = exact_targets(mask[None]).descriptors[0].flatten(1)
    moved = torch.from_numpy(pixel_centres(mask)) + torch.tensor([3.0, 0.0])
    costs = (slow_descriptors(moved, pixel_grid(160, 160)) - targets).square().mean(dim=1)
    assert (costs[:2] > 2.5).all()
    assert (costs[:2] < 6.5).all()
    whole = part_reprojection_loss([moved], exact_targets(mask[None]), average="direct")
    assert float(whole) == pytest.approx(float(costs.sum()), rel=1e-9)


# Empty parts and batches.


@pytest.mark.parametrize("average", ["mesh", "direct"])
@pytest.mark.parametrize("missing", ["pixels", "points"])
def test_an_empty_part_counts_nothing_and_leaves_the_others_alone(
    missing: str, average: Average
) -> None:
    masks, points = masks_of(), points_of()
    whole = points_of()
    if missing == "pixels":
        masks[1] = False
    else:
        points[1] = points[1].detach()[:0].requires_grad_()
    found = part_reprojection_loss(points, exact_targets(masks), average=average)
    alone = part_reprojection_loss(
        [whole[0], whole[2]], exact_targets(masks_of()[[0, 2]]), average=average
    )
    assert found.item() == pytest.approx(alone.item(), rel=1e-12)
    got = torch.autograd.grad(found, points, materialize_grads=True)
    wanted = torch.autograd.grad(alone, [whole[0], whole[2]])
    assert not got[1].any()
    torch.testing.assert_close(torch.cat([got[0], got[2]]), torch.cat(wanted))


def test_an_image_without_any_part_has_a_zero_gradient() -> None:
    points = points_of()
    loss = part_reprojection_loss(points, exact_targets(np.zeros_like(masks_of())))
    loss.backward()
    assert loss.item() == 0
    assert all(one.grad is not None and not one.grad.any() for one in points)


def test_a_batch_is_its_images_one_by_one() -> None:
    weights = torch.rand(4, 3, generator=torch.Generator().manual_seed(0)).double()
    masks = [masks_of() for _ in range(4)]
    masks[1][0], masks[2][:] = False, False
    batch = [points_of(seed=seed) for seed in range(4)]
    batch[3][2] = batch[3][2].detach()[:0].requires_grad_()
    targets = [exact_targets(one) for one in masks]
    found = batch_part_reprojection_loss(batch, targets, weights=weights, stride=2)
    alone = [
        part_reprojection_loss(points, target, weights=row, stride=2)
        for points, target, row in zip(batch, targets, weights, strict=True)
    ]
    torch.testing.assert_close(found, torch.stack(alone), rtol=1e-12, atol=0)
    leaves = list(itertools.chain.from_iterable(batch))
    torch.testing.assert_close(
        gradients(found.sum(), leaves), gradients(torch.stack(alone).sum(), leaves)
    )


# Approximations.


def test_errors_of_strides_are_as_stated() -> None:
    generator = torch.Generator().manual_seed(0)
    eye, skin = ((80, 95), (14, 5)), ((112, 120), (65, 85))
    targets = PartTargets.of_masks(np.stack([ellipse_mask(224, *eye), ellipse_mask(224, *skin)]))
    points = [
        (ellipse_points(count, *part, generator).float() + 2.2).requires_grad_()
        for count, part in ((215, eye), (3000, skin))
    ]
    full = gradients(part_reprojection_loss(points, targets), points)
    for stride, limit in ((2, 0.01), (4, 0.03), (8, 0.08)):
        sparse = gradients(part_reprojection_loss(points, targets, stride=stride), points)
        assert apart(sparse, full) < limit
