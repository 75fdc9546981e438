"""Charts hold the numbers that they are given, whatever these are, inside their frame."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.metrics.intervals import Interval
from headwater.report.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MAX_DOTS,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    Series,
    Whiskers,
    legend,
    line_chart,
    pairs_chart,
    whisker_chart,
)

NAN = float("nan")
NUMBERS = st.integers(-10_000, 10_000)
POSITIVE = st.floats(1e-6, 1e6)
ANY = st.floats(allow_nan=True, allow_infinity=True)


def path_points(chart: str, style: str) -> np.ndarray:
    """Points (n, 2) px of the line of one style."""
    (path,) = re.findall(rf'class="line {style}" d="M([^"VC]*)"', chart)
    return np.array([pair.split() for pair in path.split("L")], float)


def every_number(chart: str) -> list[float]:
    """All coordinates of lines, paths and dots."""
    texts = re.findall(r'(?:c?[xy][12]?|d)="([^"]*)"', chart)
    return [float(one) for text in texts for one in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", text)]


def linear_values(
    pixels: np.ndarray, low: float, high: float, start: float, end: float
) -> np.ndarray:
    return low + (pixels - start) / (end - start) * (high - low)


@given(st.lists(st.tuples(NUMBERS, POSITIVE), min_size=2, max_size=12, unique_by=lambda p: p[0]))
def test_a_lines_points_stand_at_its_numbers(points: list[tuple[float, float]]) -> None:
    points = sorted(points)
    x, y = np.array(points).T
    chart = line_chart([Series("one", x.tolist(), y.tolist())], "x", "y", "about")
    drawn = path_points(chart, "a")
    across = linear_values(drawn[:, 0], x.min(), max(x.max(), x.min() + 1e-9), LEFT, WIDTH - RIGHT)
    up = linear_values(drawn[:, 1], 0.0, 1.05 * y.max(), HEIGHT - BOTTOM, TOP)
    # A pixel's tenth is what the path is rounded to.
    assert np.abs(across - x).max() <= 0.06 * max(np.ptp(x), 1e-9) / (WIDTH - RIGHT - LEFT) + 1e-9
    assert np.abs(up - y).max() <= 0.06 * 1.05 * y.max() / (HEIGHT - BOTTOM - TOP) + 1e-9


@given(st.lists(POSITIVE, min_size=2, max_size=12))
def test_a_logarithmic_line_stands_at_its_numbers(values: list[float]) -> None:
    chart = line_chart([Series("one", range(len(values)), values)], "x", "y", "about", log=True)
    drawn = path_points(chart, "a")[:, 1]
    low, high = np.log10(min(values) / 1.15), np.log10(max(values) * 1.15)
    logs = linear_values(drawn, low, high, HEIGHT - BOTTOM, TOP)
    np.testing.assert_allclose(logs, np.log10(values), atol=0.06 * (high - low) / 250 + 1e-9)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(ANY, ANY), min_size=1, max_size=6),
    st.booleans(),
)
def test_any_numbers_give_a_chart_within_its_frame_or_none(
    points: list[tuple[float, float]], log: bool
) -> None:
    x, y = zip(*points, strict=True)
    chart = line_chart([Series("one", x, y)], "x", "y", "about", log)
    assert "nan" not in chart.split("</svg>")[0].replace("about", "")
    if chart:
        drawn = path_points(chart, "a")
        assert (drawn[:, 0] >= LEFT - 0.1).all()
        assert (drawn[:, 0] <= WIDTH - RIGHT + 0.1).all()
        assert (drawn[:, 1] >= TOP - 0.1).all()
        assert (drawn[:, 1] <= HEIGHT - BOTTOM + 0.1).all()


def test_nothing_positive_has_no_logarithmic_chart() -> None:
    assert line_chart([Series("zero", [0, 1], [0.0, 0.0])], "x", "y", "", log=True) == ""
    both = [Series("zero", [0, 1], [0.0, 0.0]), Series("one", [0, 1], [1.0, 2.0], "b")]
    chart = line_chart(both, "x", "y", "", log=True)
    assert len(path_points(chart, "b")) == 2


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-300, 1e99, -1e99])
@pytest.mark.parametrize("x", [0.0, 1e18])
def test_a_single_point_is_drawn(value: float, x: float) -> None:
    chart = line_chart([Series("one", [x], [value])], "x", "y", "about")
    assert len(path_points(chart, "a")) == 1
    assert all(-1 <= number <= WIDTH + 1 for number in path_points(chart, "a").ravel())


def test_what_is_beyond_any_figure_is_left_out() -> None:
    chart = line_chart([Series("one", [0, 1, 2], [1.0, 1e300, 2.0])], "x", "y", "about")
    assert len(path_points(chart, "a")) == 2


def test_the_tips_of_dots_say_the_numbers() -> None:
    chart = line_chart([Series("loss", [1, 2.5], [0.12345, 1234.5])], "x", "y", "about")
    assert "<title>loss: 1, 0.123</title>" in chart
    assert "<title>loss: 2.5, 1.23e+03</title>" in chart


def test_long_lines_and_lines_that_turn_back_have_no_dots() -> None:
    count = MAX_DOTS + 1
    long = line_chart([Series("a", range(count), range(count))], "x", "y", "about")
    steps = line_chart([Series("a", [0, 1, 1], [0, 0, 1])], "x", "y", "about")
    assert "<circle" not in long
    assert "<circle" not in steps
    assert line_chart([Series("a", range(3), range(3))], "x", "y", "").count("<circle") == 3


def test_every_line_of_common_axes_is_named_in_its_colour() -> None:
    lines = [
        Series(f"line {style}", [0, 1], [1, number], style) for number, style in enumerate("abcd")
    ]
    chart = line_chart(lines, "x", "y", "about")
    names = re.findall(r'<span class="swatch (.)"></span>([^<]*)</li>', chart)
    assert names == [(style, f"line {style}") for style in "abcd"]
    for style in "abcd":
        assert len(path_points(chart, style)) == 2


def test_legends_escape_names() -> None:
    assert "<script>" not in legend([("a", "<script>")])
    assert "&lt;script&gt;" in legend([("a", "<script>")])


INTERVALS = st.tuples(POSITIVE, st.floats(0, 1), st.floats(0, 3)).map(
    lambda three: Interval(three[0], three[0] * (1 - three[1]), three[0] * (1 + three[2]))
)


def dots(chart: str) -> list[tuple[float, float, str]]:
    """Each dot's place px and tip."""
    found = re.findall(r'cx="([\d.-]+)" cy="([\d.-]+)" r="4"><title>([^<]*)</title>', chart)
    return [(float(x), float(y), tip) for x, y, tip in found]


