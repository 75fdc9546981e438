"""Numbers, names, pictures and models as text of a page: whole, bounded, and safe."""

import base64
import io
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from PIL import Image

from headwater.geometry.cameras import project
from headwater.viewer.encoding import data_uri, packed, shrunk
from headwater.viewer.formats import MAX_NAME, MISSING, number, plural, share, visible
from headwater.viewer.marks import landmarks_layer, points_path
from headwater.viewer.model import viewer_model
from headwater.viewer.scripts import viewer_context
from headwater.viewer.studio import STRIP_STEPS, steps_to_show, strip, studio_camera, turned
from headwater.viewer.templating import render_page
from headwater.viewer.texture import Texture
from tests.report.tiny_data import SPHERE

VERTICES = SPHERE.vertices.astype(np.float32)
FACES = SPHERE.faces.astype(np.int32)
SEEDS = st.integers(0, 2**31)


# Numbers and names.


@given(st.integers(-(10**15), 10**15))
def test_whole_numbers_are_written_in_groups_of_three(value: int) -> None:
    text = number(value)
    assert int(text.replace(",", "")) == value
    assert re.fullmatch(r"-?\d{1,3}(,\d{3})*", text)


@given(st.floats(-1e12, 1e12), st.integers(0, 6))
def test_other_numbers_are_rounded_to_their_digits(value: float, digits: int) -> None:
    text = number(value, digits)
    assert float(text.replace(",", "")) == pytest.approx(value, abs=0.5 * 10.0**-digits + 1e-3)
    assert len(text.partition(".")[2]) == digits


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_a_dash(value: float | None) -> None:
    assert number(value) == share(value) == MISSING


@given(st.floats(0, 1))
def test_shares_are_percentages(value: float) -> None:
    assert float(share(value).removesuffix(" %")) == pytest.approx(100 * value, abs=0.0501)


@given(st.text(max_size=200))
def test_any_name_is_one_printable_line_of_bounded_length(name: str) -> None:
    text = visible(name)
    assert text.isprintable()
    assert len(text) <= MAX_NAME + 1
    if name.isprintable() and len(name) <= MAX_NAME:
        assert text == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\tb", "a\\tb"),
        ("a\x00b", "a\\x00b"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("caf\u00e9 \U0001f642", "caf\u00e9 \U0001f642"),
        ("\udc80", "\\udc80"),
    ],
)
def test_control_characters_are_written_out(name: str, shown: str) -> None:
    assert visible(name) == shown


def test_counts_have_their_noun() -> None:
    assert plural(1, "head") == "1 head"
    assert plural(0, "head") == "0 heads"
    assert plural(12345, "entry", "entries") == "12,345 entries"


# Pictures and arrays.


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.integers(1, 120), st.integers(1, 100), st.sampled_from([1, 3, 4]))
def test_pictures_are_never_wider_than_they_may_be(
    height: int, width: int, most: int, channels: int
) -> None:
    picture = np.zeros((height, width, channels), np.uint8)
    small = shrunk(picture[..., 0] if channels == 1 else picture, most)
    assert small.shape[1] == min(width, most)
    assert abs(small.shape[0] - height * small.shape[1] / width) <= 0.5 or small.shape[0] == 1
    assert small.shape[2:] == (() if channels == 1 else (channels,))


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_picture_comes_back_from_its_data_uri(seed: int) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    picture = np.kron(coarse, np.ones((16, 16, 1), np.uint8))
    uri = data_uri(picture, 500, 95)
    assert uri.startswith("data:image/webp;base64,")
    again = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
    assert np.abs(again.astype(int) - picture).mean() < 12
    assert uri == data_uri(picture, 500, 95)


def test_transparency_stays() -> None:
    picture = np.zeros((20, 20, 4), np.uint8)
    picture[5:15, 5:15] = 255
    data = base64.b64decode(data_uri(picture, 20).split(",")[1])
    alpha = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))[..., 3]
    assert alpha[0, 0] == 0
    assert alpha[10, 10] == 255


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=40))
def test_numbers_are_packed_in_the_order_of_little_ends(values: list[int]) -> None:
    data = base64.b64decode(packed(np.array(values), "<u2"))
    assert list(data) == [byte for value in values for byte in (value & 255, value >> 8)]


# Landmarks.


@given(st.lists(st.tuples(st.floats(-999, 999), st.floats(-999, 999)), max_size=30))
def test_every_point_is_a_dot_at_its_place(points: list[tuple[float, float]]) -> None:
    path = points_path(np.array(points).reshape(-1, 2))
    dots = [tuple(map(float, dot.split())) for dot in re.findall(r"M([^h]+)h0", path)]
    assert len(dots) == len(points)
    np.testing.assert_allclose(
        np.array(dots).reshape(-1, 2), np.array(points).reshape(-1, 2), atol=0.051
    )


