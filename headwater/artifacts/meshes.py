"""Triangle meshes as binary PLY for work and GLB for looking, in the head frame, in mm."""

import io
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from headwater.errors import HeadwaterError

HEAD_EXTENT_MM = (60.0, 700.0)


def to_ply(vertices: NDArray[Any], faces: NDArray[Any]) -> bytes:
    """Binary little-endian PLY of vertices (V, 3) mm and faces (F, 3); order is kept."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    return _exported(mesh, "ply", vertex_normal=False)


def to_glb(
    vertices: NDArray[Any], faces: NDArray[Any], colours: NDArray[Any] | None = None
) -> bytes:
    """GLB of a mesh; colours (V, 3) uint8 optional. Positions stay in mm."""
    mesh = trimesh.Trimesh(vertices, faces, process=False, vertex_colors=colours)
    return _exported(mesh, "glb", include_normals=True)


def _exported(mesh: trimesh.Trimesh, file_type: str, **options: Any) -> bytes:
    data = mesh.export(file_type=file_type, **options)
    assert isinstance(data, bytes)
    return data


def from_ply(data: bytes, name: str) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (V, 3) float32 and faces (F, 3) int32 of a PLY file.

    Raises HeadwaterError naming ``name`` when the file is broken, has no faces, names a missing
    vertex, or has a vertex that is not finite.
    """
    try:
        mesh = trimesh.load(io.BytesIO(data), file_type="ply", process=False)
    except (ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
        raise HeadwaterError(f"{name}: not a readable PLY mesh ({error})") from error
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise HeadwaterError(f"{name}: has no triangles")
    vertices = np.asarray(mesh.vertices, np.float32)
    faces = np.asarray(mesh.faces, np.int32)
    if not np.isfinite(vertices).all():
        raise HeadwaterError(f"{name}: has vertices that are not finite numbers")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise HeadwaterError(f"{name}: a face names vertex {faces.max()} of {len(vertices)}")
    return vertices, faces


def check_head_size(vertices: NDArray[Any], name: str) -> None:
    """Raise HeadwaterError when the largest extent cannot be a head in millimetres."""
    extent = float(np.ptp(vertices, axis=0).max())
    low, high = HEAD_EXTENT_MM
    if not low <= extent <= high:
        raise HeadwaterError(
            f"{name}: is {extent:.4g} across; heads are {low:.0f} to {high:.0f} mm, "
            "is it in metres?"
        )
