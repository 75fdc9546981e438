"""Flat figures of many views: rates, means and tails, for all, frontal, side and free views."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.quality.views import PART_NAMES, SCALAR_ERRORS, ViewErrors

KINDS = ("frontal", "side", "free")
DIGITS = 6
# Figures that builds are compared by.
CHOSEN = (
    "all_detection_rate",
    "all_landmark_478_nme_percent_mean",
    "all_landmark_68_nme_percent_mean",
    "all_landmark_68_nme_percent_p95",
    "all_mask_iou_mean",
    "all_part_iou_mean_mean",
    "all_camera_rotation_degrees_mean",
    "all_camera_rotation_degrees_p95",
    "side_detection_rate",
    "side_landmark_68_nme_percent_mean",
    "same_face_all_percent_mean",
)


def view_figures(views: Sequence[tuple[str, ViewErrors | None]]) -> dict[str, float]:
    """Figures of (kind, errors) pairs; errors are None for a view without a detected face.

    Per group ("all", "frontal", "side", "free"): views, detection_rate; per error its count, mean,
    median and bad tail (95th percentile, or the 5th for an overlap); per part the mean overlap. A
    view without a face is in no mean, only in the counts. A group without views has no figures.
    """
    figures: dict[str, float] = {}
    for group in ("all", *KINDS):
        members = [errors for kind, errors in views if group in ("all", kind)]
        if members:
            detected = [errors for errors in members if errors is not None]
            figures[f"{group}_views"] = len(members)
            figures[f"{group}_detection_rate"] = len(detected) / len(members)
            figures |= {f"{group}_{name}": value for name, value in _errors(detected).items()}
    return rounded(figures)


def _errors(detected: Sequence[ViewErrors]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name in SCALAR_ERRORS:
        values = np.array([getattr(errors, name) for errors in detected], dtype=np.float64)
        figures |= {f"{name}_{key}": value for key, value in _spread(name, values).items()}
    for number, part in enumerate(PART_NAMES):
        values = np.array([errors.part_iou[number] for errors in detected], dtype=np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            figures[f"part_iou_{part}"] = float(values.mean())
    return figures


def _spread(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return {"count": 0}
    tail = 5 if "iou" in name else 95
    return {
        "count": len(values),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        f"p{tail:02d}": float(np.percentile(values, tail)),
    }


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    """Figures by name, sorted, with ``DIGITS`` digits after the point."""
    return {name: round(figures[name], DIGITS) for name in sorted(figures)}
