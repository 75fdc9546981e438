"""Cameras as columns and as records: round trips, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headwater.artifacts.cameras import (
    CAMERA_COLUMNS,
    camera_columns,
    camera_of,
    camera_record,
    parse_camera,
    rotation_of,
)
from headwater.errors import HeadwaterError
from headwater.geometry.cameras import Camera

CAMERA = Camera(
    np.array([[500.0, 0.5, 128.25], [0, 510, 120], [0, 0, 1]]),
    Rotation.from_euler("xyz", [170, 25, -8], degrees=True).as_matrix(),
    np.array([12.5, -3.0, 812.0]),
    256,
    240,
)


def test_columns_give_the_very_same_camera_back() -> None:
    row = camera_columns(CAMERA)
    assert tuple(row) == CAMERA_COLUMNS
    for camera in (camera_of(row, (256, 240)), camera_of({**row, "width": 256, "height": 240})):
        assert np.array_equal(camera.K, CAMERA.K)
        assert np.array_equal(camera.R, CAMERA.R)
        assert np.array_equal(camera.t, CAMERA.t)
        assert (camera.width, camera.height) == (256, 240)
    assert np.array_equal(rotation_of(row), CAMERA.R)


def test_columns_that_hold_no_camera_are_refused() -> None:
    turned = (CAMERA.R * (1 + 2e-5)).ravel().tolist()
    with pytest.raises(HeadwaterError, match="not a rotation"):
        camera_of({**camera_columns(CAMERA), "rotation": turned}, (256, 240))


def test_a_record_gives_the_camera_back_to_its_last_digit() -> None:
    camera = parse_camera(json.loads(json.dumps(camera_record(CAMERA))))
    np.testing.assert_allclose(camera.K, CAMERA.K, atol=5e-7)
    np.testing.assert_allclose(camera.R, CAMERA.R, atol=5e-10)
    np.testing.assert_allclose(camera.t, CAMERA.t, atol=5e-7)
    assert (camera.width, camera.height) == (256, 240)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("k_singular.json", "focal"),
        ("r_not_rotation.json", "not a rotation"),
        ("r_mirrored.json", "mirrors"),
        ("t_nan.json", "t contains NaN"),
        ("no_r.json", "R missing"),
    ],
)
def test_damaged_camera_files_are_refused(shared_data: Path, name: str, complaint: str) -> None:
    document = json.loads((shared_data / "bad" / "cameras" / name).read_text())
    size = {key: document[key] for key in ("width", "height")}
    failures = []
    for view in document["views"]:
        try:
            parse_camera({**view, **size}, view["image"])
        except HeadwaterError as error:
            failures.append(str(error))
    assert failures
    assert all(complaint in failure and ".jpg" in failure for failure in failures)


def test_sound_cameras_are_accepted(shared_data: Path) -> None:
    document = json.loads((shared_data / "multiview_buddha" / "cameras.json").read_text())
    for view in document["views"]:
        parse_camera({**view, "width": document["width"], "height": document["height"]})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"width": 0}, "empty"),
        ({"width": None}, "width missing"),
        ({"K": [[-500, 0, 128], [0, 500, 128], [0, 0, 1]]}, "focal"),
        ({"K": [[500, 0, 128], [0, 500, 128], [0, 0, 2]]}, "last row"),
        ({"K": [[500, 0], [0, 500]]}, "must be"),
        ({"R": "turned"}, "numbers"),
        ({"t": [0, 0, float("inf")]}, "infinity"),
    ],
)
def test_impossible_cameras_are_refused(change: dict[str, object], complaint: str) -> None:
    sound = {
        "K": [[500, 0, 128], [0, 500, 128], [0, 0, 1]],
        "R": np.eye(3).tolist(),
        "t": [0, 0, 800],
        "width": 256,
        "height": 256,
    }
    parse_camera(sound)
    with pytest.raises(HeadwaterError, match=complaint):
        parse_camera({**sound, **change}, "seen.json")
