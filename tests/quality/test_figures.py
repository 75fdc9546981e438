"""Flat figures of views, by hand."""

import json

import numpy as np
import pytest

from headwater.quality.figures import rounded, view_figures
from headwater.quality.views import PART_NAMES, ViewErrors

NAN = float("nan")


def errors(nme: float, mask_iou: float = 0.9, rotation: float = 2.0) -> ViewErrors:
    part_iou = np.full(len(PART_NAMES), NAN)
    part_iou[PART_NAMES.index("nose")] = 0.5
    return ViewErrors(nme, 2 * nme, mask_iou, part_iou, rotation)


def test_groups_rates_and_tails() -> None:
    frontal = [("frontal", errors(float(value))) for value in range(1, 22)]
    figures = view_figures([*frontal, ("side", errors(100.0)), ("side", None), ("side", None)])
    assert (figures["all_views"], figures["frontal_views"], figures["side_views"]) == (24, 21, 3)
    assert figures["all_detection_rate"] == pytest.approx(22 / 24, abs=1e-6)
    assert figures["frontal_detection_rate"] == 1.0
    assert figures["side_detection_rate"] == pytest.approx(1 / 3, abs=1e-6)
    assert figures["frontal_landmark_68_nme_percent_mean"] == 11.0
    assert figures["frontal_landmark_68_nme_percent_median"] == 11.0
    assert figures["frontal_landmark_68_nme_percent_p95"] == 20.0
    assert figures["frontal_landmark_478_nme_percent_median"] == 22.0
    assert figures["side_landmark_68_nme_percent_count"] == 1
    assert figures["all_part_iou_nose"] == 0.5
    assert "all_part_iou_left_eye" not in figures


def test_an_overlap_has_its_bad_tail_below() -> None:
    figures = view_figures([("side", errors(1.0, mask_iou=value / 20)) for value in range(21)])
    assert figures["side_mask_iou_p05"] == 0.05
    assert "side_mask_iou_p95" not in figures


def test_failures_are_counted_and_never_averaged_in() -> None:
    figures = view_figures([("side", errors(1.0, NAN, NAN)), ("side", errors(3.0, 0.8, 4.0))])
    assert figures["side_mask_iou_count"] == 1
    assert figures["side_mask_iou_mean"] == 0.8
    assert figures["side_camera_rotation_degrees_mean"] == 4.0
    assert figures["side_landmark_68_nme_percent_mean"] == 2.0


def test_nothing_found_and_no_views() -> None:
    figures = view_figures([("frontal", None)])
    assert figures["frontal_detection_rate"] == 0.0
    assert figures["frontal_mask_iou_count"] == 0
    assert "frontal_mask_iou_mean" not in figures
    assert "side_views" not in figures
    assert view_figures([]) == {}
    json.dumps(figures, allow_nan=False)


def test_rounding_sorts_names() -> None:
    assert list(rounded({"b": 1.23456789, "a": 2}).items()) == [("a", 2), ("b", 1.234568)]
