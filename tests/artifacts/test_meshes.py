"""Meshes: PLY and GLB keep vertices, faces and their order; broken files are named."""

import time
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headwater.artifacts.meshes import check_head_size, from_ply, to_ply
from headwater.errors import HeadwaterError

COORDINATES = st.floats(-300, 300, width=32)


@st.composite
def meshes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Any soup of triangles, with doubled vertices and empty faces."""
    vertices = draw(hnp.arrays(np.float32, (draw(st.integers(1, 12)), 3), elements=COORDINATES))
    index = st.integers(0, len(vertices) - 1)
    faces = draw(hnp.arrays(np.int32, (draw(st.integers(1, 9)), 3), elements=index))
    return vertices, faces


@given(meshes())
@settings(max_examples=60, deadline=None)
def test_ply_keeps_vertices_faces_and_order(mesh: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, faces = from_ply(to_ply(*mesh), "mesh")
    np.testing.assert_array_equal(vertices, mesh[0])
    np.testing.assert_array_equal(faces, mesh[1])
    assert to_ply(vertices, faces) == to_ply(*mesh)


@pytest.mark.parametrize("keep", [0, 3, 20, 120, 300])
def test_a_cut_ply_is_named(keep: int) -> None:
    ball = trimesh.creation.icosphere(subdivisions=1)
    with pytest.raises(HeadwaterError, match=r"head\.ply: "):
        from_ply(to_ply(ball.vertices, ball.faces)[:keep], "head.ply")


@pytest.mark.parametrize(
    "lines",
    [
        "element vertex 1\n" + "".join(f"property float p{n}\n" for n in range(300_000)),
        "element vertex 1\n" + "".join(f"property float p{n}\n" for n in range(1_000)),
        "".join(f"element e{n} 1\nproperty float x\n" for n in range(1_000)),
        "comment " + "x" * 2**20 + "\n",
    ],
)
def test_a_ply_with_a_giant_header_is_refused_at_once(lines: str) -> None:
    data = f"ply\nformat binary_little_endian 1.0\n{lines}end_header\n".encode() + bytes(2**21)
    started = time.process_time()
    with pytest.raises(HeadwaterError, match=r"head\.ply: not a readable PLY mesh \(its header"):
        from_ply(data, "head.ply")
    assert time.process_time() - started < 1.0


# What from_ply says of the published broken files; None: sound as a list of triangles.
BROKEN = {
    "patch_good.ply": None,
    "patch_nan.ply": "not finite",
    "patch_index_out_of_range.ply": "names vertex|not a readable",
    "patch_cut_off.ply": "not a readable",
    "patch_no_faces.ply": "no triangles",
    "empty.ply": "not a readable|no triangles",
    "points_ascii.ply": "no triangles",
    "patch_duplicate_degenerate.ply": None,
    "patch_nonmanifold.ply": None,
    "patch_flipped.ply": None,
    "patch_holes.ply": None,
    "patch_in_metres.ply": None,
}


@pytest.mark.parametrize(("name", "said"), BROKEN.items())
def test_broken_meshes_are_refused_by_name(shared_data: Path, name: str, said: str | None) -> None:
    data = (shared_data / "bad" / "meshes" / name).read_bytes()
    if said is None:
        vertices, faces = from_ply(data, name)
        assert faces.max() < len(vertices)
        return
    with pytest.raises(HeadwaterError, match=f"^{name}: .*({said})"):
        from_ply(data, name)


def test_a_head_in_metres_or_centimetres_is_refused() -> None:
    ball = np.asarray(trimesh.creation.icosphere(radius=115.0).vertices)
    check_head_size(ball, "head")
    for unit in (1e-3, 1e-1, 10.0):
        with pytest.raises(HeadwaterError, match=r"head: is .* across"):
            check_head_size(ball * unit, "head")
