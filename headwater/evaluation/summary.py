"""Scores to figures: means over subjects with 95 % intervals, per test set and per stratum."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headwater.evaluation.challenge import Challenge, Figures, Metric, Score, Stratum
from headwater.metrics.intervals import Interval, mean_interval, ratio_interval, subject_means
from headwater.metrics.strata import bin_names, bin_numbers

SEED = 0
MOST_CHOSEN = 12
MOST_REASONS = 3
MOST_SAID = 4


@dataclass(frozen=True)
class Bin:
    """The headline metric where a condition was alike.

    name: "15_30", "2_up", "3". place: mean of the binned condition over all questions, failed ones
    too. subjects: in ``value``.
    """

    name: str
    place: float
    value: Interval
    subjects: int


def figures(
    challenge: Challenge, system: str, own: Sequence[Score], baselines: Sequence[Score]
) -> Figures:
    """All figures of a system, flat; the challenge's own way where it has one.

    The first test set's have the metrics' names, the others' begin with the test set's. Beside
    them the baselines' headline and the system's share of it, over subjects that both answered.
    """
    if challenge.figures is not None:
        return challenge.figures(system, own, baselines)
    figures: Figures = {}
    for number, test_set in enumerate(dict.fromkeys(score.test_set for score in own)):
        prefix = f"{test_set}_" if number else ""
        rows = [score for score in own if score.test_set == test_set]
        others = [score for score in baselines if score.test_set == test_set]
        found = _of_test_set(challenge, rows, others)
        figures |= {f"{prefix}{name}": value for name, value in found.items()}
    return figures


def chosen(challenge: Challenge, figures: Figures) -> tuple[str, ...]:
    """Names of the figures that builds are compared by."""
    if challenge.chosen is not None:
        return challenge.chosen()
    metrics = [metric.name for metric in challenge.metrics]
    first = [f"{metrics[0]}_low", f"{metrics[0]}_high", "failures", "subjects"]
    prefix = f"{metrics[0]}_ratio_to_"
    baselines = [
        name.removeprefix(prefix)
        for name in figures
        if name.startswith(prefix) and not name.endswith(("_low", "_high"))
    ]
    beside = [name for one in baselines for name in (f"{prefix}{one}", f"{one}_{metrics[0]}")]
    return tuple([*metrics[:3], *first, *beside][:MOST_CHOSEN])


def interval(scores: Iterable[Score]) -> Interval:
    """Mean of one metric over subjects, without answers that have none."""
    known = [score for score in scores if score.value is not None]
    values = np.array([score.value for score in known], np.float64)
    return mean_interval(subject_means(values, [score.subject for score in known]), SEED)


def headline_in_words(challenge: Challenge, figures: Mapping[str, float]) -> str | None:
    """The figures that a system is listed by with their intervals; None where none is known.

    The headline where the challenge lists no others, or these are not known.
    """
    known = [one for one in challenge.listed if one.name in figures]
    known = known or [one for one in (challenge.headline,) if one.name in figures]
    return ", ".join(_in_words(one, figures) for one in known) or None


def _in_words(metric: Metric, figures: Mapping[str, float]) -> str:
    low, high = figures.get(f"{metric.name}_low"), figures.get(f"{metric.name}_high")
    spread = f" ({low:.3g} to {high:.3g})" if low is not None and high is not None else ""
    return f"{metric.label} {figures[metric.name]:.3g} {metric.unit}".rstrip() + spread


def figures_in_words(figures: Mapping[str, float]) -> str:
    """The first figures of any kind by name, for people."""
    words = [f"{name.replace('_', ' ')} {figures[name]:.3g}" for name in sorted(figures)]
    return ", ".join([*words[:MOST_SAID], *_more(len(words) - MOST_SAID)])


def failures_in_words(challenge: Challenge, scores: Iterable[Score]) -> str:
    """The number of failed answers and the most frequent reasons, for people."""
    main = [score for score in scores if score.metric == challenge.headline.name]
    reasons = Counter(score.failure for score in main if score.failure is not None)
    words = "1 failure" if reasons.total() == 1 else f"{reasons.total()} failures"
    if not reasons:
        return words
    shown = [f"{reason} ({count})" for reason, count in reasons.most_common(MOST_REASONS)]
    return f"{words}: {', '.join([*shown, *_more(len(reasons) - MOST_REASONS)])}"


def _more(count: int) -> list[str]:
    return [f"{count} more"] if count > 0 else []


def bins(challenge: Challenge, stratum: Stratum, scores: Iterable[Score]) -> list[Bin]:
    """The headline metric of one system by a condition; bins without a question are left out."""
    placed = [
        (place, score)
        for score in scores
        if score.metric == challenge.headline.name
        and (place := stratum.place(score.conditions)) is not None
    ]
    places = np.array([place for place, _ in placed], np.float64)
    if not stratum.edges:
        names = [f"{place:g}" for place in sorted(set(places.tolist()))]
        numbers = np.searchsorted(np.unique(places), places)
    else:
        names, numbers = bin_names(stratum.edges), bin_numbers(places, stratum.edges)
    found = []
    for number, name in enumerate(names):
        rows = np.flatnonzero(numbers == number)
        if len(rows):
            members = [placed[row][1] for row in rows]
            subjects = {score.subject for score in members if score.value is not None}
            mean = float(places[rows].mean())
            found.append(Bin(name, mean, interval(members), len(subjects)))
    return found


def _of_test_set(challenge: Challenge, own: Sequence[Score], baselines: Sequence[Score]) -> Figures:
    figures: Figures = {}
    for metric in challenge.metrics:
        found = interval(score for score in own if score.metric == metric.name)
        figures |= _flat(metric.name, found)
    headline = challenge.headline.name
    main = [score for score in own if score.metric == headline]
    figures["subjects"] = len({score.subject for score in main if score.value is not None})
    figures["failures"] = sum(score.failure is not None for score in main)
    for name in dict.fromkeys(score.system for score in baselines):
        rows = [one for one in baselines if (one.system, one.metric) == (name, headline)]
        figures |= _flat(f"{name}_{headline}", interval(rows))
        ours, theirs = _paired(main, rows)
        figures |= _flat(f"{headline}_ratio_to_{name}", ratio_interval(ours, theirs, SEED))
    return figures


def _paired(own: Sequence[Score], others: Sequence[Score]) -> tuple[np.ndarray, np.ndarray]:
    """Means of the subjects that both have an answer for, subject by subject."""
    a, b = _by_subject(own), _by_subject(others)
    both = sorted(set(a) & set(b))
    return np.array([a[s] for s in both]), np.array([b[s] for s in both])


def _by_subject(scores: Sequence[Score]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for score in scores:
        if score.value is not None:
            values.setdefault(score.subject, []).append(score.value)
    return {subject: float(np.mean(own)) for subject, own in values.items()}


def _flat(name: str, found: Interval) -> Figures:
    named = {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return {key: value for key, value in named.items() if np.isfinite(value)}
