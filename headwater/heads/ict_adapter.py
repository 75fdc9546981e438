"""ICT-FaceKit (USC ICT, MIT licence) from an ``.npz`` or from its published folder of ``.obj``.

Both hold the same polygons: a neutral mesh, 100 identity modes of one standard deviation each and
ARKit-like expressions, in centimetres, x to the subject's left, y up, z out of the face. Lashes,
fluids, shading layers and the iris discs behind the cornea are left out.
"""

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from headwater.errors import HeadwaterError
from headwater.heads.landmark_files import with_landmarks
from headwater.heads.model import FloatArray, HeadModel, Surface
from headwater.heads.store import NO_POINTS, cached

VERSION = 1
LICENCE = "MIT (ICT-FaceKit, USC Institute for Creative Technologies)"
MM_PER_UNIT = 10.0
NEUTRAL, LISTING = "generic_neutral_mesh.obj", "vertex_indices.json"
WITHOUT_SIDES = ("browInnerUp", "cheekPuff")  # one ARKit unit, halved in ICT-FaceKit
NOT_ARKIT = ("PupilDilate", "cheekRaiser")

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Numbering of a release: ``parts`` are (surface, first polygon, last polygon), inclusive."""

    vertices: int
    polygons: int
    ear_canals: tuple[int, int]
    parts: tuple[tuple[Surface, int, int], ...]


FACEKIT = Layout(
    vertices=26719,
    polygons=26384,
    ear_canals=(7069, 7796),
    parts=(
        (Surface.SKIN, 0, 11143),
        (Surface.MOUTH_CAVITY, 11144, 13225),
        (Surface.EYE_SOCKET, 13226, 14033),
        (Surface.TONGUE, 14034, 17005),
        (Surface.TEETH, 17006, 21495),
        (Surface.EYEBALL, 21496, 22295),
        (Surface.EYEBALL, 23094, 23893),
    ),
)


class _Source(NamedTuple):
    """neutral (V, 3), displacements per name (V, 3), all cm; polygons (P, 4), -1 pads triangles."""

    neutral: Float64Array
    polygons: NDArray[np.int64]
    identities: dict[str, Float64Array]
    expressions: dict[str, Float64Array]


def load(path: Path, cache_dir: Path) -> HeadModel:
    """The model in ``path``, an ``.npz`` or a folder with ``generic_neutral_mesh.obj``.

    Raises HeadwaterError for missing files or keys and for arrays of a wrong shape.
    """
    return with_landmarks(bases(path, cache_dir))


def bases(path: Path, cache_dir: Path, layout: Layout = FACEKIT) -> HeadModel:
    """As ``load``, without landmarks and fingerprint; ``layout`` names the parts of the mesh."""
    if not path.exists():
        raise HeadwaterError(f"ICT-FaceKit: there is no file or folder {path}.")
    digest = hashlib.sha256()
    for file in _folder_files(path) if path.is_dir() else [path]:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    stored = cache_dir / f"ict-{digest.hexdigest()[:16]}-v{VERSION}.safetensors"
    read = _read_folder if path.is_dir() else _read_npz
    return cached(stored, lambda: _extract(read(path, layout), layout))


def _extract(source: _Source, layout: Layout) -> HeadModel:
    canals = list(layout.ear_canals)
    faces, surface = _triangles(source.polygons, layout)
    kept = np.unique(faces)

    def centred(shape: Float64Array) -> FloatArray:
        moved: FloatArray = (MM_PER_UNIT * (shape[kept] - shape[canals].mean(0))).astype(np.float32)
        return moved

    expressions: dict[str, Float64Array] = {}
    for name, moved in source.expressions.items():
        unit = _arkit_name(name)
        if unit is not None:
            expressions[unit] = expressions.get(unit, 0.0) + moved
    units = sorted(expressions)
    return HeadModel(
        name="ict",
        licence=LICENCE,
        fingerprint="",
        mean=centred(source.neutral),
        faces=np.searchsorted(kept, faces).astype(np.int32),
        surface=surface,
        shape_names=tuple(source.identities),
        shape_basis=np.stack([centred(moved) for moved in source.identities.values()]),
        expression_names=tuple(units),
        expression_basis=np.stack([centred(expressions[unit]) for unit in units]),
        landmarks_478=NO_POINTS,
        prior="gaussian",
    )


def _arkit_name(name: str) -> str | None:
    """ARKit's name of an ICT-FaceKit expression; None for those that ARKit lacks."""
    unit, _, side = name.partition("_")
    sides = {"L": "Left", "R": "Right", "": ""}
    if unit in NOT_ARKIT or side not in sides:
        return None
    return unit if unit in WITHOUT_SIDES else unit + sides[side]


