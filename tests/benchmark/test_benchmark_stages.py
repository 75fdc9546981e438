"""Trials, baselines, table and figures of the benchmark on toy heads."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headwater.benchmark.baselines import LANDMARK_FIT, MEAN_HEAD
from headwater.benchmark.figures import figures
from headwater.benchmark.table import SetRows, of_system, read_rows, write_rows
from headwater.benchmark.trials import HELD_OUT, OTHER, trials
from headwater.metrics.benchmark import BenchmarkRow, Prediction
from headwater.metrics.face_regions import REGIONS
from tests.systems.toy_heads import toy_cases, toy_heads, toy_template, toy_views

TEMPLATE = toy_template()
HEADS = toy_heads(3, seed=4)


def row(subject: str, system: str, error: float, views: int = 1) -> BenchmarkRow:
    if math.isnan(error):
        return BenchmarkRow(subject, system, views, 5.0, 1.0, failure="none found")
    return BenchmarkRow(
        subject,
        system,
        views,
        5.0,
        1.0,
        honest_face_mm=error,
        h3ds_face_mm=2 * error,
        regions_mm={"nose": error / 2},
    )


def rows(system: str, errors: list[float], views: int = 1) -> list[BenchmarkRow]:
    return [row(f"head{i}", system, error, views) for i, error in enumerate(errors)]


@pytest.mark.parametrize(("seen", "counts"), [(1, [1]), (4, [1, 3]), (7, [1, 3, 6])])
def test_a_head_is_asked_about_in_as_many_views_as_it_has(seen: int, counts: list[int]) -> None:
    case = toy_cases(HEADS, toy_views(HEADS, seen, seed=1))[1]
    asked = list(trials([case]))
    assert [len(trial.views) for trial in asked] == counts
    for trial in asked:
        np.testing.assert_array_equal(trial.views.R[0], case.views.R[0])


def test_the_truth_itself_has_no_error_and_no_answer_is_a_failure() -> None:
    trial = next(trials(toy_cases(HEADS, toy_views(HEADS, 1, seed=1))))
    vertices = HEADS.vertices[0]
    perfect = Prediction(vertices, TEMPLATE.faces, TEMPLATE.landmarks_478.on(vertices))
    scored = trial.score(perfect, "perfect")
    assert scored.honest_face_mm == pytest.approx(0.0, abs=1e-3)
    assert (scored.system, scored.views, scored.failure) == ("perfect", 1, None)
    failed = trial.failed("silent", "it said nothing")
    assert failed.failure == "it said nothing"
    assert math.isnan(failed.honest_face_mm)


def test_rows_come_back_from_their_table(tmp_path: Path) -> None:
    sets: SetRows = {
        HELD_OUT: [*rows("a", [1.0, math.nan, 1.5]), *rows("b", [2.0, 2.5, 3.0], views=3)],
        OTHER: rows("a", [4.0]),
    }
    write_rows(tmp_path, sets)
    found = read_rows(tmp_path)
    assert set(found) == {HELD_OUT, OTHER}
    for name, members in sets.items():
        for system, views in (("a", 1), ("b", 3)):
            before = of_system(members, system, views)
            after = sorted(of_system(found[name], system, views), key=lambda one: one.subject)
            for given, again in zip(before, after, strict=True):
                assert (again.subject, again.failure) == (given.subject, given.failure)
                np.testing.assert_equal(again.honest_face_mm, given.honest_face_mm)
                assert set(again.regions_mm) == set(given.regions_mm) <= set(REGIONS)


def test_figures_compare_on_the_heads_that_nobody_failed_on() -> None:
    own = rows("glvd", [1.0, 2.0, math.nan, 3.0])
    baselines: SetRows = {
        HELD_OUT: [
            *rows(MEAN_HEAD, [2.0, 4.0, 5.0, math.nan]),
            *rows(LANDMARK_FIT, [1.0, 1.0, 1.0, 1.0]),
        ]
    }
    found = figures("glvd", {HELD_OUT: own}, baselines)
    assert found["face_chamfer_mm"] == pytest.approx(1.5)
    assert found["mean_head_face_chamfer_mm"] == pytest.approx(3.0)
    assert found["face_chamfer_ratio"] == pytest.approx(0.5)
    assert found["face_chamfer_ratio_low"] <= 0.5 <= found["face_chamfer_ratio_high"]
    assert found["face_chamfer_ratio_to_landmark_fit"] == pytest.approx(2.0)
    assert (found["subjects"], found["failures"]) == (3, 1)
    assert found["h3ds_face_mm"] == pytest.approx(4.0)
    assert found["nose_mm"] == pytest.approx(1.0)
    assert all(np.isfinite(value) for value in found.values())


def test_more_views_and_the_other_heads_have_names_of_their_own() -> None:
    own: SetRows = {
        HELD_OUT: [*rows("glvd", [1.0, 2.0]), *rows("glvd", [0.5, 1.0], views=3)],
        OTHER: rows("glvd", [3.0, 5.0]),
    }
    mean: SetRows = {
        name: [replace(one, system=MEAN_HEAD) for one in members] for name, members in own.items()
    }
    found = figures("glvd", own, mean)
    assert found["views_3_face_chamfer_mm"] == pytest.approx(0.75)
    assert found["other_face_chamfer_mm"] == pytest.approx(4.0)
    assert found["other_face_chamfer_ratio"] == pytest.approx(1.0)
    assert found["other_subjects"] == 2
