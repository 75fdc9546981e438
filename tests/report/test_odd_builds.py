"""Sections of builds as they may be: one subject, no photos, nothing but failures, huge values."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.artifacts import schemas
from headwater.artifacts.evaluate_schemas import ERRORS, EXAMPLES, PHOTO_HEADS
from headwater.artifacts.ids import item_id
from headwater.artifacts.tables import to_table, write_bucket
from headwater.config import Params
from headwater.evaluation.challenge import Score
from headwater.evaluation.scores import write_scores
from headwater.metrics.benchmark import BenchmarkRow
from headwater.report import build_page
from headwater.report.comparison import compare_systems
from headwater.report.counts import count_steps, licences, rejections
from headwater.report.evaluation import Evaluation, read_evaluation
from headwater.report.frames import edited_frames, face_square, photo_frames, synthetic_frames
from headwater.report.making import flat
from headwater.report.reading import rows_of_file, spread
from headwater.report.results import Results, results_section
from headwater.report.summary import summary
from headwater.report.systems import systems_section
from headwater.systems.glvd import SYSTEM
from tests.evaluation.written_rows import write_rows
from tests.report.test_page import Page
from tests.report.tiny_data import Builder, _frames, _picture, _synthetic, row_of, write_data
from tests.systems.test_systems import PLUGIN

TITLES = {"lvd": "LVD", "glvd": "GLVD"}


def error_row(number: int, ours: float | None, base: float | None, **more: Any) -> dict[str, Any]:
    item = item_id("head", number)
    return row_of(
        ERRORS,
        item=item,
        subject=item,
        split="test",
        source="synthetic",
        system="glvd",
        face_scan_to_mesh_mm=ours,
        mean_head_face_scan_to_mesh_mm=base,
        **more,
    )


def results_of(errors: list[dict[str, Any]], **parts: Any) -> Results:
    plain: dict[str, Any] = {
        "metrics": None,
        "loss": None,
        "descent": None,
        "errors": errors,
        "reconstructions": [],
    }
    return results_section(Evaluation(**{**plain, **parts}), SYSTEM)


ERROR = st.floats(0.01, 1e6)


@given(st.lists(st.tuples(ERROR, ERROR), min_size=1, max_size=8), st.integers(0, 4))
def test_charts_of_heads_hold_the_tables_numbers(
    errors: list[tuple[float, float]], failed: int
) -> None:
    rows = [error_row(number, *pair) for number, pair in enumerate(errors)]
    rows += [error_row(100 + number, None, 1.0, failure="not aligned") for number in range(failed)]
    results = results_of(rows)
    assert results.wins == (sum(ours < base for ours, base in errors), len(errors))
    assert results.failure_count == failed
    tips = re.findall(r"head (\w+): ([\d.]+), mean head ([\d.]+)<", str(results.pairs))
    wanted = sorted(
        (f"{ours:.2f}", f"{base:.2f}", row["subject"][:6])
        for (ours, base), row in zip(errors, rows, strict=False)
    )
    assert sorted((ours, base, head) for head, ours, base in tips) == wanted
    reached = [float(y) for y in re.findall(r" ([\d.]+)(?=L|\")", str(results.cumulative))]
    # The curve ends below the top by the share of failures: 264 px are 0 %, 14 px 105 % of it.
    top = 1.05 * 100 * len(errors) / (len(errors) + failed)
    share = (264 - min(reached)) / 250 * top
    assert share == pytest.approx(100 * len(errors) / (len(errors) + failed), abs=0.5)


def test_nothing_but_failures_is_counted_and_not_drawn() -> None:
    rows = [error_row(number, None, None, failure=f"reason {number}") for number in range(20)]
    results = results_of(rows)
    assert results.failure_count == 20
    assert len(results.failures) == 12
    assert results.wins == (0, 0)
    assert (results.pairs, results.cumulative) == ("", "")


def test_a_head_that_only_the_baseline_failed_on_is_in_no_pair() -> None:
    results = results_of([error_row(0, 1.0, None), error_row(1, 2.0, 3.0)])
    assert results.wins == (1, 1)
    assert str(results.pairs).count("<title>") == 1


@pytest.mark.parametrize("loss", [None, {}, {"step": [1.0, 2.0]}])
def test_a_loss_without_values_is_no_chart(loss: dict[str, list[float]] | None) -> None:
    assert results_of([], loss=loss).loss == ""


def test_a_loss_that_has_gone_to_zero_is_no_fault() -> None:
    zero = {"step": [1.0, 2.0], "loss": [0.0, 0.0]}
    assert results_of([], loss=zero).loss == ""
    some = {"step": [1.0, 2.0], "loss": [1.0, 0.0]}
    assert "<svg" in results_of([], loss=some).loss


def test_steps_of_the_descent_have_their_unit_in_the_name() -> None:
    table = {"step": [0.0, 1.0], "vertex_error_mm": [60.0, 2.0]}
    chart = str(results_of([], descent=table).descent)
    assert "Vertex error, mm" in chart
    assert "<title>Vertex error, mm: 1, 2</title>" in chart


# The opening paragraph and its numbers.


def opening(data: Path, metrics: dict[str, Any] | None) -> tuple[str, dict[str, str]]:
    steps = count_steps(data)
    evaluation = Evaluation(metrics, None, None, [], [])
    found = summary(steps, None, rejections(data), evaluation, "GLVD")
    return " ".join(found.sentences), {one.label: one.value for one in found.numbers}


def test_an_empty_build_says_so(tmp_path: Path) -> None:
    text, numbers = opening(tmp_path, None)
    assert text == "Nothing has been built yet."
    assert numbers == {"items built": "0", "rejects": "0"}


def test_one_of_each_is_written_in_the_singular(tmp_path: Path) -> None:
    builder = Builder()
    item = item_id("photo")
    builder.add(schemas.PHOTOS, item=item, subject=item, split="train", image=_picture(0))
    builder.add(
        schemas.rejects_schema("ingest"), item=item, subject=item, step="ingest", reason="no_face"
    )
    builder.write(tmp_path)
    metrics = {
        "estimated_face_scan_to_mesh_mm": 1.5,
        "estimated_mean_head_face_scan_to_mesh_mm": 2.0,
        "estimated_subjects": 1,
        "estimated_failures": 1,
    }
    text, numbers = opening(tmp_path, metrics)
    assert "1 photo became 1 item" in text
    assert "1 input could not be processed" in text
    assert "From one picture alone each of 1 held-out head, GLVD puts the face 1.50 mm" in text
    assert "the mean head is 2.00 mm off." in text
    assert numbers["of the mean head's error"] == "0.75"
    text, _ = opening(tmp_path, {**metrics, "estimated_landmark_fit_face_scan_to_mesh_mm": 1.25})
    assert "2.00 mm off, the head model fitted to the landmarks 1.25 mm." in text


@given(st.floats(1e-3, 1e9), st.floats(1e-3, 1e9))
def test_the_ratio_is_that_of_the_two_figures(ours: float, base: float) -> None:
    face = "face_scan_to_mesh_mm"
    metrics = {f"estimated_{face}": ours, f"estimated_mean_head_{face}": base}
    _, numbers = opening(Path("/nonexistent"), metrics)
    assert numbers["of the mean head's error"] == f"{ours / base:.2f}"
    assert numbers["GLVD face error, camera estimated"] == f"{ours:,.2f}"


def test_the_estimated_camera_leads_and_the_given_one_stands_beside(tmp_path: Path) -> None:
    face = "face_scan_to_mesh_mm"
    given = {f"given_{face}": 1.0, f"given_mean_head_{face}": 2.0, "given_subjects": 4}
    text, numbers = opening(tmp_path, given)
    assert "From one picture, its camera and mask each of 4 held-out heads" in text
    assert numbers["GLVD face error, camera given"] == "1.00"
    both = {f"estimated_{face}": 1.5, f"estimated_mean_head_{face}": 2.0, "estimated_subjects": 3}
    text, numbers = opening(tmp_path, {**given, **both})
    assert "3 held-out heads, GLVD puts the face 1.50 mm" in text
    assert "on average, with its camera and mask given 1.00 mm; the mean" in text
    assert numbers["of the mean head's error"] == "0.75"


def test_a_mean_head_without_error_leaves_the_ratio_out(tmp_path: Path) -> None:
    face = "face_scan_to_mesh_mm"
    metrics = {f"estimated_{face}": 1.0, f"estimated_mean_head_{face}": 0.0}
    _, numbers = opening(tmp_path, metrics)
    assert "of the mean head's error" not in numbers


# Counts, rejects, licences.


def test_rejects_are_grouped_by_reason_the_most_frequent_first(tmp_path: Path) -> None:
    builder = Builder()
    reasons = ["no_face"] * 3 + ["truncated"] * 5 + ["blurred"] * 3
    for number, reason in enumerate(reasons):
        item = item_id("photo", number)
        builder.add(
            schemas.rejects_schema("ingest"),
            item=item,
            subject=item,
            step="ingest",
            reason=reason,
            message=f"message of {reason}",
            name=f"photo-{number:02d}.jpg",
        )
    builder.write(tmp_path)
    groups = rejections(tmp_path, examples=2)
    assert [(one.reason, one.count) for one in groups] == [
        ("truncated", 5),
        ("blurred", 3),
        ("no_face", 3),
    ]
    assert groups[0].names == ("photo-03.jpg", "photo-04.jpg")
    assert groups[1].message == "message of blurred"
    counted = {step.step: (step.items, step.rejects) for step in count_steps(tmp_path)}
    assert counted["ingest"] == (None, 11)
    assert counted["photos"] == (None, 0)


def test_licences_are_counted_by_step(tmp_path: Path) -> None:
    builder = Builder()
    for number, licence in enumerate(("CC0-1.0", "unknown", "CC0-1.0")):
        item = item_id("photo", number)
        builder.add(schemas.PHOTOS, item=item, subject=item, licence=licence, image=_picture(0))
    builder.write(tmp_path)
    assert [(one.step, one.licence, one.count) for one in licences(tmp_path)] == [
        ("photos", "CC0-1.0", 2),
        ("photos", "unknown", 1),
    ]


# Frames.


@given(
    st.lists(st.tuples(st.floats(-200, 400), st.floats(-200, 400)), min_size=1, max_size=9),
    st.integers(1, 200),
    st.integers(1, 200),
    st.floats(0.1, 5),
)
def test_a_square_round_points_lies_in_the_picture(
    points: list[tuple[float, float]], width: int, height: int, share: float
) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = face_square(np.array(points, np.float32), picture, share)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == bottom - top


def test_a_square_is_centred_on_its_points_where_there_is_room() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    points = np.array([(40, 50), (60, 70)], np.float32)
    assert face_square(points, picture, 1.5) == (35, 45, 65, 75)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=20), st.integers(0, 12))
def test_rows_are_taken_in_turn_from_all_groups(rows: list[tuple[str, int]], limit: int) -> None:
    members = [{"kind": kind, "number": number, "at": at} for at, (kind, number) in enumerate(rows)]
    chosen = spread(members, limit, lambda row: row["kind"])
    assert len(chosen) == min(limit, len(members))
    assert len({row["at"] for row in chosen}) == len(chosen)
    counts = {kind: sum(row["kind"] == kind for row in chosen) for kind in "abc"}
    for kind, count in counts.items():
        whole = sum(one == kind for one, _ in rows)
        assert count == whole or count >= max(counts.values()) - 1
        own = [row["at"] for row in chosen if row["kind"] == kind]
        assert own == sorted(own)


def test_frames_of_a_build_without_photos_are_synthetic_alone(tmp_path: Path) -> None:
    builder = Builder()
    _synthetic(builder, 0)
    builder.write(tmp_path)
    assert photo_frames(tmp_path, 9) == []
    frames = synthetic_frames(tmp_path, 9)
    assert [frame.note for frame in frames] == ["frontal, test", "side, test"]
    edited = edited_frames(tmp_path, 3, 1)
    assert len(edited) == 1
    assert set(edited[0].edits) == {"closed_eyes", "open_mouth", "frown"}


def test_frames_without_an_edit_that_is_shown_leave_their_place_to_others(tmp_path: Path) -> None:
    """Of the 24 patterns every one that a page shows may have been rejected, and others kept."""
    builder = Builder()
    for number in range(3):
        _synthetic(builder, number)
    _, edits = builder.rows[schemas.EXPRESSIONS.name]
    kept = {row["parent"] for row in edits}
    bare = min(kept)
    for row in edits:
        row["edit"] = "wide_nose" if row["parent"] == bare else "open_mouth_40"
    builder.write(tmp_path)
    shown = edited_frames(tmp_path, 3, len(kept))
    assert len(shown) == len(kept) - 1
    for one in shown:
        assert [edit for edit, picture in one.edits.items() if picture is not None] == [
            "open_mouth_40"
        ]
    assert len(edited_frames(tmp_path, 3, 1)) == 1


@pytest.mark.parametrize("limit", [1, 3, 4, 9])
def test_as_many_heads_as_possible_are_shown_before_a_second_view(
    tmp_path: Path, limit: int
) -> None:
    builder = Builder()
    for number in range(3):
        _synthetic(builder, number)
    builder.write(tmp_path)
    frames = synthetic_frames(tmp_path, limit)
    assert len(frames) == min(limit, 6)
    assert len({frame.item for frame in frames}) == len(frames)
    heads = {frame.name.split(",")[0] for frame in frames}
    assert len(heads) == min(limit, 3)


def test_a_photo_without_later_steps_is_shown_as_it_is(tmp_path: Path) -> None:
    builder = Builder()
    item = item_id("photo")
    origin = {"item": item, "subject": item, "split": "train", "source": "photo"}
    builder.add(schemas.PHOTOS, **origin, file_name="one.jpg", image=_picture(0))
    _frames(builder, item, item, "photo", 3)
    for schema in (schemas.LANDMARKS, schemas.MASKS, schemas.PARTS, schemas.CAMERAS):
        del builder.rows[schema.name]
    builder.write(tmp_path)
    (frame,) = photo_frames(tmp_path, 9)
    assert frame.name == "one.jpg"
    assert frame.note == "one of 2 faces"
    assert [frame.mask, frame.parts, frame.landmarks_68, frame.depth, frame.camera] == 5 * [None]


# Parameters.


@given(
    st.recursive(
        st.integers() | st.text(max_size=5).filter(lambda text: "/" not in text),
        lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda values: isinstance(values, dict))
)
def test_every_setting_has_one_line_with_its_dotted_name(values: dict[str, Any]) -> None:
    def slow(inner: dict[str, Any], before: tuple[str, ...]) -> list[tuple[str, str]]:
        rows = []
        for name, value in inner.items():
            own = (*before, name)
            rows += slow(value, own) if isinstance(value, dict) else [(".".join(own), str(value))]
        return rows

    assert flat(values) == slow(values, ())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("data/portraits", "data/portraits"),
        ("/home/somebody/photos", "…/photos"),
        ("ict:/models/ict.npz", "ict:…/ict.npz"),
        ("/", "…/"),
        ("s3://team/cache", "s3://team/cache"),
        ("/a/b\nc", "…/b\nc"),
    ],
)
def test_of_an_absolute_path_the_last_part_is_shown(value: str, shown: str) -> None:
    assert flat({"place": value}) == [("place", shown)]


# Systems side by side.


def benchmark(system: str, errors: list[float | None], **more: Any) -> list[BenchmarkRow]:
    rows = []
    for number, error in enumerate(errors):
        row = BenchmarkRow(f"head{number}", system, 1, 5.0, 1.0, **more)
        judged = {"failure": "no head"} if error is None else {"face_scan_to_mesh_mm": error}
        rows.append(replace(row, **judged))
    return rows


def test_one_subject_has_a_value_without_an_interval(tmp_path: Path) -> None:
    write_rows(tmp_path / "evaluate" / "glvd", {"held_out": benchmark("glvd", [1.5])})
    write_rows(tmp_path / "evaluate" / "baselines", {"held_out": benchmark("mean_head", [2.0])})
    compared = compare_systems(tmp_path, TITLES, ("glvd", "x"))
    base, ours = compared.lines
    assert (base.system, base.error.value) == ("mean head", 2.0)
    assert ours.ratio.value == pytest.approx(0.75)
    assert math.isnan(ours.error.low)
    section = systems_section(compared)
    shown = str(section.charts[1].chart)
    assert "GLVD: 1.50<" in shown
    assert "nan" not in shown


def test_a_system_that_failed_on_everything_stands_with_its_failures(tmp_path: Path) -> None:
    write_rows(tmp_path / "evaluate" / "glvd", {"held_out": benchmark("glvd", [None, None])})
    compared = compare_systems(tmp_path, TITLES, ("glvd", "x"))
    (line,) = compared.lines
    assert (line.subjects, line.failures) == (0, 2)
    assert math.isnan(line.error.value)
    assert all(chart.chart == "" for chart in systems_section(compared).charts)


def test_huge_errors_are_drawn_and_written(tmp_path: Path) -> None:
    write_rows(tmp_path / "evaluate" / "glvd", {"held_out": benchmark("glvd", [1e12, 2e12, 3e12])})
    compared = compare_systems(tmp_path, TITLES, ("glvd", "x"))
    assert compared.lines[0].error.value == pytest.approx(2e12)
    for chart in systems_section(compared).charts:
        assert not re.search(r'"[^"]*(nan|inf)[^"]*"', str(chart.chart))


def test_names_of_systems_are_escaped_in_every_chart(tmp_path: Path) -> None:
    write_rows(tmp_path / "evaluate" / "x", {"held_out": benchmark("<i>x</i>", [1.0, 2.0])})
    section = systems_section(compare_systems(tmp_path, TITLES, ("glvd", "x")))
    for chart in section.charts:
        assert "<i>" not in chart.chart
    assert "&lt;i&gt;x&lt;/i&gt;" in section.charts[1].chart


# Whole pages.


def test_the_page_of_one_subject_without_photos_or_systems(tmp_path: Path, params: Params) -> None:
    builder = Builder()
    _synthetic(builder, 0)
    builder.write(tmp_path)
    page = Page(build_page(tmp_path, params).html)
    steps = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in page.rows if row}
    shown = next(cells for name, cells in steps.items() if name.startswith("synthesize"))
    assert shown == ["1", "0", "1", "0"]
    assert "1 synthetic head seen in 2 views became" in page.text


def test_the_page_of_a_system_that_takes_no_steps(tmp_path: Path, params: Params) -> None:
    data = tmp_path / "data"
    write_data(data)
    evaluated = data / "evaluate" / "glvd"
    (evaluated / "descent.csv").unlink()
    (data / "train" / "glvd" / "loss.csv").write_text("step,loss\n1,2\n")
    for path, schema in (
        (data / "reconstruct" / "glvd" / "heads.parquet", PHOTO_HEADS),
        (evaluated / "examples.parquet", EXAMPLES),
    ):
        rows = [{**row, "steps_mm": []} for row in rows_of_file(path, schema) or []]
        write_bucket(path, schema, to_table(schema, rows), "")
    page = Page(build_page(data, params).html)
    text = " ".join(page.text.split())
    assert "1 step, GLVD" in text
    assert "landmark error 3.00 %" in text
    assert "Best, median and worst test head" in text
    for word in ("random ball", "The error over the steps", "Mean error on held-out heads after"):
        assert word not in text
    assert not [one for one in page.all("ol") if one.get("class") == "strip"]


def test_the_page_of_a_system_that_failed_on_all_heads(tmp_path: Path, params: Params) -> None:
    builder = Builder()
    for number in range(3):
        builder.rows.setdefault(ERRORS.name, (ERRORS, []))[1].append(
            error_row(number, None, None, failure=f"<u>{number}</u> & more")
        )
    builder.write(tmp_path)
    figures = {"subjects": 0, "failures": 3}
    (tmp_path / "evaluate" / "glvd" / "figures.json").write_text(json.dumps(figures))
    write_rows(tmp_path / "evaluate" / "glvd", {"held_out": benchmark("glvd", [None] * 3)})
    assert len(read_evaluation(tmp_path, "glvd", 2).errors) == 3
    page = Page(build_page(tmp_path, params).html)
    assert "<u>1</u> & more" in page.text
    assert "3 heads or photos gave no figure" in page.text
    assert page.row("Failures")[1].strip() == "3"


def test_a_build_without_systems_for_heads_has_no_sections_on_heads(
    tmp_path: Path, params: Params
) -> None:
    data = tmp_path / "data"
    write_data(data)
    shutil.rmtree(data / "evaluate" / "baselines")
    for step in ("train", "evaluate"):
        (data / step / "toy").mkdir()
    (data / "train" / "toy" / "loss.csv").write_text("step,loss\n1,2\n")
    (data / "evaluate" / "toy" / "figures.json").write_text('{"rmse": 1.0}')
    write_scores(data / "evaluate" / "baselines" / "fields", [])
    outside = params.model_copy(
        update={"plugins": {"toy": str(PLUGIN)}, "build": {"toy": "fields"}}
    )
    report = build_page(data, outside)
    page = Page(report.html)
    ids = [section.get("id") for section in page.all("section")]
    assert ids == ["challenge-fields", "built", "sheets", "quality", "making"]
    assert {link["href"][1:] for link in page.all("a") if link["href"][0] == "#"} <= {
        "main",
        *ids,
    }
    assert "GLVD" not in page.text
    assert report.picture is None
    graph = report.html[report.html.index('<svg class="diagram"') :]
    shown = re.findall(r'class="name">(\w+)</text><text[^>]*class="caption">(.*?)</text>', graph)
    captions = dict(shown)
    assert "other_heads" not in captions
    assert [captions[one] for one in ("train", "baselines", "evaluate")] == [
        "1 system",
        "1 challenge",
        "1 system",
    ]


def test_the_page_says_of_every_metric_which_way_is_better(tmp_path: Path, params: Params) -> None:
    outside = params.model_copy(
        update={"plugins": {"toy": str(PLUGIN)}, "build": {**params.build, "toy": "fields"}}
    )
    scores = [
        Score(
            "fields",
            "toy",
            "smoke",
            "parts",
            f"{n:032x}",
            "field",
            {"flatness": 0.1},
            "rmse",
            value,
            None,
        )
        for n, value in enumerate((0.5, 1.5))
    ]
    write_scores(tmp_path / "data" / "evaluate" / "toy", scores)
    page = Page(build_page(tmp_path / "data", outside).html)
    header = page.rows[page.rows.index(page.row("Toy fields smoke")) - 1]
    assert header[1] == "RMSE, units lower is better"
    assert page.row("Toy fields smoke")[1].split()[0] == "1.00"