@given(st.lists(st.lists(INTERVALS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_whiskers_stand_at_their_numbers_and_say_them(members: list[list[Interval]]) -> None:
    series = [
        Whiskers(f"system {number}", values, "abcd"[number])
        for number, values in enumerate(members)
    ]
    chart = whisker_chart(["0", "1", "2"], series, "x", "y", "about")
    top = 1.05 * max(value.high for values in members for value in values)
    flat = [(line.name, value) for line in series for value in line.values]
    assert len(dots(chart)) == len(flat)
    for (_, y, tip), (name, value) in zip(dots(chart), flat, strict=True):
        drawn = linear_values(np.array(y), 0.0, top, HEIGHT - BOTTOM, TOP)
        assert abs(drawn - value.value) <= 0.06 * top / (HEIGHT - BOTTOM - TOP) + 1e-9
        assert tip == f"{name}: {value.value:.2f}, {value.low:.2f} to {value.high:.2f}"
    bars = re.findall(r'd="M([\d.-]+) ([\d.-]+)V([\d.-]+)"', chart)
    for (_, low, high), (_, value) in zip(bars, flat, strict=True):
        ends = linear_values(np.array([float(low), float(high)]), 0.0, top, HEIGHT - BOTTOM, TOP)
        np.testing.assert_allclose(ends, [value.low, value.high], atol=0.06 * top / 250 + 1e-9)


@given(st.integers(1, 5), st.integers(1, 6))
def test_dots_of_one_category_stand_side_by_side_within_it(systems: int, categories: int) -> None:
    value = Interval(1.0, 0.5, 1.5)
    series = [Whiskers(str(number), [value] * categories) for number in range(systems)]
    chart = whisker_chart([str(at) for at in range(categories)], series, "x", "y", "about")
    width = (WIDTH - RIGHT - LEFT) / categories
    places = np.array([x for x, _, _ in dots(chart)]).reshape(systems, categories)
    for category in range(categories):
        low, high = LEFT + category * width, LEFT + (category + 1) * width
        assert (places[:, category] > low).all()
        assert (places[:, category] < high).all()
        assert (np.diff(places[:, category]) > 0).all()


@settings(max_examples=200)
@given(st.lists(st.tuples(ANY, ANY, ANY).map(lambda v: Interval(*v)), min_size=2, max_size=2))
def test_any_whiskers_stay_within_the_frame(values: list[Interval]) -> None:
    chart = whisker_chart(["a", "b"], [Whiskers("one", values)], "x", "y", "about")
    for x, y, _ in dots(chart):
        assert LEFT <= x <= WIDTH - RIGHT
        assert TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1
    assert all(np.isfinite(number) for number in every_number(chart))
    assert "nan" not in chart.lower()
    assert not re.search(r"[\"MVL ]-?inf", chart)


def test_negative_values_have_their_place_in_the_chart() -> None:
    values = [Interval(-2.0, -3.0, -1.0), Interval(1.0, 0.5, 1.5)]
    chart = whisker_chart(["a", "b"], [Whiskers("one", values)], "x", "y", "about")
    (_, low, _), (_, high, _) = dots(chart)
    assert HEIGHT - BOTTOM >= low > high >= TOP
    assert ">-2<" in chart


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=9))
def test_pairs_are_sorted_by_ours_and_coloured_by_the_better(
    pairs: list[tuple[float, float]],
) -> None:
    named = [(f"head {number}", *pair) for number, pair in enumerate(pairs)]
    chart = pairs_chart(named, ("ours", "base"), "mm", "about")
    shown = re.findall(
        r'class="pair (better|worse)"><title>(head \d+): ([\d.]+), base ([\d.]+)<', chart
    )
    ordered = sorted(named, key=lambda pair: pair[1])
    assert [label for _, label, _, _ in shown] == [label for label, _, _ in ordered]
    for (verdict, _, ours, base), (_, a, b) in zip(shown, ordered, strict=True):
        assert verdict == ("better" if a < b else "worse")
        assert (ours, base) == (f"{a:.2f}", f"{b:.2f}")


def test_heads_without_any_error_are_drawn_too() -> None:
    chart = pairs_chart([("head", 0.0, 0.0)], ("ours", "base"), "mm", "about")
    assert 'class="pair worse"' in chart
    assert "nan" not in chart


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1))
def test_a_scale_is_linear_between_its_ends(low: float, span: float, share: float) -> None:
    scale = Scale(low, low + span, 100.0, 300.0)
    assert scale(low + share * span) == pytest.approx(100 + 200 * share, abs=1e-4 * 200)


@given(st.floats(1e-6, 1e3), st.floats(2, 1e6), st.floats(0, 1))
def test_a_logarithmic_scale_is_linear_in_the_exponent(
    low: float, factor: float, share: float
) -> None:
    scale = Scale(low, low * factor, 100.0, 300.0, log=True)
    assert scale(low * factor**share) == pytest.approx(100 + 200 * share, abs=1e-3)
    assert scale(low / 10) == pytest.approx(100.0)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_linear_ticks_are_equally_far_apart_and_cover_the_scale(low: float, span: float) -> None:
    ticks = np.array(Scale(low, low + span, 0.0, 1.0).ticks())
    assert 2 <= len(ticks) <= 12
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-3)
    assert ticks[0] - low <= steps[0] * 1.001
    assert low + span - ticks[-1] <= steps[0] * 1.001
