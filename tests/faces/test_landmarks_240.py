"""The 240 landmarks: their table, on mirrored faces, and on photos."""

import numpy as np

from headwater.faces import vocabulary as sets
from headwater.faces.landmarks_240 import (
    DENSE_134,
    EYES_106,
    LIPS_106,
    MIRROR_PARTNERS_240,
    POINTS_240,
    SHARES_240,
)
from tests.faces.mixed_landmarks import CONTOUR_240, landmarks_240


def test_the_table_names_two_points_and_their_shares() -> None:
    assert POINTS_240.shape == SHARES_240.shape == (240, 2)
    assert POINTS_240.min() >= 0
    assert POINTS_240.max() < 478
    assert (SHARES_240 >= 0).all()
    np.testing.assert_allclose(SHARES_240.sum(axis=1), 1.0)


def test_a_point_that_is_not_seen_leaves_out_its_own_landmarks_alone() -> None:
    points = np.zeros((478, 2), np.float32)
    points[sets.NOSE_TIP] = np.nan
    unseen = np.isnan(landmarks_240(points)).any(axis=1)
    np.testing.assert_array_equal(unseen, (POINTS_240 == sets.NOSE_TIP).any(axis=1))
    assert unseen.sum() == 1


def test_the_106_hold_the_jaw_the_lips_and_the_bridge_of_the_68() -> None:
    points = np.random.default_rng(1).normal(size=(478, 3))
    ours, ibug = landmarks_240(points), sets.ibug68(points)
    np.testing.assert_allclose(ours[CONTOUR_240][::2], ibug[sets.IBUG_JAW], atol=1e-6)
    np.testing.assert_allclose(ours[LIPS_106], ibug[sets.IBUG_MOUTH], atol=1e-6)
    np.testing.assert_allclose(ours[51:55], ibug[27:31], atol=1e-6)


def test_partners_are_each_others_and_swap_the_sides() -> None:
    partner = MIRROR_PARTNERS_240
    np.testing.assert_array_equal(partner[partner], np.arange(240))
    np.testing.assert_array_equal(partner[CONTOUR_240], np.arange(32, -1, -1))
    assert set(partner[66:75]) == set(range(75, 84))
    assert set(partner[106:128]) == set(range(128, 150))
    assert (partner[106:] >= 106).all()
    # Of a face and its mirror image.
    points = np.random.default_rng(2).normal(size=(478, 2))
    mirrored = points[sets.MIRROR_PARTNERS] * (-1, 1)
    np.testing.assert_allclose(
        landmarks_240(mirrored), landmarks_240(points)[partner] * (-1, 1), atol=1e-6
    )


def test_they_lie_where_a_photo_shows_their_part(portraits) -> None:
    for portrait in portraits:
        found = landmarks_240(portrait.landmarks)
        ends = portrait.landmarks[:, :2]
        for rows, loop in (
            (range(106, 128), sets.RIGHT_EYE),
            (range(128, 150), sets.LEFT_EYE),
            (range(150, 163), sets.RIGHT_BROW),
            (range(163, 176), sets.LEFT_BROW),
            (range(176, 208), sets.OUTER_LIPS),
            (range(208, 240), sets.INNER_LIPS),
        ):
            low, high = ends[list(loop)].min(axis=0), ends[list(loop)].max(axis=0)
            assert (found[list(rows), :2] >= low - 0.01).all()
            assert (found[list(rows), :2] <= high + 0.01).all()
        assert found[EYES_106, 1].max() < found[LIPS_106, 1].min()
        assert np.isfinite(found[DENSE_134]).all()
