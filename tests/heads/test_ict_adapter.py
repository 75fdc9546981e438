"""ICT-FaceKit's two forms, on a tiny model made here in both."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from headwater.errors import HeadwaterError
from headwater.heads import ict_adapter
from headwater.heads.ict_adapter import Layout, bases
from headwater.heads.model import HeadModel, Surface
from headwater.heads.store import read, write

EXPRESSIONS = ("browInnerUp_L", "browInnerUp_R", "eyeBlink_L", "jawOpen", "cheekRaiser_L")
TINY = Layout(
    vertices=9,
    polygons=5,
    ear_canals=(0, 2),
    parts=((Surface.SKIN, 0, 1), (Surface.EYEBALL, 3, 3), (Surface.TEETH, 4, 4)),
)
POLYGONS = np.array(
    [[0, 1, 4, 3], [1, 2, 5, -1], [6, 7, 8, -1], [3, 4, 7, 6], [4, 5, 7, -1]], np.int32
)


def shapes() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    names = ("neutral", "identity000", "identity001", *EXPRESSIONS)
    grid = 2.0**-10
    return {name: np.round(rng.normal(size=(9, 3)) / grid) * grid for name in names}


def write_npz(path: Path, **changes: np.ndarray | None) -> Path:
    made = shapes()
    arrays = {
        "v_mean": made["neutral"].astype(np.float32),
        "id_delta": np.stack([made["identity000"], made["identity001"]]).astype(np.float32),
        "id_names": np.array(["identity000", "identity001"]),
        "exp_delta": np.stack([made[name] for name in EXPRESSIONS]).astype(np.float32),
        "exp_names": np.array(EXPRESSIONS),
        "quads": POLYGONS,
    } | changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def write_folder(folder: Path) -> Path:
    folder.mkdir()
    made = shapes()
    polygons = "".join(
        "f " + " ".join(f"{i + 1}/{i + 1}" for i in corners if i >= 0) + "\n"
        for corners in POLYGONS.tolist()
    )
    for name, moved in made.items():
        vertices = moved if name == "neutral" else made["neutral"] + moved
        text = "".join("v {!r} {!r} {!r}\n".format(*map(float, v)) for v in vertices)
        file = "generic_neutral_mesh" if name == "neutral" else name
        (folder / f"{file}.obj").write_text(
            "mtllib x.mtl\n" + text + "vt 0 0\nusemtl A\n" + polygons
        )
    (folder / "vertex_indices.json").write_text(json.dumps({"expressions": EXPRESSIONS}))
    return folder


def assert_same(one: HeadModel, other: HeadModel) -> None:
    for key in ("name", "shape_names", "expression_names", "prior"):
        assert getattr(one, key) == getattr(other, key)
    for key in ("mean", "faces", "surface", "shape_basis", "expression_basis"):
        np.testing.assert_array_equal(getattr(one, key), getattr(other, key))


def test_npz_and_folder_give_the_same_model(tmp_path: Path):
    from_npz = bases(write_npz(tmp_path / "m.npz"), tmp_path / "cache", TINY)
    from_folder = bases(write_folder(tmp_path / "FaceXModel"), tmp_path / "cache", TINY)
    assert_same(from_npz, from_folder)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_units_frame_and_parts(tmp_path: Path):
    model = bases(write_npz(tmp_path / "m.npz"), tmp_path, TINY)
    made = shapes()
    expected = 10 * (made["neutral"][:8] - made["neutral"][[0, 2]].mean(0))
    np.testing.assert_allclose(model.mean, expected, rtol=1e-6)
    assert model.faces.tolist() == [
        [0, 1, 4], [0, 4, 3], [1, 2, 5], [3, 4, 7], [3, 7, 6], [4, 5, 7]
    ]  # fmt: skip
    assert model.surface.tolist() == [0, 0, 0, 1, 1, 2]
    assert model.expression_names == ("browInnerUp", "eyeBlinkLeft", "jawOpen")
    both = made["browInnerUp_L"] + made["browInnerUp_R"]
    expected = 10 * (both[:8] - both[[0, 2]].mean(0))
    np.testing.assert_allclose(model.expression_basis[0], expected, rtol=1e-5, atol=1e-5)


def test_a_changed_file_is_read_again(tmp_path: Path):
    path = write_npz(tmp_path / "m.npz")
    before = bases(path, tmp_path, TINY)
    write_npz(path, v_mean=np.ones((9, 3), np.float32))
    assert np.abs(bases(path, tmp_path, TINY).mean).max() == 0 < np.abs(before.mean).max()


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quads": None, "exp_names": None}, r"lacks the key\(s\) exp_names, quads"),
        ({"v_mean": np.zeros((8, 3), np.float32)}, r"v_mean.*\(8, 3\), expected 9 x 3"),
        ({"id_delta": np.zeros((2, 9), np.float32)}, "id_delta.*expected any x 9 x 3"),
        ({"id_names": np.array(["a"])}, "id_names.*expected 2"),
        ({"v_mean": np.full((9, 3), np.nan, np.float32)}, "not finite"),
        ({"id_names": np.array(["a", "a"])}, "id_names.*expected 2 different"),
        ({"v_mean": np.full((9, 3), {}, dtype=object)}, "holds object, which is not read"),
        ({"v_mean": np.diag([1e300] * 9)[:, :3]}, "not finite"),
        ({"quads": np.full((5, 4), 10**6)}, "polygon with wrong or missing corners, number 1"),
        ({"quads": np.full((5, 4), -3)}, "wrong or missing corners"),
        ({"quads": np.zeros((5, 4), np.int32)}, "wrong or missing corners"),
        ({"quads": POLYGONS.astype(np.float32)}, "quads' holds float32"),
        ({"exp_names": np.array(["PupilDilate_L"]), "exp_delta": np.zeros((1, 9, 3))}, "of ARKit"),
        ({"exp_names": np.zeros(0, "U1"), "exp_delta": np.zeros((0, 9, 3))}, "expected any x 9"),
    ],
)
def test_wrong_npz_is_refused_by_name(tmp_path: Path, changes: dict, message: str):
    path = write_npz(tmp_path / "model.npz", **changes)
    with pytest.raises(HeadwaterError, match=message) as error:
        bases(path, tmp_path, TINY)
    assert "model.npz" in str(error.value)


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
def test_the_size_in_the_header_is_believed_before_anything_is_read(tmp_path: Path):
    """Eight gigabytes of zeros pack into nine megabytes; here only the header claims them."""
    path = write_npz(tmp_path / "m.npz", v_mean=None)
    header = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": (10**9,)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("v_mean.npy", header.getvalue())
    with pytest.raises(HeadwaterError, match=r"v_mean' has shape \(1000000000,\), expected 9 x 3"):
        bases(path, tmp_path, TINY)


def test_a_head_turned_inside_out_is_refused(tmp_path: Path):
    """A ball with outward faces is a head for all we know; the same faces backwards are none."""
    ball = trimesh.creation.icosphere(subdivisions=1)
    faces = np.column_stack([ball.faces, np.full(len(ball.faces), -1)]).astype(np.int32)
    layout = Layout(42, len(faces), (0, 1), ((Surface.SKIN, 0, len(faces) - 1),))
    arrays = {
        "v_mean": ball.vertices.astype(np.float32),
        "id_delta": np.zeros((2, 42, 3), np.float32),
        "exp_delta": np.zeros((len(EXPRESSIONS), 42, 3), np.float32),
    }
    bases(write_npz(tmp_path / "out.npz", **arrays, quads=faces), tmp_path, layout)
    inward = write_npz(tmp_path / "in.npz", **arrays, quads=faces[:, [1, 0, 2, 3]])
    with pytest.raises(HeadwaterError, match=r"in\.npz: the mesh is turned inside out"):
        bases(inward, tmp_path, layout)


def test_a_damaged_store_is_made_anew(tmp_path: Path):
    path = write_npz(tmp_path / "m.npz")
    made = bases(path, tmp_path / "cache", TINY)
    (stored,) = (tmp_path / "cache").iterdir()
    whole = stored.read_bytes()
    wrong_faces = replace(made, faces=made.faces + 7)
    for damage in (b"", whole[:100], whole[:-4], b"\xff" * 100, b"[" * 100_000):
        stored.write_bytes(damage)
        assert_same(bases(path, tmp_path / "cache", TINY), made)
    write(stored, wrong_faces)
    with pytest.raises(HeadwaterError, match="a face names vertex"):
        read(stored)
    assert_same(bases(path, tmp_path / "cache", TINY), made)


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
def test_files_that_are_no_npz_are_refused(tmp_path: Path):
    for content in (b"", b"PK\x03\x04 cut off", b"hello"):
        path = tmp_path / "x.npz"
        path.write_bytes(content)
        with pytest.raises(HeadwaterError, match="no readable"):
            bases(path, tmp_path, TINY)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(HeadwaterError, match="single array"):
        bases(tmp_path / "one.npy", tmp_path, TINY)
    with pytest.raises(HeadwaterError, match="there is no file"):
        bases(tmp_path / "missing.npz", tmp_path, TINY)


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
def test_incomplete_folders_are_refused_by_name(tmp_path: Path):
    folder = write_folder(tmp_path / "FaceXModel")
    (folder / "jawOpen.obj").rename(folder / "kept")
    with pytest.raises(HeadwaterError, match=r"lacks jawOpen\.obj"):
        bases(folder, tmp_path, TINY)
    (folder / "kept").write_text("v 1 2 3\n")
    (folder / "kept").rename(folder / "jawOpen.obj")
    with pytest.raises(HeadwaterError, match=r"jawOpen\.obj has 1 vertices, expected 9"):
        bases(folder, tmp_path, TINY)
    (folder / "generic_neutral_mesh.obj").unlink()
    with pytest.raises(HeadwaterError, match="lacks generic_neutral_mesh"):
        bases(folder, tmp_path, TINY)


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("vertex_indices.json", "[" * 100_000, "is not JSON"),
        ("vertex_indices.json", '{"expressions": ["../secret"]}', "which is no file"),
        ("vertex_indices.json", '{"expressions": 7}', "no list 'expressions'"),
        (
            "generic_neutral_mesh.obj",
            "v 0 0 0\n" * 9 + "f a b c\n" * 5,
            "line 10: b'a' is no ",
        ),
        ("generic_neutral_mesh.obj", "v 0 0 x\n" * 9 + "f 1 2 3\n" * 5, "line 1: .* is no number"),
        ("generic_neutral_mesh.obj", "v 0 nan 0\n" * 9 + "f 1 2 3\n" * 5, "not finite"),
        (
            "generic_neutral_mesh.obj",
            "v 0 0 0\n" * 9 + f"f {10**30} 2 3\n" * 5,
            "line 10: ",
        ),
    ],
)
def test_broken_files_of_a_folder_are_named(tmp_path: Path, name: str, content: str, said: str):
    folder = write_folder(tmp_path / "FaceXModel")
    (folder / name).write_text(content)
    with pytest.raises(HeadwaterError, match=said) as error:
        bases(folder, tmp_path, TINY)
    assert name in str(error.value)


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("f 1 2 99", "names vertex 99 of 9"),
        ("f 1 2", "three corners or more"),
        ("f 1 2 3 4 5", "polygon 5 has more than 4 corners"),
        ("f 0 1 2", "counted from 1"),
        ("f 1 1 2", "wrong or missing corners"),
    ],
)
def test_broken_polygons_are_refused(tmp_path: Path, line: str, said: str):
    folder = write_folder(tmp_path / "FaceXModel")
    file = folder / "generic_neutral_mesh.obj"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:-1], line]))
    with pytest.raises(HeadwaterError, match=said):
        bases(folder, tmp_path, TINY)


def test_published_layout_covers_what_is_drawn(ict: HeadModel):
    assert len(ict.expression_names) == 51, "ARKit's 52 without tongueOut"
    assert len(ict.shape_names) == 100
    counts = np.bincount(ict.surface)
    assert counts[Surface.SKIN] == 22288
    assert counts[Surface.EYEBALL] == 2 * 1536
    assert ict_adapter.FACEKIT.parts[-1][2] < ict_adapter.FACEKIT.polygons