def _triangles(
    polygons: NDArray[np.int64], layout: Layout
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Triangles (F, 3) of the polygons in ``layout.parts`` and their ``Surface`` (F,)."""
    faces, surface = [], []
    for kind, first, last in layout.parts:
        part = polygons[first : last + 1]
        fans = np.stack([part[:, [0, 1, 2]], part[:, [0, 2, 3]]], axis=1).reshape(-1, 3)
        fans = fans[(fans >= 0).all(1)]
        faces.append(fans)
        surface.append(np.full(len(fans), kind, np.uint8))
    return np.concatenate(faces), np.concatenate(surface)


def _read_npz(path: Path, layout: Layout) -> _Source:
    V, P = layout.vertices, layout.polygons
    shapes = {"v_mean": (V, 3), "id_delta": (None, V, 3), "exp_delta": (None, V, 3)}
    shapes |= {"quads": (P, 4), "id_names": (None,), "exp_names": (None,)}
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, NpzFile):
            raise HeadwaterError(f"ICT-FaceKit: {path} is a single array, not an .npz file.")
        with file:
            missing = sorted(set(shapes) - set(file.files))
            if missing:
                raise HeadwaterError(f"ICT-FaceKit: {path} lacks the key(s) {', '.join(missing)}.")
            arrays = {key: np.asarray(file[key]) for key in shapes}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise HeadwaterError(f"ICT-FaceKit: {path} is no readable .npz file ({error}).") from error
    for key, wanted in shapes.items():
        _check_shape(arrays[key], wanted, f"{path}, key '{key}'")
    for key in ("id", "exp"):
        named = arrays[f"{key}_delta"].shape[:1]
        _check_shape(arrays[f"{key}_names"], named, f"{path}, key '{key}_names'")
    deltas = {
        key: {
            str(name): delta.astype(np.float64)
            for name, delta in zip(arrays[f"{key}_names"], arrays[f"{key}_delta"], strict=True)
        }
        for key in ("id", "exp")
    }
    neutral = arrays["v_mean"].astype(np.float64)
    return _Source(neutral, arrays["quads"].astype(np.int64), deltas["id"], deltas["exp"])


def _check_shape(array: NDArray[np.generic], wanted: tuple[int | None, ...], where: str) -> None:
    fits = array.ndim == len(wanted) and all(
        w is None or w == n for w, n in zip(wanted, array.shape, strict=True)
    )
    if not fits:
        text = " x ".join("any" if n is None else str(n) for n in wanted)
        raise HeadwaterError(f"ICT-FaceKit: {where} has shape {array.shape}, expected {text}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise HeadwaterError(f"ICT-FaceKit: {where} holds values that are not finite.")


def _folder_files(folder: Path) -> list[Path]:
    """The files of a published folder that are read, in a fixed order."""
    listing = folder / LISTING
    for needed in (folder / NEUTRAL, listing):
        if not needed.is_file():
            raise HeadwaterError(f"ICT-FaceKit: the folder {folder} lacks {needed.name}.")
    try:
        expressions = [str(name) for name in json.loads(listing.read_text())["expressions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise HeadwaterError(f"ICT-FaceKit: {listing} has no list 'expressions'.") from error
    identities = sorted(folder.glob("identity[0-9]*.obj"))
    if not identities:
        raise HeadwaterError(f"ICT-FaceKit: the folder {folder} has no identity000.obj.")
    files = [folder / NEUTRAL, *identities, *(folder / f"{name}.obj" for name in expressions)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise HeadwaterError(f"ICT-FaceKit: the folder {folder} lacks {', '.join(missing)}.")
    return files


def _read_folder(folder: Path, layout: Layout) -> _Source:
    files = _folder_files(folder)
    neutral = _obj_vertices(files[0], layout)
    moved = {file.stem: _obj_vertices(file, layout) - neutral for file in files[1:]}
    identities = {name: delta for name, delta in moved.items() if name.startswith("identity")}
    expressions = {name: delta for name, delta in moved.items() if name not in identities}
    return _Source(neutral, _obj_polygons(files[0], layout), identities, expressions)


def _obj_vertices(path: Path, layout: Layout) -> Float64Array:
    """Vertices (V, 3) of an OBJ file."""
    lines = [line[2:] for line in path.read_bytes().splitlines() if line.startswith(b"v ")]
    try:
        vertices = np.array([line.split()[:3] for line in lines], np.float64)
    except ValueError as error:
        raise HeadwaterError(f"ICT-FaceKit: {path} has a vertex that is no number.") from error
    _check_shape(vertices, (layout.vertices, 3), str(path))
    return vertices


def _obj_polygons(path: Path, layout: Layout) -> NDArray[np.int64]:
    """Polygons (P, 4) of an OBJ file, triangles padded with -1."""
    polygons = []
    for line in path.read_bytes().splitlines():
        if line.startswith(b"f "):
            corners = [int(corner.split(b"/")[0]) - 1 for corner in line[2:].split()]
            polygons.append([*corners, -1][:4] if len(corners) in (3, 4) else [-2] * 4)
    found = np.array(polygons, np.int64).reshape(-1, 4)
    _check_shape(found, (layout.polygons, 4), f"{path}, polygons")
    if found[:, :3].min() < 0 or found.max() >= layout.vertices:
        raise HeadwaterError(f"ICT-FaceKit: {path} has a polygon with wrong or missing corners.")
    return found
