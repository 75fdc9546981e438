"""Views that do not agree on one head: left out, or refused with the likely mistake named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headwater.artifacts.cameras import camera_record
from headwater.cli import app, run
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.calibration import calibrate
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import transform_image
from headwater.reconstruct.agreement import agreeing_views, views_of_one_face
from headwater.reconstruct.causes import likely_cause
from headwater.reconstruct.console import _line
from headwater.reconstruct.head import check_fit, reconstruct_head
from headwater.reconstruct.placing import head_in_world, in_head_frame
from headwater.reconstruct.run import Job
from headwater.reconstruct.seeing import SeenFace
from headwater.reconstruct.settings import PhotoSettings
from headwater.reconstruct.summary import Outcome, Status, summary_csv
from headwater.systems.glvd.weights import TrainedGlvd
from tests.reconstruct.test_given_cameras import Change, seen_from, world_of, written
from tests.systems.judging import answering


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1e-3, "seem to be in metres"),
        (0.1, "seem to be in centimetres"),
        (1 / 25.4, "seem to be in inches"),
        (1.5, "seem to be 1.5 times as long"),
        (0.6, "seem to be 0.6 times as long"),
    ],
)
def test_the_likely_unit_is_named(
    template: Template, faces: list[SeenFace], factor: float, said: str
) -> None:
    points = template.landmarks_478.on(template.mean)
    views = seen_from(faces[0], points, world_of(2), [-30.0, 0.0, 35.0], noise_px=0.5)
    wrong = [replace(one, camera=replace(one.camera, t=one.camera.t * factor)) for one in views]
    with pytest.raises(HeadwaterError, match=f"are the translations in millimetres.*{said}"):
        agreeing_views(wrong, template.landmarks_68(template.mean))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: replace(c, R=c.R.T, t=-c.R.T @ c.t), "from the camera to the world"),
        (lambda c: replace(c, R=np.diag([1, -1, -1]) @ c.R, t=c.t * [1, -1, -1]), "OpenGL"),
        (
            lambda c: replace(c, R=c.R.T @ np.diag([1, -1, -1]), t=-c.R.T @ c.t),
            "to the world, with axes of OpenGL",
        ),
        (lambda c: replace(c, t=c.centre), "t seems to be the place of the camera"),
    ],
)
def test_the_likely_convention_is_named(
    template: Template, faces: list[SeenFace], change: Change, said: str
) -> None:
    points = template.landmarks_478.on(template.mean)
    mean = template.landmarks_68(template.mean)
    views = seen_from(faces[0], points, world_of(6), [-30.0, 0.0, 35.0], noise_px=0.5)
    wrong = [replace(view, camera=change(view.camera)) for view in views]
    with pytest.raises(HeadwaterError):
        agreeing_views(wrong, mean)
    assert said in (likely_cause(wrong, mean) or "")


@pytest.mark.parametrize("yaws", [[-30.0, 0.0, 35.0], [-50.0, -30.0, -10.0, 15.0, 35.0, 60.0]])
def test_another_order_is_named(
    template: Template, faces: list[SeenFace], yaws: list[float]
) -> None:
    points = template.landmarks_478.on(template.mean)
    views = seen_from(faces[0], points, world_of(6), yaws, noise_px=0.5)
    order = [1, 0, *range(2, len(yaws))] if len(yaws) > 5 else [1, 2, 0]
    wrong = [replace(view, camera=views[i].camera) for view, i in zip(views, order, strict=True)]
    assert "another order" in (likely_cause(wrong, template.landmarks_68(template.mean)) or "")


def test_views_of_different_heads_have_no_likely_cause(
    template: Template, faces: list[SeenFace]
) -> None:
    points = template.landmarks_478.on(template.mean)
    a, b, c = seen_from(faces[0], points, world_of(6), [-30.0, 0.0, 35.0], noise_px=0.5)
    views = [a, turned(b), elsewhere(c)]
    assert likely_cause(views, template.landmarks_68(template.mean)) is None


def test_a_head_that_its_cameras_do_not_explain_is_refused(
    template: Template, faces: list[SeenFace], trained: TrainedGlvd
) -> None:
    points, mean = template.landmarks_478.on(template.mean), template.landmarks_68(template.mean)
    for factor, said in ((1.0, None), (1.3, r"seem to be 1\.3 times")):
        views = [
            replace(one, camera=replace(one.camera, t=one.camera.t * factor))
            for one in seen_from(faces[0], points, world_of(5), [-45.0, 0.0, 45.0], noise_px=0.5)
        ]
        place = head_in_world(views, mean)
        head = reconstruct_head(answering(trained), "x", in_head_frame(views, place), place)
        if said is None:
            check_fit(head, views, mean)
            continue
        with pytest.raises(ItemRejected, match=said) as caught:
            check_fit(head, views, mean)
        assert caught.value.reason == "camera_failed"


def turned(view: SeenFace) -> SeenFace:
    """The view with its face upside down, as a search that stands it on its head would have it."""
    landmarks = view.landmarks.copy()
    landmarks[:, :2] = 2 * landmarks[:, :2].mean(axis=0) - landmarks[:, :2]
    return replace(view, landmarks=landmarks)


def elsewhere(view: SeenFace) -> SeenFace:
    """The view with landmarks on something beside the head."""
    landmarks = view.landmarks.copy()
    landmarks[:, :2] = 0.6 * landmarks[:, :2] + 260
    return replace(view, landmarks=landmarks)


@pytest.mark.parametrize("spoilt", [turned, elsewhere])
@pytest.mark.parametrize(
    ("yaws", "bad"),
    [
        ([-30.0, 0.0, 35.0], [0]),
        ([-30.0, 0.0, 35.0], [1]),
        ([-30.0, 0.0, 35.0], [2]),
        ([-50.0, -20.0, 10.0, 30.0, 60.0], [1, 3]),
        ([0.0, 0.0, 0.0], [1]),
    ],
)
def test_a_bad_view_is_left_out_and_the_others_keep_their_head(
    template: Template,
    faces: list[SeenFace],
    yaws: list[float],
    bad: list[int],
    spoilt: Callable[[SeenFace], SeenFace],
) -> None:
    points, world = template.landmarks_478.on(template.mean), world_of(7)
    mean = template.landmarks_68(template.mean)
    views = seen_from(faces[0], points, world, yaws, noise_px=0.5)
    assert agreeing_views(views, mean) == list(range(len(yaws)))
    good = [row for row in range(len(yaws)) if row not in bad]
    mixed = [spoilt(view) if row in bad else view for row, view in enumerate(views)]
    assert agreeing_views(mixed, mean) == good
    place = head_in_world([mixed[row] for row in good], mean)
    assert np.linalg.norm(place.apply(mean) - world.apply(mean), axis=1).mean() < 4.0


def test_no_half_of_the_views_is_taken_for_the_whole(
    template: Template, faces: list[SeenFace]
) -> None:
    """Of two that differ none is better, and of swapped cameras no two agree."""
    points = template.landmarks_478.on(template.mean)
    mean = template.landmarks_68(template.mean)
    a, b, c = seen_from(faces[0], points, world_of(3), [-30.0, 0.0, 35.0], noise_px=0.5)
    for views in (
        [a, turned(b)],
        [replace(a, camera=b.camera), replace(b, camera=a.camera), c],
        [a, b, c, turned(a), turned(b), turned(c)],
        [replace(one, camera=replace(one.camera, t=one.camera.t / 1000)) for one in (a, b, c)],
    ):
        with pytest.raises(HeadwaterError):
            agreeing_views(views, mean)


def test_the_command_leaves_out_a_bad_view_with_its_reason(
    tmp_path: Path,
    faces: list[SeenFace],
    portraits: list[Path],
    weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A portrait, smaller and cut, is three views of one head; a fourth is someone else's."""
    face = faces[0]
    whole = transform_image(face.camera, face.photo_from_frame, face.width, face.height)
    photo_of, views = Image.open(portraits[0]).convert("RGB"), []
    for name, scale, cut in (("a.png", 1.0, 0), ("b.png", 0.75, 0), ("c.png", 1.0, 20)):
        size = round(512 * scale) - cut
        camera = transform_image(whole, np.array([[scale, 0, -cut], [0, scale, 0]]), size, 384)
        small = photo_of.resize((round(512 * scale),) * 2)
        small.crop((cut, 0, cut + size, 384)).save(tmp_path / name)
        views.append({"photo": name, **camera_record(camera)})
    (tmp_path / "d.jpg").write_bytes(portraits[1].read_bytes())
    width, height = Image.open(portraits[1]).size
    other = replace(whole, R=np.diag([-1.0, -1.0, 1.0]) @ whole.R, width=width, height=height)
    views.append({"photo": "d.jpg", **camera_record(other)})
    rig, out = written(tmp_path, *views), tmp_path / "out"
    photos = [str(tmp_path / view["photo"]) for view in views]
    options = ["--views", "--cameras", str(rig), "-o", str(out), "--weights", str(weights)]
    assert run(app, ["reconstruct", *photos, *options]) == 1
    said = capsys.readouterr().out
    assert "d.jpg: camera_failed: By its camera the face is not where the other" in said
    record = json.loads((out / "a" / "camera.json").read_text())
    assert [view["photo"] for view in record["views"]] == ["a.png", "b.png", "c.png"]


