"""Faces that the photo's edge cuts: what it does not show is guessed, said so, and never counts."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headwater.artifacts.ids import sha256_hex
from headwater.cli import app, run
from headwater.data.scenes import Template
from headwater.errors import ItemRejected
from headwater.faces.photo_path import frame_camera
from headwater.faces.seen_landmarks import (
    check_seen,
    guessed_in_words,
    seen_landmarks,
    unseen_parts,
)
from headwater.faces.vocabulary import IBUG68_FROM_478, IBUG_MOUTH
from headwater.photos.folder import PhotoFile
from headwater.reconstruct.head import reconstruct_head, views_of
from headwater.reconstruct.placing import head_in_world
from headwater.reconstruct.seeing import SeenFace, see
from headwater.reconstruct.settings import PhotoSettings
from headwater.systems.glvd.weights import TrainedGlvd
from tests.reconstruct.test_given_cameras import seen_from, world_of
from tests.systems.judging import answering

# Rows of grace_hopper: above the mouth, and below the eyes.
NO_MOUTH, NO_EYES = (0, 0, 512, 252), (0, 198, 512, 600)


def cropped(folder: Path, portrait: Path, name: str, box: tuple[int, int, int, int]) -> Path:
    Image.open(portrait).convert("RGB").crop(box).save(folder / name)
    return folder / name


def face_of(path: Path, template: Template) -> SeenFace:
    file = PhotoFile(path, path.name, sha256_hex(path.read_bytes()))
    return see(file, template.landmarks_68(template.mean), PhotoSettings())


@pytest.mark.parametrize(
    ("box", "part"),
    [(NO_MOUTH, "mouth and chin"), (NO_EYES, "brows and eyes")],
)
def test_the_command_says_which_part_of_a_face_it_guessed(
    tmp_path: Path,
    portraits: list[Path],
    weights: Path,
    capsys: pytest.CaptureFixture[str],
    box: tuple[int, int, int, int],
    part: str,
) -> None:
    photo, out = cropped(tmp_path, portraits[1], "cut.png", box), tmp_path / "out"
    photos = [str(photo), str(portraits[1])]
    assert run(app, ["reconstruct", *photos, "-o", str(out), "--weights", str(weights)]) == 0
    said = f"{part} lie outside the photo or at its edge: guessed"
    console = capsys.readouterr().out
    line, whole = console.splitlines()[:2]
    assert said in line.lower()
    assert "guessed" not in whole
    assert said in " ".join(console[console.index("folder or reason") :].split())
    page = (out / "cut" / "viewer.html").read_text(encoding="utf-8").lower()
    assert said in page
    assert "guessed" not in (out / "grace_hopper" / "viewer.html").read_text(encoding="utf-8")
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        cut, other = csv.DictReader(file)
    assert said in cut["message"].lower()
    assert other["message"] == ""
    records = [
        json.loads((out / name / "landmarks.json").read_text())["views"][0]
        for name in ("cut", "grace_hopper")
    ]
    assert len(records[0]["guessed_68"]) >= 20
    assert records[1]["guessed_68"] == records[1]["guessed_478"] == []


def test_guessed_landmarks_change_neither_camera_nor_head_nor_error(
    tmp_path: Path, portraits: list[Path], template: Template, trained: TrainedGlvd
) -> None:
    """Wherever the detector puts a mouth that the photo does not show, all else is the same."""
    face = face_of(cropped(tmp_path, portraits[1], "cut.png", NO_MOUTH), template)
    assert not face.seen[IBUG68_FROM_478][IBUG_MOUTH].any()
    moved = face.landmarks.copy()
    moved[~face.seen, :2] += [60.0, 90.0]
    heads = [
        reconstruct_head(answering(trained), "x", [replace(face, landmarks=points)])
        for points in (face.landmarks, moved)
    ]
    assert np.array_equal(heads[0].vertices, heads[1].vertices)
    assert heads[0].views[0].error_percent == heads[1].views[0].error_percent
    assert np.array_equal(heads[0].views[0].camera.t, heads[1].views[0].camera.t)
    assert np.isfinite(heads[0].vertices).all()


def test_the_camera_of_a_cut_face_is_that_of_its_seen_landmarks(
    faces: list[SeenFace], template: Template
) -> None:
    """Guesses of a mouth move no camera, and the camera is near that of the whole face."""
    face, mean = faces[1], template.landmarks_68(template.mean)
    points = face.landmarks[IBUG68_FROM_478, :2]
    from_photo = np.eye(3)[:2]
    height = int(points[IBUG_MOUTH, 1].min())
    wide, tall = face.frame.shape[1], face.frame.shape[0]
    whole = frame_camera(points, mean, from_photo, wide, tall)
    moved = points.copy()
    # Outside the photo, and within the box of all: the box tells the scale of its edge.
    moved[IBUG_MOUTH, 1] += 3.0
    cut, other = (frame_camera(one, mean, from_photo, wide, height) for one in (points, moved))
    assert np.array_equal(cut.rotation, other.rotation)
    assert np.array_equal(cut.translation, other.translation)
    assert cut.nme_percent == other.nme_percent
    assert np.degrees(np.arccos((np.trace(cut.rotation.T @ whole.rotation) - 1) / 2)) < 12.0


def test_too_little_of_a_face_is_refused_with_the_reason(faces: list[SeenFace]) -> None:
    seen = np.ones(68, np.bool_)
    check_seen(seen)
    seen[IBUG_MOUTH] = False
    check_seen(seen)
    seen[36:48] = False
    with pytest.raises(ItemRejected, match="eyes and mouth lie outside") as caught:
        check_seen(seen)
    assert caught.value.reason == "camera_failed"
    few = np.zeros(68, np.bool_)
    few[36:59] = True
    with pytest.raises(ItemRejected, match="Too little of the face"):
        check_seen(few)


def test_parts_are_named_in_words() -> None:
    seen = np.ones(68, np.bool_)
    assert guessed_in_words(seen) == ""
    seen[8] = False
    assert guessed_in_words(seen) == "1 of 68 landmarks lie outside the photo or at its edge"
    seen[6:11] = False
    assert guessed_in_words(seen) == "chin lies outside the photo or at its edge"
    seen[36:42] = False
    assert unseen_parts(seen) == ["right eye", "chin"]
    seen[42:68] = False
    assert guessed_in_words(seen).startswith("eyes, mouth and chin lie outside")


def test_whole_faces_are_seen_whole(faces: list[SeenFace]) -> None:
    for face in faces:
        assert face.seen.all()
        assert np.array_equal(face.seen_landmarks, face.landmarks[:, :2])
        assert np.isfinite(views_of([face], estimated=True).landmarks_478_px).all()


@pytest.mark.parametrize("shift", [-400.0, 400.0])
def test_landmarks_of_either_side_are_seen_alike(faces: list[SeenFace], shift: float) -> None:
    """A landmark counts where the photo shows it and what lies around it, whatever the frame is."""
    points = faces[0].landmarks[:, :2]
    side = np.ptp(points[IBUG68_FROM_478], axis=0).max()
    frame = np.array([[0.5, 0.0, shift], [0.0, 0.5, 20.0]])
    inside = points - points.min(axis=0) + 0.11 * side
    size = inside.max(axis=0) + 0.11 * side
    placed = (0.5 * inside + [shift, 20.0]).astype(np.float32)
    assert seen_landmarks(placed, frame, int(size[0] + 1), int(size[1] + 1)).all()
    narrow = int(size[0] - 0.05 * side)
    seen = seen_landmarks(placed, frame, narrow, int(size[1] + 1))
    assert 0 < np.count_nonzero(~seen) < 200
    assert inside[~seen, 0].min() > inside[seen, 0].max()


def test_calibrated_views_that_show_other_parts_place_one_head(
    template: Template, faces: list[SeenFace]
) -> None:
    """Each view's guesses are far off; by the landmarks that it shows the head has its place."""
    points, world = template.landmarks_478.on(template.mean), world_of(4)
    mean = template.landmarks_68(template.mean)
    views = seen_from(faces[0], points, world, [-30.0, 0.0, 35.0], noise_px=0.5)
    cut = []
    for view, rows in zip(views, (range(48, 68), range(17, 36), range(12)), strict=True):
        landmarks, seen = view.landmarks.copy(), view.seen.copy()
        gone = IBUG68_FROM_478[list(rows)]
        landmarks[gone, :2] += 120.0
        seen[gone] = False
        cut.append(replace(view, landmarks=landmarks, seen=seen))
    place = head_in_world(cut, mean)
    assert np.linalg.norm(place.apply(mean) - world.apply(mean), axis=1).mean() < 4.0
