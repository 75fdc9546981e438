"""Ratios that must move one way, on points moved by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headwater.faces.vocabulary import (
    LEFT_BROW,
    LEFT_UPPER_LID,
    LOWER_LIP_BOTTOM,
    LOWER_LIP_TOP,
    RIGHT_BROW,
    RIGHT_UPPER_LID,
)
from headwater.quality.edits import RIGHT_WAY, edit_figures, moved_right_way

MOVED_DOWN = {
    "closed_eyes": (*RIGHT_UPPER_LID[1:-1], *LEFT_UPPER_LID[1:-1]),
    "open_mouth": (*LOWER_LIP_TOP[1:-1], *LOWER_LIP_BOTTOM[1:-1]),
    "frown": (*RIGHT_BROW, *LEFT_BROW),
}


def face() -> NDArray[np.float32]:
    """Points far apart in x; brows at 20, lids at 40 over 60, lips at 60 over 90."""
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(0, 100, 478), np.full(478, 60.0)]).astype(np.float32)
    points[list(MOVED_DOWN["frown"]), 1] = 20.0
    points[list(MOVED_DOWN["closed_eyes"]), 1] = 40.0
    points[list(MOVED_DOWN["open_mouth"]), 1] = 90.0
    return points


@pytest.mark.parametrize("kind", sorted(RIGHT_WAY))
def test_moving_the_edited_part_down_is_the_right_way(kind: str) -> None:
    before = face()
    down, up = before.copy(), before.copy()
    down[list(MOVED_DOWN[kind]), 1] += 3.0
    up[list(MOVED_DOWN[kind]), 1] -= 3.0
    assert moved_right_way(kind, 1.0, before, down)
    assert not moved_right_way(kind, 1.0, before, up)
    assert not moved_right_way(kind, 1.0, before, before)


def test_shares_are_per_kind_and_method() -> None:
    edits = [("frown", "warp", True), ("frown", "warp", False), ("frown", "head_model", True)]
    assert edit_figures(edits) == {
        "expressions_frown_head_model_count": 1,
        "expressions_frown_head_model_right_way_rate": 1.0,
        "expressions_frown_warp_count": 2,
        "expressions_frown_warp_right_way_rate": 0.5,
    }
    assert edit_figures([]) == {}