def estimated(view: SeenFace, mean: np.ndarray) -> SeenFace:
    """The view with the camera that its own landmarks give, as without calibrated ones."""
    size = view.frame.shape[1], view.frame.shape[0]
    points = view.landmarks[IBUG68_FROM_478, :2]
    return replace(view, camera=calibrate(points, mean, (size[0] / 2, size[1] / 2)).camera(*size))


def bent(view: SeenFace, amount: float = 0.5) -> SeenFace:
    """The view with a mesh as the detector fits it to a face upside down: short, chin and brow."""
    landmarks = turned(view).landmarks
    middle = landmarks.mean(axis=0)
    off = landmarks - middle
    along = off[:, 1] / np.abs(off[:, 1]).max()
    off[:, 0] *= 1.0 + amount * along
    return replace(view, landmarks=(middle + off * [1.0, 0.85, 1.0]).astype(np.float32))


@pytest.mark.parametrize("bad", [[], [0], [2], [1, 3]])
def test_an_odd_view_is_left_out_without_calibrated_cameras_too(
    template: Template, faces: list[SeenFace], bad: list[int]
) -> None:
    points, mean = template.landmarks_478.on(template.mean), template.landmarks_68(template.mean)
    views = seen_from(faces[0], points, world_of(7), [-40.0, -20.0, 0.0, 20.0, 40.0], noise_px=0.5)
    mixed = [estimated(bent(v) if i in bad else v, mean) for i, v in enumerate(views)]
    assert views_of_one_face(mixed) == [row for row in range(5) if row not in bad]


