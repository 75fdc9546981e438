"""Figures of a system on the benchmark, flat, with 95 % intervals, beside the baselines."""

from collections.abc import Sequence
from typing import Final

from headwater.benchmark.baselines import LANDMARK_FIT, MEAN_HEAD
from headwater.benchmark.table import SetRows, of_system
from headwater.benchmark.trials import HELD_OUT
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.summary import Figures, compare, flat, summarise

FACE: Final = "face_chamfer"
_TWICE: Final = ("honest_face_mm", "honest_face_mm_low", "honest_face_mm_high")


def figures(system: str, rows: SetRows, baselines: SetRows) -> Figures:
    """All figures of ``system``, over the heads on which neither it nor a baseline failed.

    One view of held-out heads has plain names; the others begin with ``views_3_`` and the like, and
    with the test set's name.
    """
    found: Figures = {}
    for test_set, members in rows.items():
        for views in sorted({row.views for row in members}):
            own = of_system(members, system, views)
            prefix = "" if test_set == HELD_OUT else f"{test_set}_"
            prefix += "" if views == 1 else f"views_{views}_"
            members_figures = _set_figures(own, baselines.get(test_set, []), views)
            found |= {f"{prefix}{name}": value for name, value in members_figures.items()}
    return found


def _set_figures(
    own: Sequence[BenchmarkRow], others: Sequence[BenchmarkRow], views: int
) -> Figures:
    mean = compare(own, of_system(others, MEAN_HEAD, views))
    fit = compare(own, of_system(others, LANDMARK_FIT, views))
    named: Figures = {
        **flat(f"{FACE}_mm", mean.ours),
        **flat(f"{MEAN_HEAD}_{FACE}_mm", mean.theirs),
        **flat(f"{FACE}_ratio", mean.ratio),
        **flat(f"{LANDMARK_FIT}_{FACE}_mm", fit.theirs),
        **flat(f"{FACE}_ratio_to_{LANDMARK_FIT}", fit.ratio),
    }
    summary = {
        name.removeprefix("honest_"): value
        for name, value in summarise(own).items()
        if not name.startswith("honest_face_mm_views") and name not in _TWICE
    }
    return {**summary, **named}
