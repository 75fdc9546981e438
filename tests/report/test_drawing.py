"""What is drawn: outlines, points, charts, colours, steps and the viewer's meshes."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from headwater.geometry.cameras import Camera, look_at, project
from headwater.report.charts import Scale, Series, cumulative, line_chart, pairs_chart, tick_step
from headwater.report.evaluation import Reconstruction
from headwater.viewer.formats import number, visible
from headwater.report.pictures import axes_layer, data_uri, depth_picture, outline_path
from headwater.report.renders import HEAT_LIMIT_MM, heat_colours, studio_camera
from headwater.report.results import smoothed
from headwater.report.shapes import measured, steps_to_show
from headwater.report.viewer import engine, seen_from, viewer_model
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


def test_pictures_are_shrunk_never_enlarged() -> None:
    for width, wanted in ((20, 20), (500, 40)):
        uri = data_uri(np.full((30, 40, 3), 200, np.uint8), width)
        picture = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
        assert picture.format == "WEBP"
        assert picture.size == (wanted, round(wanted * 30 / 40))


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


@given(st.integers(0, 60))
def test_strip_has_the_first_and_the_last_step(count: int) -> None:
    shown = steps_to_show(count)
    assert shown == sorted(set(shown))
    assert len(shown) == min(count, 8)
    assert not shown or (shown[0], shown[-1]) == (0, count - 1)


def test_heat_colours_stop_at_the_limit() -> None:
    colours = heat_colours(np.array([0.0, HEAT_LIMIT_MM, 10 * HEAT_LIMIT_MM]))
    assert np.array_equal(colours[1], colours[2])
    assert colours[0].sum() > colours[1].sum()


@settings(max_examples=20)
@given(st.floats(-180, 180), st.floats(-30, 30))
def test_studio_camera_sees_everything(yaw: float, pitch: float) -> None:
    cloud = np.random.default_rng(5).normal(0, (60, 90, 50), (200, 3)) + np.array([5, -20, 9])
    pixels, depth = project(studio_camera(cloud, yaw, pitch, 100), cloud)
    assert (depth > 0).all()
    assert pixels.min() >= 0
    assert pixels.max() <= 100


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


def test_seen_vertices_face_the_camera() -> None:
    one = _sphere()
    seen = seen_from(one.camera, one.vertices, one.faces)
    towards = one.camera.centre - one.vertices
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine = (towards * one.vertices / RADIUS).sum(axis=1)
    assert (seen[cosine < 0] == 0).all()
    assert (seen[cosine > 0.6] == 1).all()


def test_hidden_vertices_are_not_seen() -> None:
    near = SPHERE.vertices.astype(np.float32) * 0.2 + np.float32((0, 0, 300))
    far = SPHERE.vertices.astype(np.float32) * 0.1
    faces = np.vstack([SPHERE.faces, SPHERE.faces + len(near)]).astype(np.int32)
    R, t = look_at((0.0, 0.0, 900.0), (0.0, 0.0, 0.0))
    front = Camera(camera().K, R, t, 48, 48)
    seen = seen_from(front, np.vstack([near, far]).astype(np.float32), faces)
    assert seen[: len(near)].max() == 1
    assert seen[len(near) :].max() == 0


def test_no_colour_from_beyond_the_photo() -> None:
    one = _sphere()
    narrow = replace(one, camera=replace(one.camera, width=20))
    seen = np.frombuffer(base64.b64decode(viewer_model(narrow)["seen"]), "u1")
    pixels, _ = project(one.camera, one.vertices)
    assert seen.max() == 255
    assert (seen[pixels[:, 0] >= 20] == 0).all()


def test_viewer_positions_survive_packing() -> None:
    one = _sphere()
    model = viewer_model(one)
    packed = np.frombuffer(base64.b64decode(model["positions"]), "<u2")
    positions = packed.reshape(3, -1, 3) * np.array(model["scale"]) + np.array(model["low"])
    assert np.abs(positions - np.stack(one.steps)).max() < 0.01
    faces = np.frombuffer(base64.b64decode(model["faces"]), "<u4").reshape(-1, 3)
    assert np.array_equal(faces, one.faces)
    uv = np.frombuffer(base64.b64decode(model["uv"]), "<u2").reshape(-1, 2) / 65535
    pixels, _ = project(one.camera, one.vertices)
    assert np.allclose(uv * 48, pixels, atol=0.01)


def test_three_js_comes_with_its_licence() -> None:
    source = engine()
    assert source is not None
    assert source.startswith("/**\n * @license\n * Copyright")
    assert "SPDX-License-Identifier: MIT" in source[:200]
    assert "</script" not in source
    assert "WebGLRenderer" in source
