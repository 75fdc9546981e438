"""Figures, bins and comparisons of many rows against slow loops; strata and regions."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headwater.evaluation.challenge import Challenge, Metric, Score, Scored, Stratum
from headwater.evaluation.summary import Bin as ScoreBin
from headwater.evaluation.summary import bins as score_bins
from headwater.evaluation.summary import chosen, interval
from headwater.evaluation.summary import figures as score_figures
from headwater.geometry.cameras import look_at
from headwater.geometry.registration import Similarity
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.face_regions import (
    NO_REGION,
    POINTS,
    REACH_MM,
    REGIONS,
    face_regions,
    region_means,
)
from headwater.metrics.intervals import Interval
from headwater.metrics.landmarks import normalised_mean_error
from headwater.metrics.scan_to_mesh import SurfaceError
from headwater.metrics.strata import (
    EXPRESSION_EDGES_MM,
    PITCH_EDGES_DEGREES,
    YAW_EDGES_DEGREES,
    bin_names,
    bin_numbers,
    expression_strength_mm,
    pitch_degrees,
    yaw_degrees,
)
from headwater.metrics.summary import ERRORS, bins, compare, flat, heat_map, summarise

ERROR = st.floats(0.01, 100)
SEEDS = st.integers(0, 2**31)


@st.composite
def answers(draw: st.DrawFn) -> list[BenchmarkRow]:
    """Rows of up to five subjects in some views, some of them failures."""
    rows = []
    for subject in range(draw(st.integers(1, 5))):
        for _ in range(draw(st.integers(1, 3))):
            row = BenchmarkRow(
                f"subject {subject}",
                "system",
                draw(st.sampled_from([1, 3, 6])),
                draw(st.floats(-180, 180)),
                draw(st.floats(0, 10)),
                first_view=draw(st.integers(0, 2)),
            )
            if draw(st.booleans()):
                nose = {"nose": draw(ERROR)} if draw(st.booleans()) else {}
                row = replace(row, face_scan_to_mesh_mm=draw(ERROR), regions_mm=nose)
            else:
                row = replace(row, failure="not aligned")
            rows.append(row)
    return rows


def slow_mean(rows: list[BenchmarkRow], name: str = "face_scan_to_mesh_mm") -> float:
    """Mean over subjects of each one's mean over rows that have the value."""
    values: dict[str, list[float]] = {}
    for row in rows:
        value = row.regions_mm.get(name, math.nan) if name in REGIONS else getattr(row, name)
        if row.failure is None and math.isfinite(value):
            values.setdefault(row.subject, []).append(value)
    means = [sum(own) / len(own) for own in values.values()]
    return sum(means) / len(means) if means else math.nan


@settings(max_examples=40, deadline=None)
@given(answers())
def test_a_summary_is_the_mean_over_subjects_without_failures(rows: list[BenchmarkRow]) -> None:
    figures = summarise(rows)
    answered = [row for row in rows if row.failure is None]
    assert figures["subjects"] == len({row.subject for row in answered})
    assert figures["failures"] == len(rows) - len(answered)
    for name, key in (("face_scan_to_mesh_mm", "face_scan_to_mesh_mm"), ("nose", "nose_mm")):
        slow = slow_mean(rows, name)
        assert figures.get(key, math.nan) == pytest.approx(slow, nan_ok=True)
    assert all(math.isfinite(value) for value in figures.values())
    assert "chin_mm" not in figures


@settings(max_examples=30, deadline=None)
@given(answers(), st.randoms())
def test_values_do_not_depend_on_the_order_of_rows(rows: list[BenchmarkRow], turn: object) -> None:
    mixed = list(rows)
    turn.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = summarise(rows), summarise(mixed)
    assert set(first) == set(second)
    for name, value in first.items():
        if not name.endswith(("_low", "_high")):
            assert second[name] == pytest.approx(value)


