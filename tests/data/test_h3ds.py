"""The H3DS folder, on a small one made here in exactly its layout."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from headwater.data.h3ds import H3dsFolder, decompose
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import H3DS_FROM_478
from headwater.geometry.cameras import Camera, look_at, project
from headwater.metrics.h3ds import h3ds_score
from tests.metrics import heads as toys

SCENE = "1b2a8613401e42a8"
SIZE = 512


def cameras(count: int) -> list[Camera]:
    found = []
    for i in range(count):
        eye = np.array([200.0 * (i - 1), 40.0, 900.0])
        R, t = look_at(eye, np.zeros(3))
        K = np.array([[1500.0, 0, 250.5], [0, 1498.0, 260.25], [0, 0, 1]])
        found.append(Camera(K, R, t, SIZE, SIZE))
    return found


def world_matrix(camera: Camera) -> np.ndarray:
    """K [R | t] as the data set stores it, with pixel centres at integers."""
    matrix = np.eye(4)
    intrinsics = camera.K - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    matrix[:3] = intrinsics @ np.column_stack([camera.R, camera.t])
    return matrix


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A release 0.4 with one scene of three views; vertices 0 and 1 are the same point."""
    folder = tmp_path / SCENE
    for name in ("image", "mask", "regions"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "version.txt").write_text("0.4\n")
    mesh = toys.egg(3)
    vertices = np.vstack([mesh.vertices[:1], mesh.vertices])
    lines = [f"v {x:.6f} {y:.6f} {z:.6f} 0.5 0.4 0.3" for x, y, z in vertices]
    lines += ["vt 0.1 0.2", "# a comment", "usemtl skin"]
    lines += [f"f {a}/1 {b}/1/ {c}//1" for a, b, c in mesh.faces + 2]
    (folder / "full_head.obj").write_text("\n".join(lines) + "\n")
    places = {name: 1 + toys.landmark_vertices(mesh)[i] for name, i in H3DS_FROM_478.items()}
    (folder / "landmarks.txt").write_text("".join(f"{n} {row}\n" for n, row in places.items()))
    tip = np.linalg.norm(vertices - vertices[places["nose_tip"]], axis=1)
    regions = {"face": vertices[:, 2] > 0, "face_sphere": tip <= 95, "nose": tip < 20}
    for name, inside in regions.items():
        text = "".join(f"{row}\n" for row in np.flatnonzero(inside))
        (folder / "regions" / f"{name}.txt").write_text(text)
    matrices = {f"world_mat_{i}": world_matrix(camera) for i, camera in enumerate(cameras(3))}
    scale = np.diag([150.0, 150.0, 150.0, 1.0])
    np.savez(folder / "cameras.npz", scale_mat_0=scale, **matrices)
    for i in range(3):
        shade = np.full((SIZE, SIZE, 3), 60 * i, np.uint8)
        Image.fromarray(shade).save(folder / "image" / f"img_{i:04d}.jpg")
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[100:400, 100 + i : 400] = 255
        Image.fromarray(mask).save(folder / "mask" / f"mask_{i:04d}.png")
    return tmp_path


