"""Drawings of the report: outlines, points, charts and colours."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.geometry.cameras import Camera, look_at, project
from headwater.metrics.intervals import Interval
from headwater.report.charts import (
    Scale,
    Series,
    Whiskers,
    cumulative,
    line_chart,
    pairs_chart,
    tick_step,
    whisker_chart,
)
from headwater.report.evaluation import Reconstruction
from headwater.report.pictures import axes_layer, depth_picture, outline_path
from headwater.report.renders import HEAT_LIMIT_MM, heat_colours
from headwater.report.results import smoothed
from headwater.report.shapes import measured
from headwater.viewer.formats import number, visible
from tests.report.tiny_data import SPHERE, camera

RADIUS = 90.0


def _points(path: str) -> list[np.ndarray]:
    return [
        np.array([pair.split() for pair in part.strip("MZ").split("L")], float)
        for part in re.findall(r"M[^MZ]*Z", path)
    ]


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


@given(st.tuples(*[st.integers(0, 30)] * 2), st.tuples(*[st.integers(3, 30)] * 2))
def test_outline_of_a_rectangle(corner: tuple[int, int], size: tuple[int, int]) -> None:
    region = np.zeros((64, 64), bool)
    (x, y), (width, height) = corner, size
    region[y : y + height, x : x + width] = True
    (polygon,) = _points(outline_path(region))
    assert np.allclose(polygon.min(axis=0), (x, y), atol=0.55)
    assert np.allclose(polygon.max(axis=0), (x + width, y + height), atol=0.55)
    assert _area(polygon) == pytest.approx(width * height, abs=0.6 * (width + height))


def test_outline_keeps_holes_and_separate_areas() -> None:
    region = np.zeros((40, 40), bool)
    region[5:25, 5:25] = True
    region[10:20, 10:20] = False
    region[30:36, 30:36] = True
    assert len(_points(outline_path(region))) == 3
    assert outline_path(np.zeros((9, 9), bool)) == ""


def test_axes_end_where_the_camera_sees_them() -> None:
    ends = re.findall(r'cx="([\d.-]+)" cy="([\d.-]+)"', axes_layer(camera()))
    wanted, _ = project(camera(), 110.0 * np.eye(3))
    assert np.allclose(np.array(ends, float), wanted, atol=0.051)
    R, t = look_at((0.0, 0.0, 50.0), (0.0, 0.0, 0.0))
    assert axes_layer(Camera(camera().K, R, t, 48, 48)) == ""


def test_near_depth_is_lighter() -> None:
    picture = depth_picture(np.array([[0.0, 500.0, 600.0]], np.float32))
    assert picture[0, :, 3].tolist() == [0, 255, 255]
    assert picture[0, 1, :3].sum() > picture[0, 2, :3].sum()


@given(st.floats(1e-6, 1e6))
def test_tick_steps_are_round_and_few(span: float) -> None:
    step = tick_step(span)
    mantissa = step / 10.0 ** np.floor(np.log10(step) + 1e-9)
    assert min(abs(mantissa - one) for one in (1, 2, 5, 10)) < 1e-6
    assert 2 <= span / step <= 10


@given(st.floats(1e-3, 1e3), st.floats(1.2, 1e4), st.booleans())
def test_ticks_lie_on_the_scale(low: float, factor: float, log: bool) -> None:
    scale = Scale(low, low * factor, 10, 210, log)
    ticks = scale.ticks()
    assert all(9.9 <= scale(tick) <= 210.1 for tick in ticks)
    assert ticks == sorted(ticks)
    assert scale(low) == pytest.approx(10)
    assert scale(low * factor) == pytest.approx(210)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.integers(0, 5))
def test_cumulative_counts_values_and_failures(values: list[float], failed: int) -> None:
    total = len(values) + failed
    line = cumulative(values, "ours", "a", total)
    for value in values:
        share = max(y for x, y in zip(line.x, line.y, strict=True) if x <= value)
        assert share == pytest.approx(100 * sum(v <= value for v in values) / total)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.integers(1, 9))
def test_running_mean(values: list[float], window: int) -> None:
    slow = [np.mean(values[max(0, i - window + 1) : i + 1]) for i in range(len(values))]
    assert np.allclose(smoothed(values, window), slow, atol=1e-9)


def test_charts_escape_names_and_skip_what_is_not_finite() -> None:
    nan = float("nan")
    chart = line_chart([Series("<b>", [0, 1, 2], [1, nan, 3])], "x", "y", 'a "chart"', log=True)
    assert "<b>" not in chart
    assert "nan" not in chart
    assert "&#34;chart&#34;" in chart
    assert line_chart([Series("a", [0], [nan])], "x", "y", "") == ""
    assert pairs_chart([], ("a", "b"), "mm", "") == ""


def test_numbers_and_names() -> None:
    assert number(1234567) == "1,234,567"
    assert number(float("nan")) == number(None) == "–"
    assert visible("a\nb\u202e.jpg") == "a\\nb\\u202e.jpg"
    assert len(visible("x" * 500)) <= 81


def test_heat_colours_stop_at_the_limit() -> None:
    colours = heat_colours(np.array([0.0, HEAT_LIMIT_MM, 10 * HEAT_LIMIT_MM]))
    assert np.array_equal(heat_colours(np.array([0.0, 1.0, 2.0]), 1.0), colours)
    assert np.array_equal(colours[1], colours[2])
    assert colours[0].sum() > colours[1].sum()


def _sphere() -> Reconstruction:
    vertices = SPHERE.vertices.astype(np.float32)
    faces = SPHERE.faces.astype(np.int32)
    tip, _ = project(camera(), np.array([[0.0, 0.0, RADIUS]]))
    landmarks = np.repeat(tip, 68, axis=0).astype(np.float32)
    image = np.zeros((48, 48, 3), np.uint8)
    steps = [vertices * share for share in (0.1, 0.5, 1.0)]
    return Reconstruction(
        "s", "best", image, camera(), vertices, faces, None, None, steps, landmarks, landmarks, None
    )


def test_only_the_sphere_around_the_nose_is_measured() -> None:
    one = _sphere()
    inside = measured(one)
    distance = np.linalg.norm(one.vertices - (0, 0, RADIUS), axis=1)
    assert inside[distance < 75].all()
    assert not inside[distance > 115].any()


def test_whiskers_stand_beside_each_other_with_their_intervals() -> None:
    nothing = Interval(np.nan, np.nan, np.nan)
    ours = Whiskers("<ours>", [Interval(1.0, 0.5, 2.0), nothing], "a")
    theirs = Whiskers("theirs", [Interval(3.0, np.nan, np.nan), Interval(4.0, 3.0, 5.0)], "b")
    chart = whisker_chart(["0 to 1", "2 & more"], [ours, theirs], "x", "y", "about")
    dots = re.findall(r'class="dot (.)" cx="([\d.]+)" cy="([\d.]+)"', chart)
    assert [style for style, _, _ in dots] == ["a", "b", "b"]
    across = [float(x) for _, x, _ in dots]
    assert across == sorted(across)
    assert float(dots[0][2]) > float(dots[1][2]) > float(dots[2][2])
    assert len(re.findall(r'd="M[\d.]+ [\d.]+V', chart)) == 2
    assert "2 &amp; more" in chart
    assert "&lt;ours&gt;: 1.00, 0.50 to 2.00" in chart
    assert 'opacity=".3"' not in whisker_chart(["a"], [ours], "x", "y", "about", joined=False)
    assert whisker_chart(["a"], [Whiskers("none", [nothing])], "x", "y", "about") == ""