def test_points_that_are_not_known_are_no_dots() -> None:
    points = np.array([(1.0, 2.0), (np.nan, 3.0), (4.0, np.inf)])
    assert points_path(points) == "M1.0 2.0h0"
    assert landmarks_layer(None, None) == '<g class="layer landmarks"></g>'
    both = landmarks_layer(points[:1].astype(np.float32), points.astype(np.float32))
    assert both.index('class="many"') < both.index('class="few"')


# Models of the viewer.


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 4), st.floats(1e-3, 1e4))
def test_positions_are_packed_to_a_65535th_of_their_extent(
    seed: int, steps: int, size: float
) -> None:
    rng = np.random.default_rng(seed)
    positions = [(size * rng.normal(size=(9, 3)) + 5).astype(np.float32) for _ in range(steps)]
    texture = Texture(
        np.zeros(1, np.int32),
        np.zeros((1, 3), np.int32),
        np.zeros((1, 2), np.float32),
        np.zeros((2, 2, 3), np.uint8),
    )
    model = viewer_model("<name>", positions, np.zeros((1, 3), np.int32), texture)
    numbers = np.frombuffer(base64.b64decode(model["positions"]), "<u2").reshape(steps, 9, 3)
    found = numbers * np.array(model["scale"]) + np.array(model["low"])
    extent = np.ptp(np.stack(positions), axis=(0, 1))
    assert (np.abs(found - np.stack(positions)) <= 0.51 * extent / 65535 + 1e-4 + 1e-5 * size).all()
    assert (model["steps"], model["vertices"]) == (steps, 9)
    assert json.loads(json.dumps(model)) == model


def test_a_flat_head_is_packed_too() -> None:
    texture = Texture(
        np.zeros(1, np.int32),
        np.zeros((1, 3), np.int32),
        np.zeros((1, 2), np.float32),
        np.zeros((2, 2, 3), np.uint8),
    )
    flat = np.full((4, 3), 7.0, np.float32)
    model = viewer_model("flat", [flat], np.zeros((1, 3), np.int32), texture)
    assert set(np.frombuffer(base64.b64decode(model["positions"]), "<u2")) == {0}
    assert model["low"] == [7.0, 7.0, 7.0]


def test_models_cannot_end_the_script_that_they_lie_in() -> None:
    context = viewer_context([{"name": "</script><script>alert(1)"}])
    text = str(context["models"])
    assert "<" not in text
    assert json.loads(text) == [{"name": "</script><script>alert(1)"}]
    assert len(context["script_hashes"]) == len(context["scripts"]) == 2  # type: ignore[arg-type]
    assert viewer_context([]) == {"scripts": [], "models": None, "script_hashes": []}


# Pages.


def test_a_template_with_an_unknown_name_is_a_fault() -> None:
    with pytest.raises(UndefinedError):
        render_page("headwater.report", "page.html", {})


# Studio pictures.


@settings(max_examples=15, deadline=None)
@given(st.floats(-180, 180), st.floats(1, 180))
def test_a_head_fills_its_picture_whatever_its_size(yaw: float, radius: float) -> None:
    vertices = VERTICES * np.float32(radius / 90)
    pixels, _ = project(studio_camera(vertices, yaw, 4.0, 200), vertices)
    assert np.ptp(pixels, axis=0).max() > 150
    assert pixels.min() >= 0
    assert pixels.max() <= 200


def test_turned_pictures_show_different_sides() -> None:
    stretched = VERTICES * np.float32([1.0, 1.0, 0.4])
    front, side = turned(stretched, FACES, [0.0, 90.0], 64)
    seen = [int((picture[..., 3] > 127).any(axis=0).sum()) for picture in (front, side)]
    assert seen[0] > 2 * seen[1]


def test_a_strip_is_seen_by_one_camera() -> None:
    steps = [VERTICES * np.float32(0.5), VERTICES * np.float32(0.8), VERTICES]
    areas = [int((one[..., 3] > 127).sum()) for one in strip(steps, FACES, 64)]
    assert areas == sorted(areas)
    assert areas[0] == pytest.approx(0.25 * areas[2], rel=0.1)


@given(st.integers(STRIP_STEPS + 1, 500))
def test_late_steps_are_evenly_chosen(count: int) -> None:
    shown = steps_to_show(count)
    assert shown[:4] == [0, 1, 2, 3]
    late = np.diff(shown[4:])
    assert late.max() - late.min() <= 1
