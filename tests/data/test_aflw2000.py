"""AFLW2000-3D's folder and its morphable model, read back, and refused where it is another's."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from headwater.data.aflw2000 import Aflw2000
from headwater.data.basel_face import FittedFace, read_basel_face, read_fitted_face
from headwater.data.dense_points import dense_points
from headwater.errors import HeadwaterError
from tests.data.published_faces import (
    SIDE,
    PublishedModel,
    keypoints_of,
    write_aflw,
    write_model,
)
from tests.systems.toy_heads import toy_template

YAWS = (0.0, 40.0, -75.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PublishedModel:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(model: PublishedModel, tmp_path: Path) -> Path:
    write_aflw(tmp_path, model.model, YAWS)
    return tmp_path


def test_pictures_are_read_by_name_with_their_faces_points_and_yaws(
    folder: Path, model: PublishedModel
) -> None:
    for root in (folder, folder / "AFLW2000"):
        found = Aflw2000(root)
        assert found.names == ["image00000", "image00002", "image00004"]
        for name, yaw in zip(found.names, YAWS, strict=True):
            picture = found.picture(name)
            assert picture.yaw_degrees == pytest.approx(yaw)
            assert picture.photo.is_file()
            assert picture.reannotated is None
            apart = keypoints_of(model.model, picture.face) - picture.landmarks
            assert np.abs(apart).max() < 1e-3


def test_other_points_and_yaws_come_in_the_order_of_the_names(folder: Path) -> None:
    points = np.arange(3 * 3 * 68, dtype=np.float32).reshape(3, 3, 68)
    np.save(folder / "points.npy", points)
    np.save(folder / "yaws.npy", np.array([1.0, 61.0, -31.0]))
    found = Aflw2000(folder, folder / "points.npy", folder / "yaws.npy").picture("image00002")
    assert found.yaw_degrees == 61.0
    np.testing.assert_array_equal(found.reannotated, points[1, :2].T)


def test_arrays_of_other_pictures_and_objects_are_refused(folder: Path) -> None:
    np.save(folder / "points.npy", np.zeros((2000, 2, 68)))
    with pytest.raises(HeadwaterError, match=r"is \(2000, 2, 68\) instead of \(3, 2 or 3, 68\)"):
        Aflw2000(folder, folder / "points.npy")
    np.save(folder / "yaws.npy", np.zeros(2000))
    with pytest.raises(HeadwaterError, match=r"is \(2000,\) instead of \(3,\)"):
        Aflw2000(folder, None, folder / "yaws.npy")
    np.save(folder / "yaws.npy", np.array([{}, {}, {}]), allow_pickle=True)
    with pytest.raises(HeadwaterError, match=r"yaws\.npy: cannot be read"):
        Aflw2000(folder, None, folder / "yaws.npy")
    np.save(folder / "yaws.npy", np.full(3, np.nan))
    with pytest.raises(HeadwaterError, match="not finite"):
        Aflw2000(folder, None, folder / "yaws.npy")


def test_a_folder_without_pictures_and_a_picture_without_its_file_are_refused(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(HeadwaterError, match=r"holds no image\*\.jpg"):
        Aflw2000(tmp_path_factory.mktemp("empty"))
    (folder / "loop").symlink_to("loop")
    with pytest.raises(HeadwaterError, match="loop: cannot be read"):
        Aflw2000(folder / "loop")
    (folder / "AFLW2000" / "image00002.mat").unlink()
    with pytest.raises(HeadwaterError, match=r"image00002\.mat: there is no such file"):
        Aflw2000(folder).picture("image00002")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Pose_Para": np.zeros((1, 7))}, "has the scale 0"),
        ({"Shape_Para": np.zeros((80, 1))}, "Shape_Para is numbers 80 x 1 instead of numbers 199"),
        ({"Exp_Para": np.full((29, 1), np.inf)}, "Exp_Para holds numbers that are not finite"),
    ],
)
def test_parameters_of_another_model_are_refused(
    folder: Path, change: dict[str, np.ndarray], message: str
) -> None:
    path = folder / "AFLW2000" / "image00000.mat"
    whole = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    savemat(path, {**whole, **change})
    with pytest.raises(HeadwaterError, match=message):
        read_fitted_face(path)


def test_a_model_of_two_meshes_or_with_vertices_that_are_not_there_is_refused(
    model: PublishedModel, tmp_path: Path
) -> None:
    shape = loadmat(model.folder / "Model_Shape.mat")
    shape = {key: value for key, value in shape.items() if not key.startswith("__")}
    expression = (model.folder / "Model_Expression.mat").read_bytes()
    (tmp_path / "Model_Exp.mat").write_bytes(expression)
    savemat(tmp_path / "Model_Shape.mat", {**shape, "mu_shape": shape["mu_shape"][:-3]})
    with pytest.raises(HeadwaterError, match="of another mesh"):
        read_basel_face(tmp_path)
    savemat(tmp_path / "Model_Shape.mat", {**shape, "keypoints": shape["keypoints"] + 9999})
    with pytest.raises(HeadwaterError, match="keypoints names vertex"):
        read_basel_face(tmp_path)
    savemat(tmp_path / "Model_Shape.mat", shape)
    np.testing.assert_array_equal(read_basel_face(tmp_path).faces, model.model.faces)


def test_a_face_is_turned_scaled_and_counted_as_published() -> None:
    """Yaw alone, by hand: x' = cos x - sin z for a positive one; the first row of px is row 1."""
    face = FittedFace(
        np.zeros(199), np.zeros(29), np.deg2rad([0.0, 90.0, 0.0]), np.array([100.0, 50.0, 7.0]), 2.0
    )
    right, up, out = face.in_picture(np.eye(3), SIDE)
    np.testing.assert_allclose(right, [100.0, SIDE + 1 - 50.0, 7.0 + 2.0], atol=1e-9)
    np.testing.assert_allclose(up, [100.0, SIDE + 1 - 52.0, 7.0], atol=1e-9)
    np.testing.assert_allclose(out, [98.0, SIDE + 1 - 50.0, 7.0], atol=1e-9)


