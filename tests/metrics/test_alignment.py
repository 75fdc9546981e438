"""AFLW2000-3D's errors against hand values, and its bins of yaw; checklist 13."""

import numpy as np
import pytest

from headwater.metrics.alignment import (
    alignment_nme,
    box_size,
    by_yaw,
    from_depth_origin,
)

POINTS = np.array([[0.0, 0.0, 5.0], [40.0, 0.0, 7.0], [40.0, 10.0, 30.0], [0.0, 10.0, 6.0]])


def test_the_box_is_that_of_the_image_alone() -> None:
    assert box_size(POINTS) == pytest.approx(20.0)
    assert box_size(POINTS[:, :2]) == pytest.approx(20.0)


def test_equal_points_have_no_error_and_moved_ones_their_distance() -> None:
    assert alignment_nme(POINTS, POINTS, 20.0) == 0.0
    moved = POINTS + np.array([3.0, 4.0, 12.0])
    assert alignment_nme(moved[:, :2], POINTS[:, :2], 20.0) == pytest.approx(5.0 / 20.0)
    assert alignment_nme(moved, POINTS, 20.0) == pytest.approx(13.0 / 20.0)


@pytest.mark.parametrize("origin", ["least", "mean"])
def test_a_shift_in_depth_costs_nothing_under_either_origin(origin: str) -> None:
    moved = POINTS + np.array([0.0, 0.0, 999.0])
    pair = from_depth_origin(moved, origin), from_depth_origin(POINTS, origin)
    assert alignment_nme(*pair, 20.0) == pytest.approx(0.0)


def test_a_wrong_scale_of_depth_costs_what_the_origin_makes_of_it() -> None:
    """Depths 5, 7, 30, 6: doubled, those counted from the least are off by 0, 2, 25 and 1."""
    doubled = POINTS * np.array([1.0, 1.0, 2.0])
    least, mean = (
        alignment_nme(from_depth_origin(doubled, one), from_depth_origin(POINTS, one), 1.0)
        for one in ("least", "mean")
    )
    assert least == pytest.approx((0 + 2 + 25 + 1) / 4)
    assert mean == pytest.approx((7 + 5 + 18 + 6) / 4)


def test_bins_hold_their_upper_end_and_count_either_side() -> None:
    yaws = np.array([0.0, -30.0, 30.1, -60.0, 60.1, -100.0])
    found = by_yaw(np.array([1.0, 3.0, 4.0, 6.0, 9.0, 11.0]), yaws)
    assert found.counts == (2, 2, 2)
    assert found.errors == (2.0, 5.0, 10.0)
    assert found.mean == pytest.approx(17.0 / 3)


def test_the_mean_is_that_of_the_bins_and_not_of_the_pictures() -> None:
    yaws = np.concatenate([np.zeros(1312), np.full(383, 45.0), np.full(305, 80.0)])
    found = by_yaw(np.concatenate([np.ones(1312), np.full(383, 2.0), np.full(305, 6.0)]), yaws)
    assert found.counts == (1312, 383, 305)
    assert found.mean == 3.0


def test_an_empty_bin_leaves_no_mean() -> None:
    found = by_yaw(np.array([1.0]), np.array([5.0]))
    assert found.counts == (1, 0, 0)
    assert np.isnan(found.mean)
