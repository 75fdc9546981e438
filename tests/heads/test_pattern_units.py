"""Patterns of head models: which units they move, and that their lips and lids follow."""

import numpy as np
import pytest

from headwater.errors import HeadwaterError
from headwater.expressions.effects import effects
from headwater.expressions.head_units import pattern_expression
from headwater.expressions.patterns import PATTERNS
from headwater.heads.contact import lip_contact
from headwater.heads.model import HeadModel
from headwater.heads.sampling import sample_expression, sample_shape
from tests.rendering.heads import ball_head


def none(model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    zeros = np.zeros(len(model.shape_names), np.float32)
    resting = lip_contact(model).closed(zeros, np.zeros(len(model.expression_names), np.float32))
    return zeros, resting


def seen(model: HeadModel, shape: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """Landmarks (478, 2) of a head, seen from the front, in mm, y down."""
    points = model.landmarks_478.on(model.vertices(shape, expression))
    return (points[:, :2] * (1, -1)).astype(np.float32)


@pytest.mark.parametrize("towards", [-1, 1])
@pytest.mark.parametrize("name", PATTERNS)
def test_a_neutral_heads_landmarks_show_the_pattern(
    anny: HeadModel, name: str, towards: int
) -> None:
    shape, neutral = none(anny)
    made = pattern_expression(anny, PATTERNS[name], shape, neutral, strength=1.0, towards=towards)
    assert ((made >= 0) & (made <= 1)).all()
    before, after = seen(anny, shape, neutral), seen(anny, shape, made)
    for effect in effects(PATTERNS[name], 1.0, before, after):
        assert effect.reached, effect


@pytest.mark.parametrize("name", PATTERNS)
def test_strength_goes_from_nothing_to_all(anny: HeadModel, name: str) -> None:
    shape, neutral = none(anny)
    points = [
        seen(
            anny,
            shape,
            pattern_expression(anny, PATTERNS[name], shape, neutral, strength=strength, towards=1),
        )
        for strength in (0.0, 0.5, 1.0)
    ]
    np.testing.assert_allclose(points[0], seen(anny, shape, neutral), atol=0.05)
    moved = [np.linalg.norm(one - points[0], axis=1).mean() for one in points]
    if name != "mouth_and_eye_none":
        assert 0 < moved[1] < moved[2]


@pytest.mark.parametrize("drop", [12, 25, 40, 60])
def test_lips_part_by_the_share_of_the_mouths_width(anny: HeadModel, drop: int) -> None:
    shape, neutral = none(anny)
    pattern = PATTERNS[f"open_mouth_{drop}"]
    made = pattern_expression(anny, pattern, shape, neutral, strength=1.0, towards=1)
    before, after = seen(anny, shape, neutral), seen(anny, shape, made)
    width = np.linalg.norm(before[61] - before[291])
    opened = (after[14, 1] - after[13, 1]) - (before[14, 1] - before[13, 1])
    assert opened == pytest.approx(drop / 100 * width, rel=0.1)


def test_open_lips_of_any_head_meet_when_they_close(anny: HeadModel) -> None:
    lips = lip_contact(anny)
    rng = np.random.default_rng(3)
    for name in ("mouth_and_eye_none", "frown_both_closed"):
        for _ in range(5):
            shape = sample_shape(anny, rng)
            own = sample_expression(anny, rng)
            own[anny.expression_names.index("jawOpen")] = 0.6
            made = pattern_expression(anny, PATTERNS[name], shape, own, strength=1.0, towards=1)
            assert abs(lips.parted_mm(shape, made)).max() < 4.0


def test_a_model_without_the_units_is_named() -> None:
    ball = ball_head()
    with pytest.raises(HeadwaterError, match="'ball' has no unit for 'closed_eye_left'"):
        pattern_expression(
            ball,
            PATTERNS["closed_eye_left"],
            np.zeros(1, np.float32),
            np.zeros(0, np.float32),
            strength=1.0,
            towards=1,
        )