def test_a_scene_is_read_in_the_files_order(root: Path) -> None:
    folder = H3dsFolder(root, "v2")
    assert folder.scenes() == [SCENE]
    scene = folder.scene(SCENE)
    mesh = toys.egg(3)
    np.testing.assert_allclose(scene.vertices[1:], mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(scene.vertices[0], scene.vertices[1])
    np.testing.assert_array_equal(scene.faces, mesh.faces + 1)
    assert list(scene.landmarks) == list(H3DS_FROM_478)
    assert set(scene.regions) == {"face", "face_sphere", "nose"}
    assert scene.normalisation is not None
    np.testing.assert_allclose(scene.normalisation @ [150.0, 0, 0, 1], [1, 0, 0, 1])


def test_a_scene_is_scored_by_the_benchmark(root: Path) -> None:
    scene = H3dsFolder(root, "v2").scene(SCENE)
    moved = toys.rigid(scene.vertices, scale=0.9)
    points = {name: moved[row] for name, row in scene.landmarks.items()}
    found = h3ds_score(scene.truth(), moved, points)
    assert found.face_mm < 1e-6
    assert found.head_mm < 1e-6


def test_views_have_their_camera_and_mask(root: Path) -> None:
    folder = H3dsFolder(root, "v2")
    points = folder.scene(SCENE).vertices
    for number, camera in enumerate(cameras(3)):
        view = folder.view(SCENE, number)
        assert view.image.shape == (SIZE, SIZE, 3)
        assert view.mask.sum() == 300 * (300 - number)
        assert abs(int(view.image[0, 0, 0]) - 60 * number) <= 1
        np.testing.assert_allclose(view.camera.K, camera.K, atol=1e-6)
        np.testing.assert_allclose(
            project(view.camera, points)[0], project(camera, points)[0], atol=1e-6
        )


def test_another_version_is_refused_with_both_named(root: Path) -> None:
    with pytest.raises(HeadwaterError, match=r"0\.4.*v1.*0\.2"):
        H3dsFolder(root, "v1")
    (root / "version.txt").unlink()
    with pytest.raises(HeadwaterError, match=r"version\.txt"):
        H3dsFolder(root, "v2")


def test_pickled_cameras_are_refused(root: Path) -> None:
    path = root / SCENE / "cameras.npz"
    np.savez(path, world_mat_0=np.array([{"a": 1}], dtype=object))
    with pytest.raises(HeadwaterError, match=r"cameras\.npz"):
        H3dsFolder(root, "v2").view(SCENE, 0)


@pytest.mark.parametrize("file", ["version.txt", "landmarks.txt", "regions/nose.txt"])
def test_a_file_of_gigabytes_is_not_read(root: Path, file: str) -> None:
    path = root / file if file == "version.txt" else root / SCENE / file
    with path.open("r+b") as file_of_zeros:
        file_of_zeros.truncate(2**33)
    with pytest.raises(HeadwaterError, match=r"\.txt cannot be read \(it has 8589934592 bytes"):
        H3dsFolder(root, "v2").scene(SCENE)


def test_cameras_that_unpack_to_more_than_matrices_are_refused(root: Path) -> None:
    np.savez_compressed(root / SCENE / "cameras.npz", world_mat_0=np.zeros((1024, 1024)))
    with pytest.raises(HeadwaterError, match=r"'world_mat_0' has shape \(1024, 1024\)"):
        H3dsFolder(root, "v2").view(SCENE, 0)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("landmarks.txt", "right_eye 3\n", "nose_tip"),
        ("landmarks.txt", "right_eye three\n", "landmarks.txt"),
        ("regions/face.txt", "0\n99999\n", "names vertex 99999"),
        ("regions/face.txt", "0\n-3\n", "names vertex -3"),
        ("regions/face.txt", "", "names no vertex"),
        ("cameras.npz", "no archive", "cameras.npz"),
        ("full_head.obj", "v 1 2\n", "line 1"),
        ("full_head.obj", "v 0 0 0\nf 1 2 3\n", "names vertex 3"),
        ("full_head.obj", "v 0 0 0\n", "no faces"),
        ("image/img_0001.jpg", "no image", "img_0001.jpg"),
    ],
)
def test_a_wrong_file_is_named(root: Path, file: str, content: str, said: str) -> None:
    (root / SCENE / file).write_text(content)
    folder = H3dsFolder(root, "v2")
    read = (lambda: folder.view(SCENE, 1)) if "image" in file else (lambda: folder.scene(SCENE))
    with pytest.raises(HeadwaterError, match=said):
        read()


def test_a_missing_scene_view_or_file_is_named(root: Path) -> None:
    folder = H3dsFolder(root, "v2")
    with pytest.raises(HeadwaterError, match="no scene 'nobody'"):
        folder.scene("nobody")
    with pytest.raises(HeadwaterError, match="img_0007"):
        folder.view(SCENE, 7)
    (root / SCENE / "regions" / "nose.txt").unlink()
    with pytest.raises(HeadwaterError, match=r"nose\.txt"):
        folder.scene(SCENE)


@given(st.tuples(*[st.floats(-3, 3)] * 3), st.floats(300, 5000), st.sampled_from([-2.0, 0.1, 1.0]))
def test_a_camera_is_found_again_in_its_matrix(angles: tuple, focal: float, factor: float) -> None:
    R = trimesh.transformations.euler_matrix(*angles)[:3, :3]
    t, K = (
        np.array([10.0, -20.0, 900.0]),
        np.array([[focal, 1.0, 250], [0, 1.1 * focal, 260], [0, 0, 1]]),
    )
    found = decompose(factor * K @ np.column_stack([R, t]))
    shift = [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]
    for ours, wanted in zip(found, (K + shift, R, t), strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-6 * focal)


def test_a_singular_camera_is_refused() -> None:
    with pytest.raises(HeadwaterError, match="singular"):
        decompose(np.zeros((3, 4)))


def test_a_scan_turned_inside_out_is_refused(root: Path) -> None:
    path = root / SCENE / "full_head.obj"
    turned = [
        " ".join(["f", *line.split()[:0:-1]]) if line.startswith("f ") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(turned))
    with pytest.raises(HeadwaterError, match=r"full_head\.obj: the mesh is turned inside out"):
        H3dsFolder(root, "v2").scene(SCENE)