@settings(max_examples=30, deadline=None)
@given(answers())
def test_bins_hold_every_question_once(rows: list[BenchmarkRow]) -> None:
    found = bins(rows)
    for kind, edges, asked in (
        ("yaw", YAW_EDGES_DEGREES, [r for r in rows if r.views == 1]),
        (
            "expression",
            EXPRESSION_EDGES_MM,
            [r for r in rows if r.views == 1 and r.first_view == 0],
        ),
    ):
        own = {one.name: one for one in found if one.kind == kind}
        for low, high, name in zip(edges, edges[1:], bin_names(edges), strict=False):
            value = [abs(r.yaw_degrees) if kind == "yaw" else r.expression_mm for r in asked]
            last = high == edges[-1]
            members = [
                r
                for r, v in zip(asked, value, strict=True)
                if low <= v < high or (last and v == high)
            ]
            assert (name in own) == bool(members)
            if members:
                assert own[name].error.value == pytest.approx(slow_mean(members), nan_ok=True)
                answered = {r.subject for r in members if r.failure is None}
                assert own[name].subjects == len(answered)
    views = {one.name for one in found if one.kind == "views"}
    assert views == {str(r.views) for r in rows if r.first_view == 0}


@settings(max_examples=30, deadline=None)
@given(answers(), answers())
def test_a_comparison_is_over_subjects_that_neither_failed_on(
    ours: list[BenchmarkRow], theirs: list[BenchmarkRow]
) -> None:
    failed = {row.subject for row in (*ours, *theirs) if row.failure is not None}
    both = ({r.subject for r in ours} & {r.subject for r in theirs}) - failed
    found = compare(ours, theirs)
    assert found.subjects == len(both)
    mine = slow_mean([row for row in ours if row.subject in both])
    other = slow_mean([row for row in theirs if row.subject in both])
    assert found.ours.value == pytest.approx(mine, nan_ok=True)
    assert found.theirs.value == pytest.approx(other, nan_ok=True)
    assert found.difference.value == pytest.approx(mine - other, nan_ok=True, abs=1e-9)
    assert found.ratio.value == pytest.approx(mine / other, nan_ok=True)


def paired(errors: list[float], system: str) -> list[BenchmarkRow]:
    return [
        BenchmarkRow(f"s{i}", system, 1, 0.0, 0.0, face_scan_to_mesh_mm=error)
        for i, error in enumerate(errors)
    ]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(ERROR, ERROR), min_size=2, max_size=9))
