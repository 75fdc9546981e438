"""Figures of a system on the benchmark, flat, with 95 % intervals, beside the baselines."""

from collections.abc import Sequence
from typing import Final

from headwater.evaluation.heads.baselines import LANDMARK_FIT, MEAN_HEAD
from headwater.evaluation.heads.table import SetRows, of_system
from headwater.evaluation.heads.trials import HELD_OUT
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.summary import VIEWS, Figures, bins, compare, flat, summarise

FACE: Final = "face_scan_to_mesh"
# What builds are compared by; the others are the report's.
CHOSEN: Final = (
    "face_scan_to_mesh_mm",
    "face_scan_to_mesh_mm_low",
    "face_scan_to_mesh_mm_high",
    "face_scan_to_mesh_ratio",
    "failures",
    "mean_head_face_scan_to_mesh_mm",
    "other_face_scan_to_mesh_mm",
    "real_landmark_nme_percent",
    "real_photos",
    "subjects",
    "views_3_face_scan_to_mesh_mm",
    "views_6_face_scan_to_mesh_mm",
)
_TWICE: Final = ("face_scan_to_mesh_mm", "face_scan_to_mesh_mm_low", "face_scan_to_mesh_mm_high")


def figures(system: str, rows: SetRows, baselines: SetRows) -> Figures:
    """All figures of ``system``, over the heads on which neither it nor a baseline failed.

    The frontal view of held-out heads has plain names; the others begin with ``views_3_`` and the
    like, and with the test set's name. ``face_mm_yaw_15_30`` and ``face_mm_expression_0.5_2`` are
    bins in degrees and mm, see ``headwater.metrics.summary.bins``.
    """
    found: Figures = {}
    for test_set, members in rows.items():
        prefix = "" if test_set == HELD_OUT else f"{test_set}_"
        for views in sorted({row.views for row in members}):
            own = of_system(members, system, views)
            inner = prefix + ("" if views == 1 else f"views_{views}_")
            members_figures = _set_figures(own, baselines.get(test_set, []), views)
            found |= {f"{inner}{name}": value for name, value in members_figures.items()}
        found |= _bin_figures(prefix, [row for row in members if row.system == system])
    return found


def _bin_figures(prefix: str, rows: Sequence[BenchmarkRow]) -> Figures:
    found: Figures = {}
    for one in bins(rows):
        if one.kind != VIEWS:
            name = f"{prefix}face_mm_{one.kind}_{one.name}"
            found |= {**flat(name, one.error), f"{name}_subjects": one.subjects}
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
    summary = {name: value for name, value in summarise(own).items() if name not in _TWICE}
    return {**summary, **named}
