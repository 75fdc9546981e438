"""Calibrated cameras: read and matched strictly, and the head placed among them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.transform import Rotation

from headwater.cli import app, run
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError
from headwater.geometry.cameras import (
    Camera,
    look_at,
    project,
    rotation_angle_degrees,
)
from headwater.geometry.registration import Similarity
from headwater.photos.folder import PhotoFile
from headwater.reconstruct.given_cameras import cameras_of, read_cameras
from headwater.reconstruct.head import reconstruct_head
from headwater.reconstruct.placing import head_in_world, in_head_frame, triangulated
from headwater.reconstruct.seeing import SeenFace
from headwater.systems.glvd.weights import TrainedGlvd
from tests.systems.judging import answering

SHA = "0123456789abcdef" * 4
RECORD: dict[str, Any] = {
    "photo": "a.jpg",
    "K": [[900, 0, 320], [0, 900, 240], [0, 0, 1]],
    "R": np.eye(3).tolist(),
    "t": [0, 0, 800],
    "width": 640,
    "height": 480,
}
Change = Callable[[Camera], Camera]


def written(folder: Path, *views: Any) -> Path:
    path = folder / "cameras.json"
    path.write_text(json.dumps({"views": views}))
    return path


def photo(name: str, sha256: str = SHA) -> PhotoFile:
    return PhotoFile(Path(name), name, sha256)


def world_of(seed: int) -> Similarity:
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    return Similarity(1.0, turn, rng.uniform(-3000, 3000, 3))


def seen_from(
    face: SeenFace, points_mm: np.ndarray, world: Similarity, yaws: list[float], noise_px: float
) -> list[SeenFace]:
    """Views of a head at ``world`` with the landmarks where cameras at these angles see them."""
    rng = np.random.default_rng(len(yaws))
    faces = []
    for i, yaw in enumerate(np.deg2rad(yaws)):
        distance = 700.0 + 150 * i
        R, t = look_at([distance * np.sin(yaw), 90.0 * i, distance * np.cos(yaw)], [0, 0, 60])
        K = np.array([[800.0, 0, 250], [0, 830, 270], [0, 0, 1]])
        own = Camera(K, R, t, 512, 512)
        back = world.inverse()
        camera = replace(own, R=R @ back.rotation, t=R @ back.translation + t)
        landmarks = face.landmarks.copy()
        landmarks[:, :2] = project(own, points_mm)[0] + rng.normal(size=(478, 2)) * noise_px
        faces.append(replace(face, name=f"{i}.jpg", camera=camera, landmarks=landmarks))
    return faces


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("K = 3", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", 'a list "views"'),
        ('{"views": []}', 'a list "views"'),
        ('{"views": [7]}', r"views\[0\]: is no camera"),
    ],
)
def test_other_files_hold_no_cameras(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(text)
    with pytest.raises(HeadwaterError, match=f"cameras.json: .*{complaint}"):
        read_cameras(path)
    with pytest.raises(HeadwaterError, match="cannot be read"):
        read_cameras(tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"photo": None}, "photo missing"),
        ({"photo": 3}, "must be texts"),
        ({"K": None}, "K missing"),
        ({"t": [0, 0]}, "must be"),
        ({"R": [[1, 0, 0], [0, 1, 0], [0, 0.5, 1]]}, "not a rotation"),
        ({"R": np.diag([1, 1, -1]).tolist()}, "mirrors"),
        ({"width": 1e400}, "numbers"),
    ],
)
def test_what_is_wrong_with_a_camera_is_named(
    tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    path = written(tmp_path, RECORD, {**RECORD, "photo": "b.jpg", **change})
    with pytest.raises(HeadwaterError, match=rf"cameras.json: views\[1\].*{complaint}"):
        read_cameras(path)


def test_cameras_belong_to_photos_by_hash_or_name(tmp_path: Path) -> None:
    def number(name: str, *views: dict[str, Any]) -> float:
        cameras = read_cameras(
            written(tmp_path, *({**RECORD, "t": [i, 0, 800], **v} for i, v in enumerate(views)))
        )
        found = cameras_of([photo(name)], cameras, Path("cameras.json"))
        return float(found.by_sha256[SHA].camera.t[0])

    assert number("a.jpg", {"photo": "b.jpg"}, {"photo": "a.jpg"}) == 1
    assert number("set/a.jpg", {"photo": "b.jpg"}, {"photo": "a.jpg"}) == 1
    assert number("a.jpg", {"photo": "b.jpg"}, {"photo": "rig/a.jpg"}) == 1
    assert number("2/a.jpg", {"photo": "1/a.jpg"}, {"photo": "2/a.jpg"}) == 1
    assert number("a.jpg", {"photo": "a.jpg"}, {"photo": None, "sha256": SHA.upper()}) == 1
    with pytest.raises(HeadwaterError, match=r"no camera for a.jpg$"):
        number("a.jpg", {"photo": "b.jpg"})
    with pytest.raises(HeadwaterError, match=r"no camera for a.jpg; .* another sha256"):
        number("a.jpg", {"sha256": "f" * 64})
    with pytest.raises(HeadwaterError, match=r"2 cameras for a\.jpg"):
        number("a.jpg", {}, {})


def test_no_two_photos_share_a_camera(tmp_path: Path) -> None:
    cameras = read_cameras(written(tmp_path, RECORD))
    with pytest.raises(HeadwaterError, match=r"1/a\.jpg and 2/a\.jpg would share"):
        cameras_of([photo("1/a.jpg"), photo("2/a.jpg", "f" * 64)], cameras, Path("c.json"))


def test_a_camera_is_of_the_upright_photo_in_full_size(tmp_path: Path) -> None:
    (camera,) = read_cameras(written(tmp_path, RECORD))
    assert camera.of_size(640, 480) is camera.camera
    with pytest.raises(HeadwaterError, match=r"a.jpg.*640 x 480 px, .*480 x 640 px; its EXIF"):
        camera.of_size(480, 640)
    with pytest.raises(HeadwaterError, match="full size"):
        camera.of_size(320, 240)


@settings(max_examples=10)
@given(st.integers(0, 2**31 - 1))
def test_the_head_is_found_in_any_world(
    template: Template, faces: list[SeenFace], seed: int
) -> None:
    world = world_of(seed)
    points = template.landmarks_478.on(template.mean)
    mean = template.landmarks_68(template.mean)
    for yaws, exact_mm in (([15.0], 0.1), ([-40.0, 0.0, 30.0], 0.1), ([70.0, -70.0], 0.1)):
        views = seen_from(faces[0], points, world, yaws, noise_px=0.0)
        place = head_in_world(views, mean)
        assert rotation_angle_degrees(place.rotation, world.rotation) < 0.02
        assert np.abs(place.apply(mean) - world.apply(mean)).max() < exact_mm
        back = in_head_frame(views, place)
        for view in back:
            seen, _ = project(view.camera, points)
            assert np.allclose(seen, view.landmarks[:, :2], atol=0.05)


def test_noise_in_the_landmarks_hardly_moves_the_head(
    template: Template, faces: list[SeenFace]
) -> None:
    world = world_of(1)
    points = template.landmarks_478.on(template.mean)
    views = seen_from(faces[0], points, world, [-30.0, 0.0, 35.0], noise_px=1.5)
    mean = template.landmarks_68(template.mean)
    place = head_in_world(views, mean)
    assert np.linalg.norm(place.apply(mean) - world.apply(mean), axis=1).mean() < 1.0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda c: replace(c, t=c.t / 1000), r"rig.json: .* 0\.1\d* mm wide; are the translations"),
        (lambda c: replace(c, t=c.t / 25.4), "in millimetres"),
        (lambda c: replace(c, R=c.R.T, t=-c.R.T @ c.t), "rig.json: .*do not agree on one head"),
        (lambda c: replace(c, R=np.diag([1, -1, -1]) @ c.R, t=c.t * [1, -1, -1]), "do not agree"),
    ],
)
def test_wrong_units_and_axes_are_told(
    template: Template, faces: list[SeenFace], change: Change, complaint: str
) -> None:
    points = template.landmarks_478.on(template.mean)
    views = seen_from(faces[0], points, world_of(2), [-30.0, 0.0, 35.0], noise_px=0.5)
    wrong = [replace(view, camera=change(view.camera)) for view in views]
    with pytest.raises(HeadwaterError, match=complaint):
        head_in_world(wrong, template.landmarks_68(template.mean), "rig.json")


def test_a_camera_of_another_photo_is_told(template: Template, faces: list[SeenFace]) -> None:
    points = template.landmarks_478.on(template.mean)
    a, b, c = seen_from(faces[0], points, world_of(3), [-30.0, 0.0, 35.0], noise_px=0.5)
    swapped = [replace(a, camera=b.camera), replace(b, camera=a.camera), c]
    with pytest.raises(HeadwaterError, match="each camera that of its photo"):
        head_in_world(swapped, template.landmarks_68(template.mean))


def test_views_from_one_place_tell_no_size(template: Template, faces: list[SeenFace]) -> None:
    """Their unit cannot be wrong, and the head has its usual size."""
    points = template.landmarks_478.on(template.mean)
    (view,) = seen_from(faces[0], points, world_of(4), [10.0], noise_px=0.0)
    pixels = [view.landmarks[:68, :2].astype(float)] * 2
    assert triangulated([view.camera] * 2, pixels) is None
    mean = template.landmarks_68(template.mean)
    place = head_in_world([view, view], mean)
    assert np.abs(place.apply(mean) - world_of(4).apply(mean)).max() < 0.1


def test_given_cameras_are_kept_as_they_are(
    template: Template, faces: list[SeenFace], trained: TrainedGlvd
) -> None:
    points = template.landmarks_478.on(template.mean)
    views = seen_from(faces[0], points, world_of(5), [-20.0, 15.0], noise_px=0.5)
    place = head_in_world(views, template.landmarks_68(template.mean))
    head = reconstruct_head(answering(trained), "x", in_head_frame(views, place), place)
    assert head.world_from_head is not None
    for view, known in zip(head.views, views, strict=True):
        seen, _ = project(known.camera, head.world_from_head.apply(head.landmarks))
        again, _ = project(view.frame_camera, head.landmarks)
        assert np.allclose(seen, again, atol=1e-6)
        assert np.array_equal(view.frame_camera.K, known.camera.K)


def test_the_command_takes_what_it_wrote(
    tmp_path: Path, portraits: list[Path], weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its camera file given back names the same cameras; a turned or a missing one is an error."""

    def reconstruct(photo: Path, cameras: Path | None, out: str) -> int:
        more = ["--cameras", str(cameras)] if cameras else []
        options = ["-o", str(tmp_path / out), "--weights", str(weights), *more]
        return run(app, ["reconstruct", str(photo), *options])

    assert reconstruct(portraits[0], None, "first") == 0
    solved = tmp_path / "first" / "astronaut" / "camera.json"
    assert reconstruct(portraits[0], solved, "second") == 0
    first, second = (
        json.loads((tmp_path / out / "astronaut" / "camera.json").read_text())
        for out in ("first", "second")
    )
    assert "world_from_head" in second
    assert "world_from_head" not in first
    (one,), (other,) = first["views"], second["views"]
    assert np.allclose(one["K"], other["K"], atol=1e-5)
    world = second["world_from_head"]
    assert np.allclose(np.array(other["R"]), np.array(one["R"]) @ world["R"], atol=1e-6)
    moved = np.array(one["R"]) @ world["t"] + one["t"]
    assert np.allclose(other["t"], moved, atol=1e-3)

    stored = Image.open(portraits[0]).convert("RGB").crop((0, 0, 500, 512))
    stored.rotate(90, expand=True).save(tmp_path / "turned.png")
    sideways = {**one, "photo": "turned.png", "width": 400, "height": 300}
    del sideways["sha256"]
    rig = written(tmp_path, sideways)
    assert reconstruct(tmp_path / "turned.png", rig, "third") == 2
    assert reconstruct(portraits[1], rig, "third") == 2
    errors = capsys.readouterr().err.replace("\n", "")
    assert "(turned.png): is of 400 x 300 px" in errors
    assert "cameras.json: no camera for grace_hopper.jpg" in errors


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 100_000, "is not JSON"),
        ('{"views": [' + "1," * 10 + "1]}", "is no camera"),
        (
            '{"views": [{"photo": "a", "K": 1, "R": 1, "t": 1, "width": 1e999, "height": 1}]}',
            "numbers",
        ),
        (
            '{"views": [{"photo": "a", "K": {}, "R": 1, "t": 1, "width": 1, "height": 1}]}',
            "numbers",
        ),
        ('{"views": ' + "9" * 5000 + "}", "is not JSON"),
    ],
)
def test_hostile_cameras_are_refused_in_one_sentence(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(content)
    with pytest.raises(HeadwaterError, match=said) as error:
        read_cameras(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