def test_a_comparison_turned_round_is_its_opposite(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = (paired(list(side), "x") for side in zip(*pairs, strict=True))
    there, back = compare(ours, theirs), compare(theirs, ours)
    assert there.difference.value == pytest.approx(-back.difference.value, abs=1e-9)
    assert there.difference.low == pytest.approx(-back.difference.high, abs=1e-6)
    assert there.ratio.value * back.ratio.value == pytest.approx(1.0)
    assert there.ratio.low == pytest.approx(1 / back.ratio.high, rel=1e-3)
    named = there.figures("x")
    assert named["x_subjects"] == len(pairs)
    assert named["x_ratio"] == there.ratio.value


def test_a_system_beside_itself_is_no_better() -> None:
    rows = paired([1.0, 2.0, 4.0], "x")
    same = compare(rows, rows)
    assert same.ratio == Interval(1.0, 1.0, 1.0)
    assert same.difference == Interval(0.0, 0.0, 0.0)


def test_figures_leave_out_what_is_no_number() -> None:
    assert flat("a", Interval(1.0, math.nan, math.nan)) == {"a": 1.0}
    assert flat("a", Interval(math.nan, math.nan, math.nan)) == {}
    assert flat("a", Interval(2.0, 1.0, 3.0)) == {"a": 2.0, "a_low": 1.0, "a_high": 3.0}


@given(SEEDS, st.integers(1, 6))
def test_a_heat_map_is_the_mean_of_every_vertex(seed: int, heads: int) -> None:
    rng = np.random.default_rng(seed)
    rows, slow = [], [[] for _ in range(30)]
    for number in range(heads):
        region = np.flatnonzero(rng.random(30) < 0.6)
        distances = rng.random(len(region))
        heat = SurfaceError(distances, region, aligned=True, transform=Similarity.identity())
        failure = "failed" if number == 3 else None
        rows.append(BenchmarkRow(str(number), "x", 1, 0.0, 0.0, failure=failure, heat=heat))
        if failure is None:
            for vertex, distance in zip(region, distances, strict=True):
                slow[vertex].append(distance)
    mean, count = heat_map(rows, 30)
    assert count.tolist() == [len(values) for values in slow]
    wanted = [np.mean(values) if values else np.nan for values in slow]
    np.testing.assert_allclose(mean, wanted)


# Strata.


@given(st.lists(st.floats(0, 180), max_size=20))
def test_every_yaw_has_a_bin_whose_edges_hold_it(values: list[float]) -> None:
    numbers = bin_numbers(np.array(values), YAW_EDGES_DEGREES)
    for value, number in zip(values, numbers, strict=True):
        low, high = YAW_EDGES_DEGREES[number : number + 2]
        assert low <= value <= high
        assert value < high or high == YAW_EDGES_DEGREES[-1]


@pytest.mark.parametrize("value", [-0.1, 180.1, 1e9])
def test_a_value_outside_all_bins_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        bin_numbers(np.array([value]), YAW_EDGES_DEGREES)


def test_names_of_bins() -> None:
    assert bin_names(YAW_EDGES_DEGREES) == ["0_15", "15_30", "30_45", "45_60", "60_75", "75_180"]
    assert bin_names(PITCH_EDGES_DEGREES)[:2] == ["-90_-30", "-30_-15"]
    assert bin_names(EXPRESSION_EDGES_MM) == ["0_0.5", "0.5_2", "2_up"]


@given(st.floats(-179, 179), st.floats(-60, 60), st.floats(-180, 180), st.floats(200, 2000))
def test_yaw_is_the_side_that_the_camera_stands_on(
    yaw: float, pitch: float, roll: float, distance: float
) -> None:
    turn, rise = np.deg2rad([yaw, pitch])
    away = (np.sin(turn) * np.cos(rise), np.sin(rise), np.cos(turn) * np.cos(rise))
    R, _ = look_at(distance * np.array(away), np.zeros(3), roll)
    assert yaw_degrees(R) == pytest.approx(yaw, abs=1e-6)
    assert pitch_degrees(R) == pytest.approx(pitch, abs=1e-6)


@given(SEEDS, st.floats(0, 20))
def test_expression_strength_is_the_mean_displacement(seed: int, amount: float) -> None:
    rng = np.random.default_rng(seed)
    neutral = rng.normal(size=(478, 3)) * 50
    direction = rng.normal(size=(478, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    assert expression_strength_mm(neutral + amount * direction, neutral) == pytest.approx(amount)
    # Irises turn with the gaze and are left out.
    looking = neutral.copy()
    looking[468:] += 30
    assert expression_strength_mm(looking, neutral) == 0


# Regions and landmarks.


def test_every_face_mesh_point_is_in_at_most_one_region() -> None:
    points = [point for members in POINTS.values() for point in members]
    assert len(points) == len(set(points))
    assert set(points) <= set(range(468))
    assert len(points) > 440


@given(SEEDS)
def test_a_points_region_is_that_of_the_nearest_landmark(seed: int) -> None:
    rng = np.random.default_rng(seed)
    landmarks = rng.uniform(-60, 60, (478, 3))
    points = rng.uniform(-80, 80, (40, 3))
    region = {point: number for number, own in enumerate(POINTS.values()) for point in own}
    for point, found in zip(points, face_regions(points, landmarks), strict=True):
        distances = np.linalg.norm(landmarks[:468] - point, axis=1)
        nearest = int(distances.argmin())
        near = distances[nearest] <= REACH_MM
        assert found == (region.get(nearest, NO_REGION) if near else NO_REGION)


@given(st.lists(st.tuples(ERROR, st.integers(-1, len(REGIONS) - 1)), min_size=1, max_size=30))
def test_means_of_regions(values: list[tuple[float, int]]) -> None:
    distances, regions = (np.array(column) for column in zip(*values, strict=True))
    found = region_means(distances, regions.astype(np.int8))
    for number, name in enumerate(REGIONS):
        own = [value for value, region in values if region == number]
        assert found[name] == pytest.approx(np.mean(own) if own else np.nan, nan_ok=True)


@given(SEEDS, st.floats(0.1, 10), st.integers(2, 3))
def test_the_landmark_error_does_not_depend_on_unit_place_and_turn(
    seed: int, factor: float, dimensions: int
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(68, dimensions))
    predicted = truth + 0.1 * rng.normal(size=truth.shape)
    turn = Rotation.random(random_state=seed).as_matrix()[:dimensions, :dimensions]
    turn = np.linalg.qr(turn)[0]
    moved = [factor * points @ turn.T + 5 for points in (predicted, truth)]
    error = normalised_mean_error(predicted, truth)
    assert normalised_mean_error(*moved) == pytest.approx(error, rel=1e-6)
    assert normalised_mean_error(truth, truth) == 0


def test_a_missing_landmark_is_never_averaged_over() -> None:
    truth = np.random.default_rng(0).normal(size=(68, 2))
    predicted = truth.copy()
    predicted[5] = np.nan
    assert math.isnan(normalised_mean_error(predicted, truth))
    with pytest.raises(ValueError, match="68"):
        normalised_mean_error(truth[:67], truth[:67])


# Scores of any challenge.


def toy(**changes: object) -> Challenge:
    plain = {
        "name": "toys",
        "title": "Toys",
        "about": "Toys.",
        "metrics": (Metric("error", "error", "mm"), Metric("share", "share", "")),
        "questions": lambda data: iter(()),
        "count": lambda data: 0,
        "score": lambda question, answer: Scored({}),
        "baselines": lambda data: {},
    }
    return Challenge(**{**plain, **changes})  # type: ignore[arg-type]


def score(subject: str, value: float | None, **more: object) -> Score:
    plain = {
        "challenge": "toys",
        "system": "ours",
        "size": None,
        "test_set": "first",
        "subject": subject,
        "question": "q",
        "conditions": {},
        "metric": "error",
        "value": value,
        "failure": "none" if value is None else None,
    }
    return Score(**{**plain, **more})  # type: ignore[arg-type]


VALUES = st.lists(st.tuples(st.sampled_from("abcd"), st.none() | ERROR), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(VALUES)
def test_a_metric_is_the_mean_over_subjects_that_have_it(
    values: list[tuple[str, float | None]],
) -> None:
    scores = [score(subject, value) for subject, value in values]
    own: dict[str, list[float]] = {}
    for subject, value in values:
        if value is not None:
            own.setdefault(subject, []).append(value)
    slow = np.mean([np.mean(members) for members in own.values()]) if own else np.nan
    assert interval(scores).value == pytest.approx(slow, nan_ok=True)
    found = score_figures(toy(), "ours", scores, [])
    assert found["subjects"] == len(own)
    assert found["failures"] == sum(value is None for _, value in values)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), ERROR), min_size=1, max_size=12))
