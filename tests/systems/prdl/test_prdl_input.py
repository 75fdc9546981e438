"""What PRDL takes: precision, devices and bad input."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from headwater.errors import HeadwaterError
from headwater.systems.prdl.part_distances import (
    PartTargets,
    batch_part_reprojection_loss,
    part_reprojection_loss,
)
from tests.systems.prdl.ellipse_face import SIZE, exact_targets, gradients, masks_of, points_of


def test_autocast_changes_nothing() -> None:
    points, targets = points_of(torch.float32), PartTargets.of_masks(masks_of())
    wanted = part_reprojection_loss(points, targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = part_reprojection_loss(points, targets)
        assert torch.equal(gradients(found, points), gradients(wanted, points))
    assert torch.equal(found, wanted)


def test_half_precision_is_refused() -> None:
    points = [one.detach().bfloat16() for one in points_of()]
    with pytest.raises(HeadwaterError, match=r"float32 or float64.*bfloat16.*autocast"):
        part_reprojection_loss(points, exact_targets())


def test_points_that_are_not_finite_are_refused() -> None:
    points = [one.detach() for one in points_of()]
    points[1][3, 0] = torch.nan
    with pytest.raises(HeadwaterError, match="not finite"):
        part_reprojection_loss(points, exact_targets())


def test_other_parts_images_and_sizes_are_refused() -> None:
    points, targets = points_of(), exact_targets()
    with pytest.raises(HeadwaterError, match="same images and parts"):
        part_reprojection_loss(points[:2], targets)
    with pytest.raises(HeadwaterError, match="same images and parts"):
        batch_part_reprojection_loss([points], [targets, targets])
    smaller = exact_targets(masks_of()[:, 1:])
    with pytest.raises(HeadwaterError, match="one size"):
        batch_part_reprojection_loss([points, points], [targets, smaller])


@pytest.mark.parametrize("stride", [0, -2, SIZE + 1])
def test_strides_without_an_anchor_are_refused(stride: int) -> None:
    with pytest.raises(HeadwaterError, match="stride must be from 1 to 72"):
        part_reprojection_loss(points_of(), exact_targets(), stride=stride)


@pytest.mark.parametrize(
    "masks", [np.zeros((2, 5, 5), np.uint8), np.zeros((5, 5), bool), np.zeros((1, 1, 5), bool)]
)
def test_masks_of_other_kinds_are_refused(masks: NDArray[np.bool_]) -> None:
    with pytest.raises(HeadwaterError, match="booleans of shape"):
        PartTargets.of_masks(masks)


def test_targets_move_to_a_device() -> None:
    moved = exact_targets().to(torch.device("meta"))
    assert moved.descriptors.is_meta
    assert moved.present == (True, True, True)
