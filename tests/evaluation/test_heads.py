"""Trials, baselines, table and figures of the benchmark on toy heads."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.artifacts.figures import write_figures
from headwater.artifacts.file_checks import check_file
from headwater.baselines.landmark_errors import LandmarkErrors, LandmarkView, assumed_errors
from headwater.evaluation.challenge import Unanswered
from headwater.evaluation.heads import CHALLENGE, baselines, table
from headwater.evaluation.heads import trials as trials_module
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.baselines import LANDMARK_FIT, MEAN_HEAD
from headwater.evaluation.heads.figures import CHOSEN, LESS, figures
from headwater.evaluation.heads.heat_map import read_heat_maps, write_heat_maps
from headwater.evaluation.heads.table import SetRows, of_system, read_rows, rows_of
from headwater.evaluation.heads.trials import HELD_OUT, OTHER, Case, Trial, questions, trials
from headwater.evaluation.judge import judge
from headwater.evaluation.scores import read_scores, scores_of
from headwater.evaluation.summary import bins, headline_in_words
from headwater.metrics import summary
from headwater.metrics.benchmark import BenchmarkRow, Prediction
from headwater.metrics.face_regions import REGIONS
from headwater.metrics.strata import ESTIMATED, GIVEN, pitch_degrees, yaw_degrees
from headwater.metrics.summary import heat_map
from tests.evaluation.written_rows import write_rows
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
        face_scan_to_mesh_mm=error,
        h3ds_face_mm=2 * error,
        regions_mm={"nose": error / 2},
    )


def rows(system: str, errors: list[float], views: int = 1) -> list[BenchmarkRow]:
    return [row(f"head{i}", system, error, views) for i, error in enumerate(errors)]


@pytest.mark.parametrize(("seen", "counts"), [(1, [1]), (4, [1, 3]), (7, [1, 3, 6])])
def test_a_head_is_asked_about_in_as_many_views_as_it_has(seen: int, counts: list[int]) -> None:
    case = toy_cases(HEADS, toy_views(HEADS, seen, seed=1))[1]
    asked = [trial for trial in trials([case]) if trial.first_view == 0]
    assert [len(trial.views) for trial in asked] == counts
    assert [trial.frontal for trial in asked] == [count == 1 for count in counts]
    for trial in asked:
        np.testing.assert_array_equal(trial.views.R[0], case.views.R[0])


@pytest.mark.parametrize(("unseen", "side"), [([], 1), ([0], 1), ([1, 2], 3), ([1, 2, 3], None)])
def test_one_question_sees_the_head_from_the_side_where_the_face_was_found(
    unseen: list[int], side: int | None
) -> None:
    case = toy_cases(HEADS, toy_views(HEADS, 4, seed=1))[0]
    landmarks = case.views.landmarks_478_px.copy()
    landmarks[unseen] = np.nan
    case = replace(case, views=replace(case.views, landmarks_478_px=landmarks))
    asked = [trial for trial in trials([case]) if trial.first_view]
    assert [trial.first_view for trial in asked] == ([] if side is None else [side])
    for trial in asked:
        np.testing.assert_array_equal(trial.views.R, case.views.R[[side]])
        assert trial.yaw_degrees == yaw_degrees(case.views.R[side])
        assert not trial.frontal


def test_one_more_question_sees_the_head_from_anywhere() -> None:
    """Of each kind the first view in which a face was detected, if only a part of it."""
    case = toy_cases(HEADS, toy_views(HEADS, 6, seed=1))[0]
    landmarks = case.views.landmarks_478_px.copy()
    landmarks[2] = np.nan
    landmarks[4, :100] = np.nan
    kinds = ("frontal", "side", "free", "side", "free", "side")
    case = replace(case, kinds=kinds, views=replace(case.views, landmarks_478_px=landmarks))
    asked = [trial for trial in trials([case]) if trial.first_view]
    assert [trial.first_view for trial in asked] == [1, 4]
    for trial in asked:
        assert trial.pitch_degrees == pitch_degrees(case.views.R[trial.first_view])


def test_the_truth_itself_has_no_error() -> None:
    trial = next(trials(toy_cases(HEADS, toy_views(HEADS, 1, seed=1))))
    vertices = HEADS.vertices[0]
    perfect = Prediction(vertices, TEMPLATE.faces, TEMPLATE.landmarks_478.on(vertices))
    scored = trial.score(perfect, "perfect")
    assert scored.face_scan_to_mesh_mm == pytest.approx(0.0, abs=1e-3)
    assert (scored.system, scored.views, scored.failure) == ("perfect", 1, None)


def test_no_answer_is_a_failure_and_never_averaged_in() -> None:
    cases = toy_cases(HEADS, toy_views(HEADS, 1, seed=1))

    def silent(trial: Trial) -> HeadAnswer:
        if trial.case.truth.subject == cases[0].truth.subject:
            raise Unanswered("it said nothing")
        return HeadAnswer(TEMPLATE, TEMPLATE.mean)

    judged = list(judge(CHALLENGE, questions(cases), {"silent": silent}))
    scores = list(scores_of(CHALLENGE, judged))
    assert [one.failure for one in judged] == ["it said nothing", None, None]
    assert {one.value for one in scores if one.failure} == {None}
    found = figures("silent", rows_of(scores), {})
    assert (found["given_subjects"], found["given_failures"]) == (2, 1)


def as_photos(cases: list[Case]) -> list[Case]:
    """The cases as their first image alone shows them; of the last one no face was detected."""
    *seen, last = cases
    alone = [
        replace(
            one,
            views=one.views.choose(np.array([0])),
            camera=ESTIMATED,
            pose=(yaw_degrees(one.views.R[0]), pitch_degrees(one.views.R[0])),
        )
        for one in seen
    ]
    none = last.views.choose(np.zeros(0, np.intp))
    return [*alone, replace(last, views=none, camera=ESTIMATED, unseen="No face is there.")]


def test_a_view_without_a_face_is_a_failure_of_all_that_is_put_to_nobody() -> None:
    cases = as_photos(toy_cases(HEADS, toy_views(HEADS, 3, seed=1)))
    asked = list(questions(cases))
    assert [one.key for one in asked] == 3 * ["1 views from 0, camera estimated"]
    assert [one.unanswerable for one in asked] == [None, None, "No face is there."]
    assert ["yaw_degrees" in one.conditions for one in asked] == [True, True, False]
    put = []

    def mean(trial: Trial) -> HeadAnswer:
        put.append(trial.case.truth.subject)
        return HeadAnswer(TEMPLATE, TEMPLATE.mean)

    judged = list(judge(CHALLENGE, asked, {MEAN_HEAD: mean}))
    assert put == [one.truth.subject for one in cases[:2]]
    assert [one.failure for one in judged] == [None, None, "No face is there."]
    own = rows_of(scores_of(CHALLENGE, judged))
    found = figures(MEAN_HEAD, own, own)
    assert (found["estimated_subjects"], found["estimated_failures"]) == (2, 1)
    values = [one.values["face_scan_to_mesh_mm"] for one in judged[:2]]
    assert found["estimated_face_scan_to_mesh_mm"] == pytest.approx(np.mean(values))


def test_a_question_about_several_images_counts_those_that_show_no_face_too() -> None:
    cases = as_photos(toy_cases(HEADS, toy_views(HEADS, 3, seed=1)))
    (one, other, _) = questions([replace(case, images=3) for case in cases])
    assert one.key == other.key == "3 views from 0, camera estimated"
    assert one.conditions["views"] == 3
    assert not one.content.frontal
    assert len(one.content.views) == 1


def test_of_an_image_alone_no_landmark_of_the_truth_is_known() -> None:
    given = toy_cases(HEADS, toy_views(HEADS, 3, seed=1))
    assert all(trial.true_landmarks_mm is not None for trial in trials(given))
    assert all(trial.true_landmarks_mm is None for trial in trials(as_photos(given)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3.0, "unexpected TypeError: the answer is a float instead of a HeadAnswer"),
        (HeadAnswer(TEMPLATE, TEMPLATE.mean[1:]), "unexpected ValueError: the vertices"),
        (
            HeadAnswer(TEMPLATE, TEMPLATE.mean, TEMPLATE.mean[None, 1:]),
            "unexpected ValueError: the steps are",
        ),
        (
            HeadAnswer(TEMPLATE, TEMPLATE.mean, np.full_like(TEMPLATE.mean, np.nan)[None]),
            "unexpected ValueError: the steps are not finite",
        ),
        (
            HeadAnswer(replace(TEMPLATE, faces=TEMPLATE.faces - 1), TEMPLATE.mean),
            "unexpected ValueError: a face names vertex -1 of",
        ),
        (
            HeadAnswer(TEMPLATE, np.full_like(TEMPLATE.mean, np.inf)),
            "the prediction is no finite surface",
        ),
    ],
)
def test_an_answer_that_is_no_head_is_a_failure_with_its_reason(given: Any, said: str) -> None:
    cases = toy_cases(HEADS, toy_views(HEADS, 1, seed=1))
    judged = list(judge(CHALLENGE, questions(cases), {"odd": lambda trial: given}))
    assert all((one.failure or "").startswith(said) for one in judged)


@pytest.mark.fault("a head is judged as it is, whatever array it lies in")
def test_a_system_may_fill_one_answer_again_and_again() -> None:
    asked = list(questions(toy_cases(HEADS, toy_views(HEADS, 4, seed=1))))
    one = HeadAnswer(TEMPLATE, TEMPLATE.mean.copy(), TEMPLATE.mean[None].copy())

    def fresh(trial: Trial) -> HeadAnswer:
        grown = TEMPLATE.mean * (1 + 0.01 * len(trial.views))
        return HeadAnswer(TEMPLATE, grown, grown[None])

    def refilled(trial: Trial) -> HeadAnswer:
        one.vertices[:] = fresh(trial).vertices
        one.steps[:] = one.vertices
        return one

    expected, given = (list(judge(CHALLENGE, asked, {"it": it})) for it in (fresh, refilled))
    assert [other.values for other in given] == [other.values for other in expected]
    assert len({other.values["face_scan_to_mesh_mm"] for other in given}) > len(HEADS.subjects)
    for kept, wanted in zip(given, expected, strict=True):
        if kept.question.looked_at:
            np.testing.assert_array_equal(kept.answer.steps, wanted.answer.steps)


def spoilt(trial: Trial) -> HeadAnswer:
    trial.case.truth.vertices[:] = TEMPLATE.mean
    trial.case.truth.landmarks_478[:] = 0.0
    for image in trial.views.images:
        image[:] = 0
    trial.views.landmarks_478_px[:] = np.nan
    return HeadAnswer(TEMPLATE, TEMPLATE.mean)


@pytest.mark.fault("no answer changes what others are given, or what it is judged by")
def test_an_answer_cannot_change_the_head_that_it_is_judged_by() -> None:
    cases = toy_cases(HEADS, toy_views(HEADS, 3, seed=1))
    mean = HeadAnswer(TEMPLATE, TEMPLATE.mean)
    brightness: list[float] = []

    def sees(trial: Trial) -> HeadAnswer:
        brightness.append(float(np.mean(trial.views.images[0])))
        return mean

    judged = list(judge(CHALLENGE, questions(cases), {"spoils": spoilt, "sees": sees}))
    assert [one.values for one in judged[::2]] == [one.values for one in judged[1::2]]
    assert all(one.values["face_scan_to_mesh_mm"] > 0.1 for one in judged)
    assert min(brightness) > 0
    assert np.isfinite(cases[0].views.landmarks_478_px).all()


def test_one_answer_to_all_questions_about_a_head_is_judged_once_and_prepared_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = {"prepared": 0, "judged": 0}

    def counting(kind: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            counts[kind] += 1
            return work(*given, **named)

        return counted

    monkeypatch.setattr(table, "prediction", counting("prepared", table.prediction))
    monkeypatch.setattr(trials_module, "score", counting("judged", trials_module.score))
    mean = HeadAnswer(TEMPLATE, TEMPLATE.mean)
    asked = list(questions(toy_cases(HEADS, toy_views(HEADS, 4, seed=1))))
    assert len(list(judge(CHALLENGE, asked, {"mean": lambda trial: mean}))) == 9
    assert counts == {"prepared": 1, "judged": 3}


def test_rows_come_back_from_their_table(tmp_path: Path) -> None:
    side = replace(row("head0", "a", 9.0), first_view=2, size="small")
    alone = estimated(rows("a", [7.0, math.nan]))
    alone[1] = replace(alone[1], yaw_degrees=math.nan)
    sets: SetRows = {
        HELD_OUT: [
            *rows("a", [1.0, math.nan, 1.5]),
            *rows("b", [2.0, 2.5, 3.0], views=3),
            side,
            *alone,
        ],
        OTHER: rows("a", [4.0]),
    }
    write_rows(tmp_path, sets)
    found = read_rows(tmp_path)
    assert set(found) == {HELD_OUT, OTHER}
    assert [
        (one.first_view, one.size) for one in found[HELD_OUT] if one.face_scan_to_mesh_mm == 9.0
    ] == [(2, "small")]
    assert side not in of_system(sets[HELD_OUT], "a", 1)
    for name, members in sets.items():
        for system, views, camera in (("a", 1, GIVEN), ("b", 3, GIVEN), ("a", 1, ESTIMATED)):
            before = of_system(members, system, views, camera)
            after = of_system(found[name], system, views, camera)
            after.sort(key=lambda one: one.subject)
            for given, again in zip(before, after, strict=True):
                assert (again.subject, again.failure) == (given.subject, given.failure)
                assert again.camera == camera
                np.testing.assert_equal(again.yaw_degrees, given.yaw_degrees)
                np.testing.assert_equal(again.face_scan_to_mesh_mm, given.face_scan_to_mesh_mm)
                assert set(again.regions_mm) == set(given.regions_mm) <= set(REGIONS)


def test_figures_compare_on_the_heads_that_nobody_failed_on() -> None:
    own = rows("glvd", [1.0, 2.0, math.nan, 3.0])
    others: SetRows = {
        HELD_OUT: [
            *rows(MEAN_HEAD, [2.0, 4.0, 5.0, math.nan]),
            *rows(LANDMARK_FIT, [1.0, 1.0, 1.0, 1.0]),
        ]
    }
    found = figures("glvd", {HELD_OUT: own}, others)
    ratio = "given_face_scan_to_mesh_ratio"
    assert found["given_face_scan_to_mesh_mm"] == pytest.approx(1.5)
    assert found["given_mean_head_face_scan_to_mesh_mm"] == pytest.approx(3.0)
    assert found[ratio] == pytest.approx(0.5)
    assert found[f"{ratio}_low"] <= 0.5 <= found[f"{ratio}_high"]
    assert found[f"{ratio}_to_landmark_fit"] == pytest.approx(2.0)
    assert (found["given_subjects"], found["given_failures"]) == (3, 1)
    assert found["given_h3ds_face_mm"] == pytest.approx(4.0)
    assert found["given_nose_mm"] == pytest.approx(1.0)
    assert all(np.isfinite(value) for value in found.values())


def test_estimated_cameras_stand_beside_given_ones_with_their_paired_difference() -> None:
    own: SetRows = {
        HELD_OUT: [
            *rows("glvd", [1.0, 2.0, 3.0, 9.0]),
            *estimated(rows("glvd", [1.5, 2.0, 4.0, math.nan])),
        ]
    }
    mean: SetRows = {
        HELD_OUT: [
            *rows(MEAN_HEAD, [2.0, 4.0, 4.0, 4.0]),
            *estimated(rows(MEAN_HEAD, [3.0, 3.0, 3.0, math.nan])),
        ]
    }
    found = figures("glvd", own, mean)
    assert found["estimated_face_scan_to_mesh_mm"] == pytest.approx(2.5)
    assert found["estimated_face_scan_to_mesh_ratio"] == pytest.approx(2.5 / 3.0)
    assert (found["estimated_subjects"], found["estimated_failures"]) == (3, 1)
    assert found["given_face_scan_to_mesh_mm"] == pytest.approx(3.75)
    assert (found["given_subjects"], found["given_failures"]) == (4, 0)
    # Of the heads that have both.
    assert found["estimated_less_given_mm"] == pytest.approx(0.5)
    assert found["estimated_less_given_mm_low"] < 0.5 < found["estimated_less_given_mm_high"]
    assert [one.name for one in CHALLENGE.listed] == [
        name
        for name in CHOSEN
        if name in ("estimated_face_scan_to_mesh_mm", LESS) or name == "given_face_scan_to_mesh_mm"
    ]


def test_the_line_of_a_system_names_where_cameras_come_from() -> None:
    own: SetRows = {HELD_OUT: rows("glvd", [1.0])}
    mean = rows(MEAN_HEAD, [2.0])
    others: SetRows = {HELD_OUT: [*mean, *estimated(mean)]}
    given = "camera given 1 mm"
    assert headline_in_words(CHALLENGE, figures("glvd", own, others)) == given
    own[HELD_OUT] += estimated(rows("glvd", [1.25]))
    said = "face scan to mesh, camera estimated 1.25 mm, " + given + ", difference 0.25 mm"
    assert headline_in_words(CHALLENGE, figures("glvd", own, others)) == said
    # Of a build from before.
    assert headline_in_words(CHALLENGE, {"face_scan_to_mesh_mm": 2.0}) == "face scan to mesh 2 mm"


def test_rows_without_the_condition_had_given_cameras(tmp_path: Path) -> None:
    write_rows(tmp_path, {HELD_OUT: rows("a", [1.0])})
    scores = [
        replace(one, conditions={k: v for k, v in one.conditions.items() if k != "camera"})
        for one in read_scores(tmp_path)
    ]
    assert [one.camera for one in rows_of(scores)[HELD_OUT]] == [GIVEN]
    assert [one.name for one in bins(CHALLENGE, CHALLENGE.strata[0], scores)] == ["0_15"]


def test_more_views_and_the_other_heads_have_names_of_their_own() -> None:
    own: SetRows = {
        HELD_OUT: [*rows("glvd", [1.0, 2.0]), *rows("glvd", [0.5, 1.0], views=3)],
        OTHER: rows("glvd", [3.0, 5.0]),
    }
    mean: SetRows = {
        name: [replace(one, system=MEAN_HEAD) for one in members] for name, members in own.items()
    }
    found = figures("glvd", own, mean)
    assert found["given_views_3_face_scan_to_mesh_mm"] == pytest.approx(0.75)
    assert found["other_given_face_scan_to_mesh_mm"] == pytest.approx(4.0)
    assert found["other_given_face_scan_to_mesh_ratio"] == pytest.approx(1.0)
    assert found["other_given_subjects"] == 2


def estimated(members: list[BenchmarkRow]) -> list[BenchmarkRow]:
    return [replace(one, camera=ESTIMATED) for one in members]


def from_the_side(members: list[BenchmarkRow], yaw: float) -> list[BenchmarkRow]:
    return [
        replace(
            one, first_view=1, yaw_degrees=yaw, face_scan_to_mesh_mm=10 * one.face_scan_to_mesh_mm
        )
        for one in members
    ]


def test_builds_are_compared_by_a_dozen_figures_and_the_rest_is_kept(tmp_path: Path) -> None:
    judged = {
        name: [
            *[row for views in (1, 3, 6) for row in rows("glvd", [1.0, 2.0, 3.0], views)],
            *estimated(rows("glvd", [1.5, 2.5, 3.5])),
        ]
        for name in (HELD_OUT, OTHER)
    }
    means = {
        name: [
            *[row for views in (1, 3, 6) for row in rows(MEAN_HEAD, [2.0, 3.0, 4.0], views)],
            *estimated(rows(MEAN_HEAD, [2.0, 3.0, 4.0])),
        ]
        for name in (HELD_OUT, OTHER)
    }
    photos = {"real_photos": 2, "real_landmark_nme_percent": 3.0}
    found = {**figures("glvd", judged, means), "vertex_error_mm": 3.21, **photos}
    assert write_figures(tmp_path, found, CHOSEN) == json.loads(
        (tmp_path / "figures.json").read_text()
    )
    compared = json.loads((tmp_path / "metrics.json").read_text())
    assert sorted(compared) == sorted(CHOSEN)
    assert len(compared) <= 12 < len(found)


def test_a_view_from_the_side_is_in_the_bins_of_pose_and_in_no_other_figure() -> None:
    frontal: SetRows = {HELD_OUT: [*rows("glvd", [1.0, 2.0]), *rows("glvd", [0.5, 1.0], views=3)]}
    mean: SetRows = {HELD_OUT: [replace(one, system=MEAN_HEAD) for one in frontal[HELD_OUT]]}
    without = figures("glvd", frontal, mean)
    sides = from_the_side(frontal[HELD_OUT][:2], -33.0)
    found = figures("glvd", {HELD_OUT: [*frontal[HELD_OUT], *sides]}, mean)
    added = {name for name in found if "yaw_30_45" in name}
    assert {name: value for name, value in found.items() if name not in added} == without
    assert found["given_face_mm_yaw_30_45"] == pytest.approx(15.0)
    assert found["given_face_mm_yaw_30_45_subjects"] == 2
    assert found["given_face_mm_yaw_0_15"] == pytest.approx(1.5)
    assert found["given_face_mm_expression_0.5_2"] == pytest.approx(1.5)


def test_scores_fall_into_the_bins_of_their_strata(tmp_path: Path) -> None:
    a, b = rows("a", [1.0, 2.0]), rows("b", [3.0, math.nan])
    given = [*a]
    a = [replace(one, pitch_degrees=-20.0) for one in a]
    a += from_the_side(a, 20.0)
    b += from_the_side(b[:1], 20.0) + [replace(row("head1", "b", math.nan), yaw_degrees=20.0)]
    write_rows(tmp_path, {HELD_OUT: a + b})
    scores = read_scores(tmp_path)
    yaw, pitch, expression, views = CHALLENGE.strata
    own = {name: [one for one in scores if one.system == name] for name in "ab"}
    found = {name: bins(CHALLENGE, yaw, members) for name, members in own.items()}
    assert [one.place for one in found["a"]] == [5.0, 20.0]
    assert [(one.value.value, one.subjects) for one in found["a"]] == [(1.5, 2), (15.0, 2)]
    assert [(one.value.value, one.subjects) for one in found["b"]] == [(3.0, 1), (30.0, 1)]
    assert math.isnan(found["b"][0].value.low)
    assert [one.name for one in bins(CHALLENGE, expression, own["a"])] == ["0.5_2"]
    assert [one.name for one in bins(CHALLENGE, pitch, own["a"])] == ["-30_-15"]
    # Of a build from before, in which nothing is said of it.
    assert bins(CHALLENGE, pitch, own["b"]) == []
    assert [one.name for one in bins(CHALLENGE, views, own["a"])] == ["1"]
    # Images alone are in no stratum.
    write_rows(tmp_path, {HELD_OUT: [*given, *estimated(given)]})
    for stratum, count in ((yaw, 2), (expression, 2), (views, 2)):
        (one,) = bins(CHALLENGE, stratum, read_scores(tmp_path))
        assert (one.value.value, one.subjects) == (1.5, count)
    # The strata are those of the figures.
    for stratum in (yaw, pitch, expression, views):
        flat = [one for one in summary.bins(a) if one.kind == stratum.name]
        again = bins(CHALLENGE, stratum, own["a"])
        assert [(one.name, one.place, one.error, one.subjects) for one in flat] == [
            (one.name, one.place, one.value, one.subjects) for one in again
        ]


def test_heat_maps_come_back_and_hold_frontal_views_only(tmp_path: Path) -> None:
    cases = toy_cases(HEADS, toy_views(HEADS, 2, seed=1))
    grown = Prediction(
        1.03 * HEADS.vertices[0], TEMPLATE.faces, TEMPLATE.landmarks_478.on(HEADS.vertices[0])
    )
    scored = [trial.score(grown, "toy", "small") for trial in trials(cases)]
    assert len(scored) == 6
    folder = tmp_path / "evaluate" / "toy"
    write_heat_maps(folder, scored, TEMPLATE.mean, TEMPLATE.faces)
    (found,) = read_heat_maps(folder)
    assert (found.system, found.size) == ("toy", "small")
    np.testing.assert_array_equal(found.vertices, TEMPLATE.mean)
    np.testing.assert_array_equal(found.faces, TEMPLATE.faces)
    wanted, heads = heat_map([one for one in scored if one.first_view == 0], len(TEMPLATE.mean))
    np.testing.assert_allclose(found.mean_mm, wanted, rtol=1e-6)
    np.testing.assert_array_equal(found.heads, heads)
    assert np.isnan(found.mean_mm).any()
    assert found.heads.max() == 3
    assert check_file(folder / "heat_map.parquet") is None
    assert read_heat_maps(tmp_path / "elsewhere") == []


class _Fitter:
    """Stands in for the landmark fit: the template, whatever is seen."""

    def __init__(self, model: object, errors: LandmarkErrors) -> None:
        self.vertices = TEMPLATE.mean

    def fit(self, views: list[LandmarkView]) -> "_Fitter":
        assert views
        return self


def test_baselines_answer_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "LandmarkFitter", _Fitter)
    monkeypatch.setattr(baselines, "read_model", lambda data: TEMPLATE)
    monkeypatch.setattr(baselines, "template_of", lambda model: TEMPLATE)
    monkeypatch.setattr(baselines, "detector_errors", lambda data, model: assumed_errors())
    monkeypatch.setattr(baselines, "mean_head", lambda data, model: TEMPLATE.mean)
    cases = toy_cases(HEADS, toy_views(HEADS, 3, seed=1))[:2]
    counted: list[int] = []
    answerers = baselines.baselines(Path())
    found = list(judge(CHALLENGE, questions(cases), answerers, progress=counted.append))
    assert sum(counted) == 6
    wanted = [(trial.case.truth.subject, trial.yaw_degrees) for trial in trials(cases)]
    for system in (MEAN_HEAD, LANDMARK_FIT):
        own = [one.question for one in found if one.system == system]
        assert [(one.subject, one.conditions["yaw_degrees"]) for one in own] == wanted
        places = [(one.conditions["views"], one.conditions["first_view"]) for one in own]
        assert places == 2 * [(1, 0), (3, 0), (1, 1)]
    mean = [one for one in found if one.system == MEAN_HEAD]
    assert len({one.values["face_scan_to_mesh_mm"] for one in mean[:3]}) == 1
    assert mean[0].values != mean[3].values
