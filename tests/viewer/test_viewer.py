"""Head on both pages: pictures, steps, the viewer's numbers and its engine."""

import base64
import hashlib
import io
from importlib.resources import files
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from headwater.geometry.cameras import Camera, look_at, project
from headwater.viewer.encoding import data_uri
from headwater.viewer.model import viewer_model
from headwater.viewer.scripts import engine, resource
from headwater.viewer.studio import steps_to_show, studio_camera
from headwater.viewer.texture import HeadPhoto, photo_texture, seen_from
from tests.report.tiny_data import SPHERE, camera

RADIUS = 90.0
VERTICES = SPHERE.vertices.astype(np.float32)
FACES = SPHERE.faces.astype(np.int32)


def test_pictures_are_shrunk_never_enlarged() -> None:
    for width, wanted in ((20, 20), (500, 40)):
        uri = data_uri(np.full((30, 40, 3), 200, np.uint8), width)
        picture = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
        assert picture.format == "WEBP"
        assert picture.size == (wanted, round(wanted * 30 / 40))


@given(st.integers(0, 60))
def test_strip_has_the_first_and_the_last_step(count: int) -> None:
    shown = steps_to_show(count)
    assert shown == sorted(set(shown))
    assert len(shown) == min(count, 8)
    assert not shown or (shown[0], shown[-1]) == (0, count - 1)


@settings(max_examples=20)
@given(st.floats(-180, 180), st.floats(-30, 30))
def test_studio_camera_sees_everything(yaw: float, pitch: float) -> None:
    cloud = np.random.default_rng(5).normal(0, (60, 90, 50), (200, 3)) + np.array([5, -20, 9])
    pixels, depth = project(studio_camera(cloud, yaw, pitch, 100), cloud)
    assert (depth > 0).all()
    assert pixels.min() >= 0
    assert pixels.max() <= 100


def test_seen_vertices_face_the_camera() -> None:
    seen = seen_from(camera(), VERTICES, FACES)
    towards = camera().centre - VERTICES
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine = (towards * VERTICES / RADIUS).sum(axis=1)
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


def test_viewer_positions_and_texture_survive_packing() -> None:
    steps = [VERTICES * np.float32(share) for share in (0.1, 0.5, 1.0)]
    texture = photo_texture([HeadPhoto(np.zeros((48, 48, 3), np.uint8), camera())], VERTICES, FACES)
    model = viewer_model("s", steps, FACES, texture)
    packed = np.frombuffer(base64.b64decode(model["positions"]), "<u2")
    positions = packed.reshape(3, -1, 3) * np.array(model["scale"]) + np.array(model["low"])
    assert np.abs(positions - np.stack(steps)).max() < 0.01
    skin = model["skin"]
    vertex = np.frombuffer(base64.b64decode(skin["vertex"]), "<u4")
    faces = np.frombuffer(base64.b64decode(skin["faces"]), "<u4").reshape(-1, 3)
    assert np.array_equal(vertex[faces], FACES)
    uv = np.frombuffer(base64.b64decode(skin["uv"]), "<u2").reshape(-1, 2) / 65535
    assert np.allclose(uv, texture.uv, atol=1e-4)


def test_three_js_comes_with_its_licence() -> None:
    source = engine()
    assert source.startswith("/**\n * @license\n * Copyright")
    assert "SPDX-License-Identifier: MIT" in source[:200]
    assert "</script" not in source
    assert "WebGLRenderer" in source
    assert "Permission is hereby granted" in resource("LICENSE.three")


def test_three_js_is_the_published_file() -> None:
    """The hash stands beside its version among the code of others."""
    data = files("headwater.viewer").joinpath("three.min.js").read_bytes()
    noted = (Path(__file__).parents[2] / "THIRD_PARTY.md").read_text()
    assert hashlib.sha256(data).hexdigest() in noted
