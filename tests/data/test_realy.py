"""REALY's folder, templates and answers, and files that are not what they should be."""

import json
from pathlib import Path

import numpy as np
import pytest

from headwater.artifacts.meshes import to_ply
from headwater.data import realy
from headwater.data.realy import RealyFolder, find_predictions, read_prediction, read_template
from headwater.errors import HeadwaterError
from headwater.metrics.realy import REGIONS
from tests.data.published_realy import TEMPLATE, face_of, obj, write_realy, write_template

KEYPOINTS = "REALY_HIFI3D_keypoints"


def test_a_scan_has_four_regions_keypoints_and_its_own_scale(tmp_path: Path) -> None:
    folder = RealyFolder(write_realy(tmp_path))
    assert folder.subjects == [1, 2, 3]
    scan = folder.scan(3)
    assert tuple(scan.regions) == REGIONS
    assert scan.keypoints.shape == (85, 3)
    assert scan.metrical_scale == 11.0
    assert all(region.faces.max() < len(region.vertices) for region in scan.regions.values())


def test_a_template_and_its_keypoints_come_back(tmp_path: Path) -> None:
    read = read_template(*write_template(tmp_path))
    np.testing.assert_array_equal(read.faces, TEMPLATE.faces)
    places = read.keypoints.on(read.vertices)
    np.testing.assert_allclose(places, TEMPLATE.keypoints.on(TEMPLATE.vertices), atol=1e-4)


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".npz", "-bare.obj"])
def test_an_answer_is_read_in_the_order_of_its_file(suffix: str, tmp_path: Path) -> None:
    path, vertices = tmp_path / f"1{suffix}", face_of(1).astype(np.float32)
    if suffix == ".ply":
        path.write_bytes(to_ply(vertices, TEMPLATE.faces))
    elif suffix == ".npz":
        np.savez(path, vertices=vertices)
    else:
        path.write_text(obj(vertices, TEMPLATE.faces[: 0 if "bare" in suffix else None]))
    found, faces = read_prediction(path, TEMPLATE)
    np.testing.assert_allclose(found, vertices, atol=1e-5)
    np.testing.assert_array_equal(faces, TEMPLATE.faces)


def test_answers_are_by_number_then_by_name(tmp_path: Path) -> None:
    for name in ("10.obj", "2_left.ply", "2_a.npz", "1.obj", "notes.txt"):
        (tmp_path / name).touch()
    found = find_predictions(tmp_path, range(1, 11))
    assert [(one.path.name, one.subject) for one in found] == [
        ("1.obj", 1),
        ("2_a.npz", 2),
        ("2_left.ply", 2),
        ("10.obj", 10),
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "has no answers"),
        (["7.obj"], "of no subject of the data set"),
        (["face.obj"], "of no subject of the data set"),
        (["0.obj"], "of no subject of the data set"),
        (["1.obj", "1.ply"], "1.obj is there too"),
    ],
)
def test_a_folder_of_other_answers_is_refused(names: list[str], said: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(HeadwaterError, match=said):
        find_predictions(tmp_path, [1, 2, 3])
    with pytest.raises(HeadwaterError, match="no such folder"):
        find_predictions(tmp_path / "missing", [1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9 8 7 x", "no number"),
        ("9 8 -7", "holds the scale -7"),
        ("9 nan 7", "holds the scale nan"),
        ("9 8 1e-30", "holds the scale 1e-30"),
        ("9 8", "has 2 scales; there is a subject 3"),
    ],
)
def test_wrong_scales_are_refused(text: str, said: str, tmp_path: Path) -> None:
    write_realy(tmp_path)
    (tmp_path / "metrical_scale.txt").write_text(text)
    with pytest.raises(HeadwaterError, match=said):
        RealyFolder(tmp_path)


def test_another_folder_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="name the folder with REALY_HIFI3D_keypoints"):
        RealyFolder(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (f"{KEYPOINTS}/1.obj", "v 1 2 3\n", "has 1 vertices, not 85"),
        ("REALY_scan_region/1/nose.obj", "v 1 2 3\n", "has no triangles"),
        ("REALY_scan_region/1/cheek.obj", "v 1 2 x\n", "is no number"),
        ("REALY_scan_region/1/mouth.obj", None, "there is no such file"),
        ("REALY_scan_region/1/nose.obj", "v 1 2 1e99\nf 1 1 1\n", "not finite"),
        ("REALY_scan_region/1/nose.obj", "v 1 2 1e30\nf 1 1 1\n", "mm from the keypoints"),
        (f"{KEYPOINTS}/1.obj", "v 1 2 3\n" * 85, "mm across"),
        (f"{KEYPOINTS}/1.obj", "v 1 2 3\n" * 84 + "v 1 2 1e300\n", "mm across"),
    ],
)
def test_a_damaged_scan_is_named(file: str, text: str | None, said: str, tmp_path: Path) -> None:
    folder = RealyFolder(write_realy(tmp_path, subjects=1))
    (tmp_path / file).unlink()
    if text is not None:
        (tmp_path / file).write_text(text)
    with pytest.raises(HeadwaterError, match=said) as problem:
        folder.scan(1)
    assert Path(file).name in str(problem.value)


