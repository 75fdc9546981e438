"""The one reader of OBJ files, against cases solved by hand and a general mesh library."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from headwater.artifacts.obj import NO_TEXTURE, read_obj, read_obj_vertices
from headwater.errors import HeadwaterError

TEXT = """# a house's front
mtllib house.mtl
v 0 0 0 0.5 0.5 0.5
v 1 0 0
v 1 1 0
v 0 1 0
vt 0.25
vt 0.5 0.75 0
g wall
f 1/1 2/2 3/2 4
v 9 9 9
v 0.5 2 0
g roof of the house
f -2/-1/3 3//1 4/7
g wall
f 1 2 3 4 6
s off
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "house.obj"
    path.write_text(TEXT)
    return path


def test_everything_keeps_the_order_of_the_file(path: Path) -> None:
    house = read_obj(path)
    assert house.vertices.tolist()[:2] == [[0, 0, 0], [1, 0, 0]]
    assert house.vertices.tolist()[4:] == [[9, 9, 9], [0.5, 2, 0]]
    assert house.texture.tolist() == [[0.25, 0], [0.5, 0.75]]
    assert house.sizes.tolist() == [4, 3, 5]
    assert house.corners[:, 0].tolist() == [0, 1, 2, 3, 4, 2, 3, 0, 1, 2, 3, 5]
    none = NO_TEXTURE
    assert house.corners[:, 1].tolist() == [0, 1, 1, none, 1, *[none] * 7]
    groups = {name: rows.tolist() for name, rows in house.groups.items()}
    assert groups == {"wall": [0, 2], "roof of the house": [1]}
    np.testing.assert_array_equal(read_obj_vertices(path), house.vertices)


def test_polygons_become_fans_or_padded_rows(path: Path) -> None:
    house = read_obj(path)
    fans = [[0, 1, 2], [0, 2, 3], [4, 2, 3], [0, 1, 2], [0, 2, 3], [0, 3, 5]]
    assert house.triangles().tolist() == fans
    padded = [[0, 1, 2, 3, -1], [4, 2, 3, -1, -1], [0, 1, 2, 3, 5]]
    assert house.polygons(5).tolist() == padded
    with pytest.raises(HeadwaterError, match="polygon 3 has more than 4 corners"):
        house.polygons(4)


@pytest.mark.parametrize("seed", range(3))
def test_meshes_are_those_of_a_general_library(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = rng.normal(size=(40, 3))
    faces = np.argsort(rng.random((70, 40)), axis=1)[:, :3]
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    path = tmp_path / "mesh.obj"
    path.write_text(trimesh.exchange.obj.export_obj(mesh, digits=17))
    read = read_obj(path)
    np.testing.assert_allclose(read.vertices, vertices, rtol=1e-14)
    np.testing.assert_array_equal(read.triangles(), faces)


def test_a_file_without_polygons_has_no_triangles(tmp_path: Path) -> None:
    path = tmp_path / "points.obj"
    path.write_text("v 1 2 3\n")
    assert read_obj(path).triangles().shape == (0, 3)
    assert read_obj(path).polygons(4).shape == (0, 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v 1 2\n", "line 1: 3 numbers are needed, not 2"),
        ("v 1 2 x\n", "line 1: .* is no number"),
        ("\nv 1 2 inf\n", "line 2: .* is not finite"),
        ("vt\n", "line 1: 2 numbers are needed, not 1"),
        ("v 0 0 0\nf 1 1\n", "line 2: a polygon needs three corners or more, not 2"),
        ("v 0 0 0\nf 1 1 0\n", "line 2: .* counted from 1"),
        ("v 0 0 0\nf 1 1 -2\n", "line 2: a polygon names number -2 of 1"),
        ("v 0 0 0\nf 1 1 1/x\n", "line 2: b'x' is no number of a corner"),
        ("v 0 0 0\nf 1 1 3\n", "a polygon names vertex 3 of 1"),
    ],
)
def test_damaged_files_are_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "damaged.obj"
    path.write_text(text)
    with pytest.raises(HeadwaterError, match=rf"damaged\.obj.*{said}"):
        read_obj(path)
