"""Figures find their place on the page, each once."""

import numpy as np

from headwater.quality.edits import edit_figures
from headwater.quality.figures import view_figures
from headwater.quality.views import PART_NAMES, SCALAR_ERRORS, ViewErrors
from headwater.report.figures import (
    compared,
    label_of,
    leading_camera,
    of_camera,
    others,
    quality_of,
)
from tests.report.tiny_data import METRICS


def _errors(value: float) -> ViewErrors:
    scalars = {name: value for name in SCALAR_ERRORS if name != "part_iou_mean"}
    return ViewErrors(**scalars, part_iou=np.full(len(PART_NAMES), value))


def test_labels_have_words_and_units() -> None:
    assert label_of("face_scan_to_mesh_mm") == ("Face scan to mesh", "mm")
    assert label_of("real_landmark_nme_percent_worst") == ("Real landmark NME worst", "%")
    assert label_of("subjects") == ("Subjects", "")
    # Metrics have the words of their challenge, which every other table has.
    assert label_of("reverse_face_mm") == ("Face mesh to scan", "mm")
    assert label_of("f_score_2mm") == ("F-score at 2 mm", "")


def test_every_metric_is_shown_once() -> None:
    pairs, rest = compared(METRICS), others(METRICS)
    # The end of an interval stands with the systems.
    assert 2 * len(pairs) + len(rest) == len(METRICS) - 1
    assert [pair.baseline for pair in pairs] == [1.601, 1.591, 4.321]
    assert [pair.label for pair in pairs] == [
        "Face scan to mesh, camera estimated",
        "Face scan to mesh, camera given",
        "Vertex error",
    ]
    assert ("Estimated less given", "mm", 0.111) in rest
    assert ("Failures, camera estimated", "", 2) in rest


def test_figures_of_given_cameras_lead_where_no_camera_was_estimated() -> None:
    assert leading_camera(METRICS) == "estimated"
    without = {name: value for name, value in METRICS.items() if "estimated_face" not in name}
    assert leading_camera(without) == "given"
    assert leading_camera({}) == "estimated"
    assert "less_given_mm" not in of_camera(METRICS, "estimated")


def test_quality_figures_of_the_pipeline_all_have_a_place() -> None:
    views = [("frontal", _errors(0.5)), ("side", _errors(0.7)), ("side", None)]
    figures = {
        **view_figures(views),
        **edit_figures([("closed_eyes", "warp", True), ("frown", "head_model", False)]),
        "rejected_cameras_camera_failed": 2,
    }
    quality = quality_of(figures)
    placed = sum(len(stats) for spread in quality.errors for stats in spread.groups.values())
    placed += sum(len(groups) for _, groups in quality.parts)
    placed += sum(len(values) for values in quality.views.values())
    placed += 2 * len(quality.edits) + len(quality.rest)
    assert placed == len(figures)
    assert [label for label, _, _ in quality.rest] == ["Rejected cameras camera failed"]
    assert len(quality.parts) == len(PART_NAMES)
    assert ("frown", "head_model", 0.0, 1) in quality.edits
