"""Scan-to-mesh errors of faces under several conditions, and their means and ratios."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from benchmarks.timing import digits
from headwater.data.scenes import FloatArray, Template
from headwater.evaluation.heads.answer import prediction
from headwater.evaluation.heads.trials import Case
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.metrics.intervals import mean_interval, ratio_interval
from headwater.metrics.scan_to_mesh import scan_to_mesh_error

ENDS: Final = ("", "_low", "_high")

Errors = dict[str, float]


def error(case: Case, template: Template, vertices: FloatArray) -> float:
    """Scan-to-mesh error of the face, mm, of vertices (V, 3) mm; NaN where it cannot be judged."""
    head, truth = prediction(template, vertices), case.truth
    if not head.surface.sound:
        return np.nan
    landmarks = np.asarray(truth.landmarks_478)[IBUG68_FROM_478]
    judged = scan_to_mesh_error(
        truth.vertices, landmarks, truth.nose_tip, head.surface, seen=truth.seen
    )
    return judged.mean_mm if judged.aligned else np.nan


def summary(rows: Sequence[Errors], seed: int) -> dict[str, dict[str, float]]:
    """Means and ratios to the mean head's with 95 % intervals, over heads that all could judge.

    Every row has an entry "mean head". ``seed`` draws the intervals' samples.
    """
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    sound = np.isfinite(np.stack(list(table.values()))).all(axis=0)
    mean_head = table["mean head"][sound]
    found = {}
    for name, errors in table.items():
        mean = mean_interval(errors[sound], seed)
        ratio = ratio_interval(errors[sound], mean_head, seed)
        found[name] = {
            **{f"mm{end}": digits(value) for end, value in zip(ENDS, mean, strict=True)},
            **{f"ratio{end}": digits(value) for end, value in zip(ENDS, ratio, strict=True)},
            "failures": int((~np.isfinite(errors)).sum()),
        }
    return found
