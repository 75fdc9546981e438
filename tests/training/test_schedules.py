from itertools import pairwise

import pytest

from headwater.training.schedules import (
    Rate,
    constant_then_linear,
    cosine,
    decay,
    milestones,
    warm_up,
)


def test_a_rate_without_factors_is_constant() -> None:
    assert {Rate(3e-4)(step) for step in (0, 7, 10**9)} == {3e-4}


def test_constant_then_linear_falls_to_zero() -> None:
    rates = [Rate(0.05, (constant_then_linear(60, 0.5),))(step) for step in range(61)]
    assert rates[:31] == [0.05] * 31
    assert all(b < a for a, b in pairwise(rates[30:]))
    assert rates[45] == pytest.approx(0.025)
    assert rates[60] == 0.0


def test_a_schedule_all_constant_does_not_divide_by_nothing() -> None:
    factor = constant_then_linear(10, 1.0)
    assert [factor(step) for step in (0, 9)] == [1.0, 1.0]


def test_warm_up_and_milestones_of_multi_neus() -> None:
    """1.8e-4, linear warm-up over 2,500 steps, times 0.316 at 330 k, 510 k and 680 k."""
    rate = Rate(1.8e-4, (warm_up(2500), milestones((330_000, 510_000, 680_000), 0.316)))
    expected = {
        0: 0.0,
        1250: 0.9e-4,
        2500: 1.8e-4,
        329_999: 1.8e-4,
        330_000: 1.8e-4 * 0.316,
        510_000: 1.8e-4 * 0.316**2,
        680_000: 1.8e-4 * 0.316**3,
        719_999: 1.8e-4 * 0.316**3,
    }
    assert {step: rate(step) for step in expected} == pytest.approx(expected)


def test_a_warm_up_may_begin_above_zero() -> None:
    assert [warm_up(4, 0.1)(step) for step in (0, 2, 4, 5)] == pytest.approx([0.1, 0.55, 1, 1])


def test_decay_per_epoch() -> None:
    assert [decay(0.9, 100)(step) for step in (0, 99, 100, 250)] == pytest.approx([1, 1, 0.9, 0.81])


def test_half_a_cosine() -> None:
    factors = [cosine(100, 0.02)(step) for step in (0, 50, 100, 150)]
    assert factors == pytest.approx([1.0, 0.51, 0.02, 0.02])