def test_dense_points_of_the_same_surface_are_its_vertices(model: PublishedModel) -> None:
    template, own = toy_template(), model.model
    pairs = dense_points(template, own.mean, own.mean[own.keypoints])
    assert len(pairs.rows) > 30
    # Keypoints are vertices and landmarks are not: the toy's lie some mm beside them.
    assert np.median(pairs.apart_mm) < 3.0
    tip = template.nose_tip(template.mean)
    found = pairs.on(template.mean)
    assert np.linalg.norm(found - tip, axis=1).max() < 110.0
    moved = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(pairs.on(template.mean + moved), found + moved, atol=1e-4)


def test_a_model_that_lies_elsewhere_has_no_dense_points(model: PublishedModel) -> None:
    template, own = toy_template(), model.model
    with pytest.raises(HeadwaterError, match="lies nowhere near the build's head"):
        dense_points(template, own.mean + 1e6, own.mean[own.keypoints])


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tri", np.zeros((3, 0)), "tri is empty"),
        ("tri", np.full((3, 5), 1.5), r"tri names vertex 1\.5 of 162"),
        ("keypoints", np.zeros((1, 68)), "keypoints names vertex 0 of 162"),
        ("keypoints", np.full((1, 68), 1e300), r"numbers beyond 1e\+12"),
        ("w", np.full((486, 199), -1e200), r"numbers beyond 1e\+12"),
    ],
)
def test_a_model_of_odd_numbers_is_refused(
    key: str, value: np.ndarray, said: str, tmp_path: Path
) -> None:
    write_model(tmp_path)
    path = tmp_path / "Model_Shape.mat"
    whole = {name: array for name, array in loadmat(path).items() if not name.startswith("__")}
    savemat(path, {**whole, key: value})
    with pytest.raises(HeadwaterError, match=said):
        read_basel_face(tmp_path)


def test_keypoints_of_no_face_give_no_dense_points() -> None:
    template = toy_template()
    with pytest.raises(HeadwaterError, match="those of no face"):
        dense_points(template, template.mean, np.zeros((68, 3)))


def test_points_on_one_line_measure_no_face(folder: Path) -> None:
    points = np.random.default_rng(0).uniform(1, 400, (3, 2, 68))
    points[1, 1] = 7.0
    np.save(folder / "points.npy", points)
    with pytest.raises(HeadwaterError, match=r"npy: the points of picture 2 lie on one line"):
        Aflw2000(folder, folder / "points.npy")
    path = folder / "AFLW2000" / "image00002.mat"
    whole = {name: array for name, array in loadmat(path).items() if not name.startswith("__")}
    savemat(path, {**whole, "pt3d_68": np.ones((3, 68))})
    with pytest.raises(HeadwaterError, match=r"mat: its 68 points lie on one line"):
        Aflw2000(folder).picture("image00002")