def test_without_a_majority_no_view_is_left_out(template: Template, faces: list[SeenFace]) -> None:
    points, mean = template.landmarks_478.on(template.mean), template.landmarks_68(template.mean)
    a, b, c = seen_from(faces[0], points, world_of(7), [-40.0, -10.0, 10.0], noise_px=0.5)
    for views in ([a], [a, bent(b)], [a, b, bent(b, 0.4), bent(c, -0.6)]):
        rows = list(range(len(views)))
        assert views_of_one_face([estimated(view, mean) for view in views]) == rows


def test_a_run_without_cameras_says_which_view_it_left_out(
    template: Template, faces: list[SeenFace], trained: TrainedGlvd, tmp_path: Path
) -> None:
    points, mean = template.landmarks_478.on(template.mean), template.landmarks_68(template.mean)
    views = seen_from(faces[0], points, world_of(7), [-40.0, -15.0, 15.0, 40.0], noise_px=0.5)
    mixed = [estimated(bent(v) if i == 1 else v, mean) for i, v in enumerate(views)]
    told: list[Outcome] = []
    job = Job(answering(trained), template, PhotoSettings(), tmp_path, lambda o, _: told.append(o))
    assert [one.name for one in job._agreeing(mixed)] == ["0.jpg", "2.jpg", "3.jpg"]
    (left,) = told
    assert (left.name, left.status, left.reason) == ("1.jpg", Status.REJECTED, "camera_failed")
    assert "not where the other views see it" in _line(left, tmp_path, 1.0).plain
    assert "turned over" in summary_csv(told)
