"""Bootstrap intervals against another implementation, and what an interval must do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from headwater.metrics.intervals import (
    difference_interval,
    mean_interval,
    ratio_interval,
    subject_means,
)

values = st.lists(st.floats(0.1, 10.0), min_size=2, max_size=30).map(np.array)


def test_the_ends_are_those_of_scipys_percentile_bootstrap() -> None:
    data = np.random.default_rng(0).gamma(2.0, 1.0, 67)
    found = mean_interval(data, seed=1)
    expected = bootstrap((data,), np.mean, n_resamples=20_000, method="percentile")
    assert found.value == pytest.approx(data.mean())
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.02)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.02)


def test_the_true_mean_is_inside_about_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    inside = [
        interval.low <= 0.0 <= interval.high
        for interval in (mean_interval(rng.normal(0, 1, 40), seed) for seed in range(150))
    ]
    assert 0.88 < np.mean(inside) < 0.99


@settings(max_examples=25)
@given(values, st.integers(0, 5))
def test_an_interval_holds_its_value_and_is_the_same_every_time(
    data: np.ndarray, seed: int
) -> None:
    found = mean_interval(data, seed)
    assert found == mean_interval(data, seed)
    assert data.min() - 1e-9 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= data.max() + 1e-9
    moved = mean_interval(data + 5.0, seed)
    np.testing.assert_allclose(moved, np.array(found) + 5.0, atol=1e-9)


@settings(max_examples=25)
@given(values)
def test_pairs_that_differ_by_a_constant_or_a_factor_leave_no_doubt(data: np.ndarray) -> None:
    np.testing.assert_allclose(difference_interval(data + 0.25, data, 0), [0.25] * 3, atol=1e-9)
    np.testing.assert_allclose(ratio_interval(0.6 * data, data, 0), [0.6] * 3, atol=1e-9)


def test_pairing_tells_what_separate_intervals_do_not() -> None:
    rng = np.random.default_rng(0)
    hard = rng.gamma(2.0, 1.0, 40)
    ours, theirs = hard, hard + 0.1 + rng.normal(0, 0.05, 40)
    assert mean_interval(ours, 0).high > mean_interval(theirs, 0).low
    assert difference_interval(ours, theirs, 0).high < 0


def test_too_few_subjects_have_no_interval() -> None:
    assert np.isnan(mean_interval(np.zeros(0), 0)).all()
    assert np.isnan(ratio_interval(np.zeros(0), np.zeros(0), 0)).all()
    one = mean_interval(np.array([2.0]), 0)
    assert one.value == 2.0
    assert np.isnan([one.low, one.high]).all()


def test_a_subject_counts_once_however_many_views_it_has() -> None:
    found = subject_means(np.array([1.0, 3.0, 10.0]), ["a", "a", "b"])
    np.testing.assert_allclose(found, [2.0, 10.0])


@given(st.permutations(range(12)))
def test_the_order_of_the_rows_changes_no_interval(order: list[int]) -> None:
    rng = np.random.default_rng(0)
    data, subjects = rng.gamma(2.0, 1.0, 12), [f"subject {number // 2}" for number in range(12)]
    plain = mean_interval(subject_means(data, subjects), 0)
    mixed = mean_interval(subject_means(data[order], [subjects[row] for row in order]), 0)
    np.testing.assert_allclose(mixed, plain, rtol=1e-12)
