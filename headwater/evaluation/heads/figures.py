"""Figures of a system on the benchmark, flat, with 95 % intervals, beside the baselines."""

from collections.abc import Sequence
from typing import Final

from headwater.evaluation.heads.baselines import LANDMARK_FIT, MEAN_HEAD
from headwater.evaluation.heads.table import SetRows, of_system
from headwater.evaluation.heads.trials import HELD_OUT
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.strata import ESTIMATED, GIVEN
from headwater.metrics.summary import VIEWS, Figures, bins, compare, flat, summarise

FACE: Final = "face_scan_to_mesh"
LESS: Final = "estimated_less_given_mm"
# Figures that builds are compared by; the report shows the others too.
CHOSEN: Final = (
    "estimated_face_scan_to_mesh_mm",
    "estimated_face_scan_to_mesh_mm_low",
    "estimated_face_scan_to_mesh_mm_high",
    "estimated_face_scan_to_mesh_ratio",
    "estimated_failures",
    "given_face_scan_to_mesh_mm",
    "given_face_scan_to_mesh_mm_low",
    "given_face_scan_to_mesh_mm_high",
    LESS,
    f"{LESS}_low",
    f"{LESS}_high",
    "real_landmark_nme_percent",
)
_TWICE: Final = ("face_scan_to_mesh_mm", "face_scan_to_mesh_mm_low", "face_scan_to_mesh_mm_high")


def figures(system: str, rows: SetRows, baselines: SetRows) -> Figures:
    """All figures of ``system``, over the heads on which neither it nor a baseline failed.

    Names begin with ``estimated_`` or ``given_``, as masks and cameras are; before it stands the
    name of a test set other than that of held-out heads, and after it ``views_3_`` and the like.
    ``estimated_less_given_mm`` is the mean paired difference of the two.
    ``given_face_mm_yaw_15_30``, ``estimated_face_mm_pitch_-30_-15`` and
    ``given_face_mm_expression_0.5_2`` are bins in degrees and mm, see
    ``headwater.metrics.summary.bins``.
    """
    found: Figures = {}
    for test_set, members in rows.items():
        prefix = "" if test_set == HELD_OUT else f"{test_set}_"
        own = [row for row in members if row.system == system]
        others = baselines.get(test_set, [])
        for camera, views in sorted({(row.camera, row.views) for row in own}):
            inner = f"{prefix}{camera}_" + ("" if views == 1 else f"views_{views}_")
            named = _set_figures(own, others, system, views, camera)
            found |= {f"{inner}{name}": value for name, value in named.items()}
        alone, given = (of_system(own, system, 1, camera) for camera in (ESTIMATED, GIVEN))
        found |= flat(f"{prefix}{LESS}", compare(alone, given).difference)
        for camera in (ESTIMATED, GIVEN):
            found |= _bin_figures(f"{prefix}{camera}_", own, camera)
    return found


def _bin_figures(prefix: str, rows: Sequence[BenchmarkRow], camera: str) -> Figures:
    found: Figures = {}
    for one in bins([row for row in rows if row.camera == camera]):
        if one.kind != VIEWS:
            name = f"{prefix}face_mm_{one.kind}_{one.name}"
            found |= {**flat(name, one.error), f"{name}_subjects": one.subjects}
    return found


def _set_figures(
    rows: Sequence[BenchmarkRow],
    others: Sequence[BenchmarkRow],
    system: str,
    views: int,
    camera: str,
) -> Figures:
    own = of_system(rows, system, views, camera)
    mean = compare(own, of_system(others, MEAN_HEAD, views, camera))
    fit = compare(own, of_system(others, LANDMARK_FIT, views, camera))
    named: Figures = {
        **flat(f"{FACE}_mm", mean.ours),
        **flat(f"{MEAN_HEAD}_{FACE}_mm", mean.theirs),
        **flat(f"{FACE}_ratio", mean.ratio),
        **flat(f"{LANDMARK_FIT}_{FACE}_mm", fit.theirs),
        **flat(f"{FACE}_ratio_to_{LANDMARK_FIT}", fit.ratio),
    }
    summary = {name: value for name, value in summarise(own).items() if name not in _TWICE}
    return {**summary, **named}
