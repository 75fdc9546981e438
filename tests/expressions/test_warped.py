"""Patterns by the warp: how far the lids of a closing eye go."""

import numpy as np
import pytest

from headwater.expressions.amounts import drawn_amounts
from headwater.expressions.patterns import PATTERNS
from headwater.expressions.warped import pattern_mask, pattern_moves
from headwater.faces import vocabulary as sets
from tests.expressions.faces import drawn_face, parts_of


@pytest.mark.parametrize("strength", [1.0, 0.75, 0.5, 0.2])
def test_lids_close_by_the_strength_of_the_expression(strength: float) -> None:
    face = drawn_face()
    amounts = drawn_amounts(np.random.default_rng(0))
    mask = pattern_mask(parts_of(face), face, PATTERNS["closed_eye_right"], amounts, strength)
    before = face[:, :2].astype(np.float64)
    after = before.copy()
    for point, move in pattern_moves(before, mask).items():
        after[point] += move
    gaps = [
        points[list(sets.RIGHT_LOWER_LID), 1] - points[list(sets.RIGHT_UPPER_LID), 1]
        for points in (before, after)
    ]
    np.testing.assert_allclose(gaps[1], (1.0 - strength) * gaps[0], atol=1e-3)
    unmoved = list(sets.LEFT_UPPER_LID)
    np.testing.assert_array_equal(after[unmoved], before[unmoved])