def test_a_stratum_without_edges_has_a_bin_for_every_number(
    values: list[tuple[int, float]],
) -> None:
    stratum = Stratum("count", "count", lambda conditions: conditions.get("count"))
    scores = [
        score(f"s{i}", value, conditions={"count": count})
        for i, (count, value) in enumerate(values)
    ]
    scores += [score("other", 1.0), score("other", 1.0, metric="share")]
    found = score_bins(toy(), stratum, scores)
    assert [one.name for one in found] == [str(count) for count in sorted({c for c, _ in values})]
    for one in found:
        assert isinstance(one, ScoreBin)
        members = [value for count, value in values if str(count) == one.name]
        assert one.value.value == pytest.approx(np.mean(members))
        assert one.place == float(one.name)
        assert one.subjects == len(members)


def test_further_test_sets_and_baselines_have_names_of_their_own() -> None:
    own = [score("a", 1.0), score("b", 3.0), score("a", 10.0, test_set="second")]
    base = [score("a", 2.0, system="mean"), score("b", 6.0, system="mean")]
    found = score_figures(toy(), "ours", own, base)
    assert found["error"] == 2.0
    assert found["mean_error"] == 4.0
    assert found["error_ratio_to_mean"] == pytest.approx(0.5)
    assert found["second_error"] == 10.0
    assert found["second_subjects"] == 1
    names = chosen(toy(), found)
    assert names[0] == "error"
    assert "error_ratio_to_mean" in names
    assert len(names) <= 12


def test_a_challenges_own_figures_stand_for_the_usual() -> None:
    challenge = toy(figures=lambda system, own, base: {"mine": 7}, chosen=lambda: ("mine",))
    assert score_figures(challenge, "ours", [score("a", 1.0)], []) == {"mine": 7}
    assert chosen(challenge, {}) == ("mine",)


def test_the_headline_is_the_first_error() -> None:
    assert ERRORS[0] == "face_scan_to_mesh_mm"
    assert toy().headline.name == "error"
