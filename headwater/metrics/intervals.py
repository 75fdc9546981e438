"""Bootstrap confidence intervals over subjects."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVEL: Final = 0.95
RESAMPLES: Final = 10_000

FloatArray = NDArray[np.floating[Any]]


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % interval, NaN for fewer than two subjects."""

    value: float
    low: float
    high: float


def subject_means(values: FloatArray, subjects: Sequence[str]) -> NDArray[np.float64]:
    """Mean (s,) of the values (n,) of each subject, in the order of their names.

    What is drawn anew is people: several views of one head are no independent evidence. The order
    of the values changes nothing, so that a table read back has the intervals of what was written.
    """
    number = {subject: row for row, subject in enumerate(sorted(set(subjects)))}
    rows = np.array([number[subject] for subject in subjects], dtype=np.intp)
    counts = np.bincount(rows, minlength=len(number))
    return np.asarray(np.bincount(rows, np.asarray(values, np.float64), len(number)) / counts)


def mean_interval(values: FloatArray, seed: int) -> Interval:
    """Mean of values (n,), one per subject, with its percentile bootstrap interval.

    NaN when there is no value. The same values and seed give the same ends.
    """
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        return Interval(np.nan, np.nan, np.nan)
    return _interval(float(values.mean()), _resampled(values[None], seed)[0], len(values))


def difference_interval(ours: FloatArray, theirs: FloatArray, seed: int) -> Interval:
    """Mean of ``ours - theirs``, (n,) each and paired by subject, with its interval."""
    return mean_interval(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64), seed)


def ratio_interval(ours: FloatArray, theirs: FloatArray, seed: int) -> Interval:
    """Ratio of the means of ``ours`` and ``theirs``, (n,) each and paired by subject."""
    both = np.stack([ours, theirs]).astype(np.float64)
    if not both.shape[1]:
        return Interval(np.nan, np.nan, np.nan)
    means = both.mean(axis=1)
    drawn = _resampled(both, seed)
    return _interval(float(means[0] / means[1]), drawn[0] / drawn[1], both.shape[1])


def _resampled(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Means (k, RESAMPLES) of values (k, n) drawn with replacement, the same draw for all rows."""
    count = values.shape[1]
    rows = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    return np.stack([row[rows].mean(axis=1) for row in values])


def _interval(value: float, drawn: NDArray[np.float64], count: int) -> Interval:
    if count < 2:
        return Interval(value, np.nan, np.nan)
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(drawn, [tail, 100.0 - tail])
    return Interval(value, float(low), float(high))
