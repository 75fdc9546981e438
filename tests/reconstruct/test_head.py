"""Detections in a photo are the pipeline's; cameras and points are the photo's own."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headwater.artifacts.cameras import parse_camera
from headwater.artifacts.ids import sha256_hex
from headwater.artifacts.images import decode_png
from headwater.artifacts.meshes import from_ply
from headwater.config import load_params
from headwater.data.scenes import Template
from headwater.errors import ItemRejected
from headwater.evaluation.heads.answer import HeadAnswer, HeadQuestion, SourceMesh, SourcePicture
from headwater.faces.vocabulary import outer_eye_distance
from headwater.geometry.cameras import check_camera, project, rotation_angle_degrees
from headwater.geometry.registration import Similarity
from headwater.photos.folder import PhotoFile
from headwater.pipeline.step import Item
from headwater.reconstruct.coverage import coverage, mouth_height
from headwater.reconstruct.cuts import cut_head
from headwater.reconstruct.files import write_head
from headwater.reconstruct.head import Head, reconstruct_head, views_of
from headwater.reconstruct.pictures import overlay, steps_picture
from headwater.reconstruct.records import cameras_record, landmark_record
from headwater.reconstruct.seeing import SeenFace, see
from headwater.reconstruct.settings import PhotoSettings, settings_of
from headwater.reconstruct.sources import TILE_PX
from headwater.systems.glvd.weights import TrainedGlvd
from tests.systems.judging import answering

PROJECT = Path(__file__).resolve().parents[2]

BICUBIC = Image.Resampling.BICUBIC


def photo(folder: Path, name: str, image: Image.Image, **options: object) -> PhotoFile:
    path = folder / name
    image.save(path, **options)
    return PhotoFile(path, name, sha256_hex(path.read_bytes()))


def seen(file: PhotoFile, template: Template, settings: PhotoSettings) -> SeenFace:
    return see(file, template.landmarks_68(template.mean), settings)


def test_defaults_are_the_project_s(tmp_path: Path) -> None:
    assert settings_of(PROJECT) == PhotoSettings() == settings_of(tmp_path)


def test_a_photo_is_seen_as_the_pipeline_sees_it(
    portraits: list[Path], faces: list[SeenFace], template: Template
) -> None:
    from tasks.cameras import _camera_row
    from tasks.ingest import _frame_rows
    from tasks.landmarks import _landmark_row
    from tasks.masks import _mask_row
    from tasks.photos import _row

    params = load_params(PROJECT / "params.yaml")
    for path, face in zip(portraits, faces, strict=True):
        source = {"path": path.name, "sha256": face.sha256}
        photo_row = _row(Item("0" * 32, "0" * 32, path.name, source), path.parent, params)
        (frame,) = _frame_rows(photo_row, params)
        landmarks = _landmark_row(frame)
        mask = _mask_row(frame, landmarks)
        camera = _camera_row(frame, landmarks, template.landmarks_68(template.mean))
        assert np.array_equal(decode_png(frame["image"]), face.frame)
        assert np.array_equal(landmarks["landmarks_478_px"], face.landmarks[:, :2].ravel())
        assert np.array_equal(decode_png(mask["mask"]) > 0, face.mask)
        assert np.array_equal(camera["intrinsics"], face.camera.K.ravel())
        assert np.array_equal(camera["rotation"], face.camera.R.ravel())
        assert np.array_equal(camera["translation"], face.camera.t)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_everything_lies_in_the_upright_photo(
    tmp_path: Path, portraits: list[Path], template: Template, orientation: int
) -> None:
    upright = Image.open(portraits[0]).convert("RGB")
    turns = {1: 0, 3: 180, 6: 90, 8: 270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.rotate(turns, expand=True)
    file = photo(tmp_path, "turned.png", stored, exif=exif)
    found = seen(file, template, PhotoSettings())
    assert np.array_equal(found.photo, np.asarray(upright))
    assert (found.width, found.height) == upright.size


def test_points_and_cameras_of_large_photos_are_in_their_full_size(
    tmp_path: Path, portraits: list[Path], template: Template, trained: TrainedGlvd
) -> None:
    file = photo(tmp_path, "p.png", Image.open(portraits[0]).convert("RGB"))
    full = seen(file, template, PhotoSettings())
    small = seen(file, template, PhotoSettings(max_side_px=300, frame_px=200))
    assert max(small.photo.shape) == 300
    assert max(small.frame.shape) <= 200
    one, other = (
        reconstruct_head(answering(trained), "p", [face]).views[0] for face in (full, small)
    )
    assert (other.camera.width, other.camera.height) == (512, 512)
    eyes = outer_eye_distance(one.landmarks[[*range(478)]][[33] * 36 + [33] * 9 + [263] * 23])
    assert np.abs(one.landmarks - other.landmarks).mean() < 0.03 * eyes


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, 217])
def test_mesh_lies_on_the_face_in_the_photo(
    tmp_path: Path, portraits: list[Path], template: Template, trained: TrainedGlvd, degrees: int
) -> None:
    turned = Image.open(portraits[0]).convert("RGB").rotate(degrees, BICUBIC, expand=True)
    face = seen(photo(tmp_path, "t.png", turned), template, PhotoSettings())
    head = reconstruct_head(answering(trained), "t", [face])
    (view,) = head.views
    check_camera(view.camera)
    pixels, depth = project(view.camera, head.landmarks)
    assert (depth > 0).all()
    assert np.allclose(pixels, view.projected, atol=1e-3)
    offset = np.linalg.norm(view.projected - view.landmarks, axis=1).mean()
    assert offset < 0.25 * np.linalg.norm(view.landmarks[33] - view.landmarks[263])
    inside = coverage(view, head.landmarks, mouth_height(head.landmarks))
    assert inside.mean() > 0.9


def test_the_camera_turns_with_the_photo(
    tmp_path: Path, portraits: list[Path], template: Template, trained: TrainedGlvd
) -> None:
    """A photo that is turned by 30 degrees has the same head, and a camera rolled by as much."""
    upright = Image.open(portraits[0]).convert("RGB")
    heads = []
    for degrees in (0, 30):
        turned = upright.rotate(degrees, BICUBIC, expand=True)
        face = seen(photo(tmp_path, f"{degrees}.png", turned), template, PhotoSettings())
        heads.append(reconstruct_head(answering(trained), "t", [face]))
    own, other = (head.views[0].camera.R for head in heads)
    cosine, sine = np.cos(np.deg2rad(30)), np.sin(np.deg2rad(30))
    roll = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    assert rotation_angle_degrees(other, roll @ own) < 1.5
    assert np.abs(heads[0].vertices - heads[1].vertices).mean() < 1.0
    assert heads[1].views[0].error_percent == pytest.approx(
        heads[0].views[0].error_percent, abs=0.5
    )


def test_frames_of_several_sizes_are_seen_as_each_alone(faces: list[SeenFace]) -> None:
    small = faces[1].frame[:-40, :-90]
    narrow = replace(faces[1], frame=small, mask=faces[1].mask[:-40, :-90])
    views = views_of([faces[0], narrow], estimated=True)
    for row, face in enumerate((faces[0], narrow)):
        assert np.array_equal(views.images[row], face.frame)
        assert np.array_equal(views.masks[row] > 0, face.mask)
        height, width = face.frame.shape[:2]
        assert (views.camera(row).width, views.camera(row).height) == (width, height)


def test_a_system_is_told_whether_cameras_are_given(
    trained: TrainedGlvd, faces: list[SeenFace]
) -> None:
    asked = []

    def answer(question: HeadQuestion) -> HeadAnswer:
        asked.append(question.views.estimated.tolist())
        return answering(trained)(question)

    reconstruct_head(answer, "estimated", faces)
    world = Similarity.identity()
    reconstruct_head(answer, "given", faces, world)
    assert asked == [[True, True], [False, False]]


def test_views_of_one_head_give_one_mesh(trained: TrainedGlvd, faces: list[SeenFace]) -> None:
    head = reconstruct_head(answering(trained), "both", faces)
    assert len(head.views) == 2
    assert head.vertices.shape == trained.template.mean.shape
    again = reconstruct_head(answering(trained), "both", faces)
    assert np.array_equal(head.vertices, again.vertices)
    rows = [row.shape for row in (overlay(head), overlay(replace(head, views=head.views[:1])))]
    assert rows[0][0] > 1.5 * rows[1][0]


def test_a_head_that_cannot_be_is_rejected(trained: TrainedGlvd, faces: list[SeenFace]) -> None:
    wrong = replace(faces[0], landmarks=np.full_like(faces[0].landmarks, np.nan))
    with pytest.raises(ItemRejected) as caught:
        reconstruct_head(answering(trained), "x", [wrong])
    assert caught.value.reason == "camera_failed"


def test_records_say_what_they_mean_and_survive_json(head: Head) -> None:
    cameras = json.loads(json.dumps(cameras_record(head), allow_nan=False))
    landmarks = json.loads(json.dumps(landmark_record(head), allow_nan=False))
    camera = parse_camera(cameras["views"][0])
    points = np.array(landmarks["mesh_landmarks_68_mm"])
    pixels, _ = project(camera, points)
    assert np.allclose(pixels, landmarks["views"][0]["mesh_landmarks_68_px"], atol=0.02)
    assert np.shape(landmarks["views"][0]["landmarks_478_px"]) == (478, 2)
    assert np.shape(landmarks["views"][0]["landmarks_68_px"]) == (68, 2)
    for text in ("x_camera = R x_head + t", "EXIF", "(0.5, 0.5)", "mm"):
        assert text in json.dumps([cameras["conventions"]])


def test_cuts_keep_points_on_their_pixels(head: Head) -> None:
    (view,) = head.views
    for side, enlarge in ((64, False), (900, True), (900, False)):
        cut = cut_head(view, head.vertices, side, enlarge)
        size = max(cut.picture.shape)
        assert size == side if enlarge or side == 64 else size <= 512
        pixels, _ = project(cut.camera, head.vertices)
        full, _ = project(view.camera, head.vertices)
        moved = full @ cut.from_photo[:, :2].T + cut.from_photo[:, 2]
        assert np.allclose(pixels, moved, atol=1e-6)


def test_a_head_without_a_descent_has_all_files_but_that_of_its_steps(
    head: Head, tmp_path: Path
) -> None:
    at_once = replace(head, steps=head.steps[:0])
    write_head(head, tmp_path / "steps")
    write_head(at_once, tmp_path / "at_once")
    names = {path.name for path in (tmp_path / "steps").iterdir()}
    assert {path.name for path in (tmp_path / "at_once").iterdir()} == names - {"steps.png"}
    page = (tmp_path / "at_once" / "viewer.html").read_text(encoding="utf-8")
    text = page[page.index("<body>") : page.index('<script type="application/json"')]
    for word in ("steps.png", "random ball", "step 0"):
        assert word not in text
    (model,) = json.loads(re.search(r'id="viewer-models">(.*?)</script>', page, re.DOTALL)[1])
    assert model["steps"] == 1
    write_head(at_once, tmp_path / "steps")
    assert not (tmp_path / "steps" / "steps.png").exists()


def test_what_a_head_was_made_from_stands_in_the_page_and_beside_it(
    head: Head, tmp_path: Path
) -> None:
    ramp = np.tile(np.arange(16, dtype=np.uint8)[:, None, None] * 16, (1, 16, 3))
    grey = np.full((len(head.vertices), 3), 90, np.uint8)
    mesh = SourceMesh("raw", "raw mesh", head.vertices, head.template.faces, grey)
    made = replace(head, sources=(SourcePicture("depth", ramp), mesh))
    write_head(made, tmp_path)
    sheet = np.asarray(Image.open(tmp_path / "sources.png"))
    # The picture, and the mesh from two sides.
    assert sheet.shape[1] == 3 * TILE_PX
    assert sheet[:TILE_PX, :TILE_PX, 0].max() - sheet[:TILE_PX, :TILE_PX, 0].min() == 240
    assert len(np.unique(sheet[:TILE_PX, TILE_PX : 2 * TILE_PX].reshape(-1, 3), axis=0)) > 20
    vertices, faces = from_ply((tmp_path / "raw.ply").read_bytes(), "raw")
    assert np.allclose(vertices, head.vertices)
    assert np.array_equal(faces, head.template.faces)
    page = (tmp_path / "viewer.html").read_text(encoding="utf-8")
    assert "What it was made from" in page
    assert 'href="raw.ply"' in page
    write_head(head, tmp_path)
    assert not (tmp_path / "sources.png").exists()
    assert "made from" not in (tmp_path / "viewer.html").read_text(encoding="utf-8")


def test_pictures_show_the_photo_and_all_steps(head: Head) -> None:
    picture = overlay(head)
    assert picture.shape[1] > 2.5 * picture.shape[0]
    steps = steps_picture(head)
    assert steps.shape[2] == 3
    assert len(np.unique(steps.reshape(-1, 3), axis=0)) > 50
    buffer = io.BytesIO()
    Image.fromarray(steps).save(buffer, "PNG")
