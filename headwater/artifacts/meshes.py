"""Triangle meshes as binary PLY, in the head frame, in mm."""

import io
import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.errors import READER_ERRORS, HeadwaterError

HEAD_EXTENT_MM, TYPICAL_EXTENT_MM = (60.0, 700.0), 300.0
UNITS_MM = {
    "millimetres": 1.0,
    "centimetres": 10.0,
    "inches": 25.4,
    "decimetres": 100.0,
    "metres": 1000.0,
}
MAX_PLY_HEADER = 2**16
# Elements and properties; those of splats, the longest in use, are about sixty.
MAX_PLY_LINES = 256

_PLY_LINE = re.compile(rb"^\s*(?:element|property)\b", re.MULTILINE)
_PLY_ELEMENT = re.compile(rb"element\s+(\S{1,80})\s+(\d{1,20})")


def to_ply(vertices: NDArray[Any], faces: NDArray[Any]) -> bytes:
    """Binary little-endian PLY of vertices (V, 3) mm and faces (F, 3); order is kept."""
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    data = mesh.export(file_type="ply", vertex_normal=False)
    assert isinstance(data, bytes)
    return data


def from_ply(data: bytes, name: str) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (V, 3) float32 and faces (F, 3) int32 of a PLY file.

    Raises HeadwaterError naming ``name`` when the file is broken, has no faces, names a missing
    vertex, or has a vertex that is not finite.
    """
    import trimesh

    try:
        _check_counts(data)
        mesh = trimesh.load(io.BytesIO(data), file_type="ply", process=False)
    except READER_ERRORS as error:
        reason = str(error) or type(error).__name__
        raise HeadwaterError(f"{name}: not a readable PLY mesh ({reason})") from error
    if not isinstance(mesh, trimesh.Trimesh):
        raise HeadwaterError(f"{name}: has no triangles")
    return checked_mesh(mesh.vertices, mesh.faces, name)


def _check_counts(data: bytes) -> None:
    """Raise ValueError for a PLY header that is giant, or claims more than its file has bytes."""
    header, end, _ = data[:MAX_PLY_HEADER].partition(b"end_header")
    if not end:
        raise ValueError(f"its header does not end within {MAX_PLY_HEADER} bytes")
    if (lines := len(_PLY_LINE.findall(header))) > MAX_PLY_LINES:
        raise ValueError(f"its header has {lines} elements and properties, of {MAX_PLY_LINES}")
    for name, count in _PLY_ELEMENT.findall(header):
        if int(count) > len(data):
            raise ValueError(f"it claims {count.decode()} of {name.decode(errors='replace')}")


def checked_mesh(
    vertices: NDArray[Any], faces: NDArray[Any], name: str
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (V, 3) as float32 and faces (F, 3) as int32.

    Raises HeadwaterError naming ``name`` for no faces, one that names a missing vertex, or a
    vertex that is not finite.
    """
    if not len(faces) or np.shape(vertices)[1:] != (3,) or np.shape(faces)[1:] != (3,):
        raise HeadwaterError(f"{name}: has no triangles")
    # float64 beyond float32's range becomes infinite, which is refused below.
    with np.errstate(over="ignore"):
        points = np.asarray(vertices, np.float32)
    if not np.isfinite(points).all():
        raise HeadwaterError(f"{name}: has vertices that are not finite numbers")
    low, high = int(np.min(faces)), int(np.max(faces))
    if low < 0 or high >= len(points):
        raise HeadwaterError(
            f"{name}: a face names vertex {low if low < 0 else high} of {len(points)}"
        )
    return points, np.asarray(faces, np.int32)


def check_head_size(vertices: NDArray[Any], name: str, unit: str = "millimetres") -> None:
    """Raise HeadwaterError when the largest extent cannot be that of a head in millimetres.

    vertices: (V, 3) mm. unit: in which the numbers were read from a file, a key of ``UNITS_MM``;
    the error names the one that they more likely have.
    """
    extent = float(np.ptp(vertices, axis=0).max())
    low, high = HEAD_EXTENT_MM
    if not low <= extent <= high:
        raise HeadwaterError(
            f"{name}: is {extent:.4g} mm across; heads are {low:.0f} to {high:.0f}: "
            f"{unit_mistaken(extent / TYPICAL_EXTENT_MM, unit)}"
        )


def unit_mistaken(factor: float, unit: str) -> str:
    """A question about the unit of a file whose lengths are ``factor`` times those of a person.

    unit: in which they were read, a key of ``UNITS_MM``.
    """
    likely = likely_unit(factor, unit)
    return f"are its lengths {unit}?" if likely == unit else f"are these {likely} read as {unit}?"


def likely_unit(factor: float, unit: str) -> str:
    """The unit of lengths that are ``factor`` times too large when they are taken for ``unit``."""
    if not factor > 0:
        return unit
    size = UNITS_MM[unit] / factor
    return min(UNITS_MM, key=lambda name: abs(math.log(UNITS_MM[name] / size)))
