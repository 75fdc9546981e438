"""Heads as GLB for any 3D program: stored in mm under a node that scales them to glTF's metres.

What is read back is what is written here: one mesh of triangles whose numbers lie inside the file.
"""

import json
import struct
from typing import Any, Final, NamedTuple

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from headwater.artifacts.meshes import checked_mesh
from headwater.errors import READER_ERRORS, HeadwaterError

MM_PER_METRE: Final = 1000.0
_METRES_FROM_MM: Final = np.diag([1e-3, 1e-3, 1e-3, 1.0])
_ROUGHNESS: Final = 0.9

_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_TRIANGLES: Final = 4
_COMPONENTS: Final = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS: Final = {"SCALAR": 1, "VEC3": 3}


class Skin(NamedTuple):
    """A texture: uv (V, 2) in 0..1 from the top left of the image (H, W, 3) uint8 sRGB."""

    uv: NDArray[Any]
    image: NDArray[np.uint8]


def to_glb(vertices: NDArray[Any], faces: NDArray[Any], skin: Skin | None = None) -> bytes:
    """GLB of vertices (V, 3) mm and faces (F, 3); order is kept."""
    visual = None if skin is None else _visual(skin)
    normals = np.array(trimesh.Trimesh(vertices, faces, process=False).vertex_normals)
    # A vertex without a triangle of any area has none, but glTF wants every normal of length 1.
    normals[~normals.any(axis=1)] = (0.0, 0.0, 1.0)
    mesh = trimesh.Trimesh(vertices, faces, vertex_normals=normals, visual=visual, process=False)
    scene = trimesh.Scene()
    scene.add_geometry(mesh, "head", "head", transform=_METRES_FROM_MM)
    data = scene.export(file_type="glb", include_normals=True)
    assert isinstance(data, bytes)
    return data


def _visual(skin: Skin) -> trimesh.visual.TextureVisuals:
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.fromarray(skin.image),
        metallicFactor=0.0,
        roughnessFactor=_ROUGHNESS,
    )
    return trimesh.visual.TextureVisuals(skin.uv * [1, -1] + [0, 1], material=material)


def from_glb(data: bytes, name: str) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (V, 3) float32 mm, as its node places them, and faces (F, 3) of a ``to_glb`` file.

    Raises HeadwaterError naming ``name`` for any other file.
    """
    try:
        vertices, faces = _mesh(data)
    except READER_ERRORS as error:
        reason = str(error) or type(error).__name__
        raise HeadwaterError(f"{name}: not a readable GLB mesh ({reason})") from error
    return checked_mesh(vertices, faces, name)


def _mesh(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    content, binary = _chunks(data)
    (primitive,) = content["meshes"][0]["primitives"]
    (node,) = (node for node in content["nodes"] if node.get("mesh") == 0)
    if len(content["meshes"]) != 1 or primitive.get("mode", _TRIANGLES) != _TRIANGLES:
        raise ValueError("it does not hold one mesh of triangles")
    if "uri" in content["buffers"][0]:
        raise ValueError("its numbers lie in another file")
    vertices = _numbers(content, binary, primitive["attributes"]["POSITION"], "VEC3")
    faces = _numbers(content, binary, primitive["indices"], "SCALAR")
    matrix = np.array(node.get("matrix", np.eye(4).ravel()), np.float64).reshape(4, 4).T
    # Numbers beyond all bounds become infinite, which is refused with the rest.
    with np.errstate(over="ignore", invalid="ignore"):
        mm = (vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]) * MM_PER_METRE
    return mm, faces.reshape(-1, 3).astype(np.int64)


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary chunk of a file of glTF 2.0 (section 4.4)."""
    magic, version, length, size, kind = struct.unpack_from("<5I", data)
    if (magic, version, length, kind) != (_MAGIC, 2, len(data), _JSON):
        raise ValueError("it does not begin as GLB 2.0, or is cut off")
    binary_size, binary_kind = struct.unpack_from("<2I", data, 20 + size)
    if binary_kind != _BIN or 28 + size + binary_size != len(data):
        raise ValueError("it has no binary chunk, or is cut off")
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def _numbers(content: dict[str, Any], binary: bytes, index: Any, kind: str) -> NDArray[Any]:
    """The numbers (count, width) of an accessor, which must lie in the file as they are."""
    accessor = content["accessors"][index]
    view = content["bufferViews"][accessor["bufferView"]]
    if accessor["type"] != kind or "sparse" in accessor or "byteStride" in view:
        raise ValueError(f"accessor {index} is no plain {kind}")
    width, count = _WIDTHS[kind], accessor["count"]
    first = view.get("byteOffset", 0)
    inside = memoryview(binary)[first : first + view["byteLength"]]
    if count < 1 or first < 0:
        raise ValueError(f"accessor {index} is empty")
    values = np.frombuffer(
        inside, _COMPONENTS[accessor["componentType"]], count * width, accessor.get("byteOffset", 0)
    )
    return values.reshape(count, width)