def test_a_region_that_is_too_large_to_bend_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RealyFolder(write_realy(tmp_path, subjects=1))
    monkeypatch.setattr(realy, "MAX_REGION_VERTICES", 50)
    with pytest.raises(HeadwaterError, match="at most 50 are bent"):
        folder.scan(1)


def rows_of(tmp_path: Path) -> list[list[float]]:
    return json.loads(write_template(tmp_path)[1].read_text())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:-1], "no JSON list of 85"),
        (lambda rows: {"a": rows}, "no JSON list of 85"),
        (lambda rows: [*rows[:-1], [1, 2]], "no JSON list of 85"),
        (lambda rows: [*rows[:-1], [1, "x", 0]], "no JSON list of 85"),
        (lambda rows: [*rows[:-1], [10**400, 0, 0]], "no JSON list of 85"),
        (lambda rows: [*rows[:-1], [float("nan"), 0, 0]], "no JSON list of 85"),
        (lambda rows: [*rows[:-1], [99999, 0, 0]], "does not have"),
        (lambda rows: [*rows[:-1], [-1, 0, 0]], "does not have"),
        (lambda rows: [*rows[:-1], [1.5, 0, 0]], "does not have"),
        (lambda rows: [*rows[:-1], [1, 0.9, 0.9]], "keypoint 84 lies outside"),
    ],
)
def test_wrong_keypoints_are_refused(change, said: str, tmp_path: Path) -> None:
    mesh, keypoints = write_template(tmp_path)
    keypoints.write_text(json.dumps(change(rows_of(tmp_path))))
    with pytest.raises(HeadwaterError, match=said):
        read_template(mesh, keypoints)


def test_keypoints_that_are_no_json_are_refused(tmp_path: Path) -> None:
    mesh, keypoints = write_template(tmp_path)
    keypoints.write_text("[[1,")
    with pytest.raises(HeadwaterError, match="is not JSON"):
        read_template(mesh, keypoints)


def test_an_answer_of_arrays_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.npz"
    np.savez(path, vertices=TEMPLATE.vertices[:-1])
    with pytest.raises(HeadwaterError, match="expected 775 x 3"):
        read_prediction(path, TEMPLATE)
    np.savez(path, points=TEMPLATE.vertices)
    with pytest.raises(HeadwaterError, match="lacks the key"):
        read_prediction(path, TEMPLATE)
    np.savez(path, vertices=np.array([[object()] * 3] * 775), allow_pickle=True)
    with pytest.raises(HeadwaterError, match="holds object"):
        read_prediction(path, TEMPLATE)
