"""GLB files: in metres for every viewer, valid by Khronos's own validator, read back as written."""

import io
import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from headwater.artifacts.glb import Skin, from_glb, to_glb
from headwater.errors import HeadwaterError

BALL = trimesh.creation.icosphere(subdivisions=1, radius=110.0)
VERTICES = np.asarray(BALL.vertices, np.float32)
FACES = np.asarray(BALL.faces, np.int32)
SKIN = Skin(
    np.random.default_rng(1).random((len(VERTICES), 2)),
    np.random.default_rng(2).integers(0, 256, (8, 8, 3), dtype=np.uint8),
)
# Vertex 42 has no triangle, 43 and 44 only one without area.
ODD = (
    np.concatenate([VERTICES, VERTICES[:3]]),
    np.concatenate([FACES, [[43, 44, 43], [0, 0, 1]]]).astype(np.int32),
)


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A sound file with a change in its JSON."""
    data = to_glb(VERTICES, FACES)
    size = struct.unpack_from("<I", data, 12)[0]
    content = json.loads(data[20 : 20 + size])
    change(content)
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    return struct.pack("<5I", 0x46546C67, 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + (
        text + rest
    )


@pytest.mark.fault("every GLB is in metres and valid")
@pytest.mark.parametrize("skin", [None, SKIN])
def test_a_viewer_sees_metres(skin: Skin | None) -> None:
    data = to_glb(VERTICES, FACES, skin)
    scene = trimesh.load(io.BytesIO(data), file_type="glb", process=False)
    np.testing.assert_allclose(scene.extents, 0.22, atol=1e-6)
    assert to_glb(VERTICES, FACES, skin) == data


@pytest.mark.parametrize("skin", [None, SKIN])
def test_vertices_and_faces_come_back_in_their_order(skin: Skin | None) -> None:
    vertices, faces = from_glb(to_glb(VERTICES, FACES, skin), "head.glb")
    np.testing.assert_allclose(vertices, VERTICES, atol=1e-4)
    np.testing.assert_array_equal(faces, FACES)


@pytest.mark.fault("every GLB is in metres and valid")
def test_the_khronos_validator_has_no_complaint(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, for Khronos's glTF validator")
    known = (node, "-e", "require.resolve('gltf-validator')")
    if subprocess.run(known, capture_output=True, check=False).returncode:
        pytest.skip("needs the npm package gltf-validator, in NODE_PATH")
    files = {"bare": to_glb(VERTICES, FACES), "skin": to_glb(VERTICES, FACES, SKIN)}
    files["odd"] = to_glb(*ODD)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    script = Path(__file__).with_name("validate_glb.js")
    command = (node, str(script), *(str(tmp_path / name) for name in files))
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    for name, issues in zip(files, json.loads(done.stdout), strict=True):
        # Errors and warnings; degenerate triangles are an information.
        worse = [found for found in issues["messages"] if found["severity"] < 2]
        assert worse == [], name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["accessors"][1].update(count=10**9), "not a readable GLB"),
        (lambda c: c["accessors"][1].update(count=-1), "empty"),
        (lambda c: c["accessors"][1].update(sparse={"count": 10**9}), "no plain VEC3"),
        (lambda c: c["accessors"][1].pop("bufferView"), "bufferView"),
        (lambda c: c["buffers"][0].update(uri=7), "in another file"),
        (lambda c: c["meshes"].clear(), "not a readable GLB"),
        (lambda c: c["meshes"].append(c["meshes"][0]), "one mesh"),
        (lambda c: c["nodes"][0].update(matrix=[1e300] * 16), "not finite"),
        (lambda c: c["nodes"][0].update(matrix=[[]]), "not a readable GLB"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    change: Callable[[dict[str, Any]], object], said: str
) -> None:
    with pytest.raises(HeadwaterError, match=rf"^head\.glb: .*{said}"):
        from_glb(edited(change), "head.glb")


@pytest.mark.parametrize("keep", [0, 3, 19, 200, 2000])
def test_a_cut_file_is_named(keep: int) -> None:
    with pytest.raises(HeadwaterError, match=r"head\.glb: "):
        from_glb(to_glb(VERTICES, FACES)[:keep], "head.glb")
