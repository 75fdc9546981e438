"""ICT-FaceKit (USC ICT, MIT licence) from an ``.npz`` or from its published folder of ``.obj``.

Both hold the same polygons: a neutral mesh, 100 identity modes of one standard deviation each and
ARKit-like expressions, in centimetres, x to the subject's left, y up, z out of the face. Lashes,
fluids, shading layers and the iris discs behind the cornea are left out.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.ids import sha256_hex
from headwater.artifacts.obj import Obj, read_obj, read_obj_vertices
from headwater.artifacts.regular_files import read_file, read_json
from headwater.errors import HeadwaterError
from headwater.heads.model import FloatArray, HeadModel, Surface, check_head_model
from headwater.heads.npz_files import read_arrays
from headwater.heads.store import NO_POINTS, cached

LICENCE = "MIT (ICT-FaceKit, USC Institute for Creative Technologies)"
MM_PER_UNIT = 10.0
MAX_BYTES = 2**28
MAX_LISTING = 2**20
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


class Source(NamedTuple):
    """neutral (V, 3), displacements per name (V, 3), all cm; polygons (P, 4), -1 pads triangles."""

    neutral: Float64Array
    polygons: NDArray[np.int64]
    identities: dict[str, Float64Array]
    expressions: dict[str, Float64Array]


def bases(path: Path, cache_dir: Path, layout: Layout = FACEKIT) -> HeadModel:
    """The model in ``path``, an ``.npz`` or a folder with ``generic_neutral_mesh.obj``.

    Without landmarks and fingerprint; ``layout`` names the parts of the mesh. Raises HeadwaterError
    for missing files or keys and for arrays of a wrong shape.
    """
    source = sha256_hex(f"{source_digest(path)} {layout!r}".encode())

    def extracted() -> HeadModel:
        read = _read_folder if path.is_dir() else read_npz
        return _extract(read(path, layout), layout, path)

    return cached(cache_dir, "ict", source, extracted)


def source_digest(path: Path) -> str:
    """SHA-256 over the names and the content of the files that ``bases`` reads.

    Raises HeadwaterError when they are missing or too large.
    """
    if not path.exists():
        raise HeadwaterError(f"ICT-FaceKit: there is no file or folder {path}.")
    digest = hashlib.sha256()
    for file in _folder_files(path) if path.is_dir() else [path]:
        content = hashlib.sha256(read_file(file, MAX_BYTES)).digest()
        digest.update(file.name.encode() + b"\0" + content)
    return digest.hexdigest()


def _extract(source: Source, layout: Layout, path: Path) -> HeadModel:
    canals = list(layout.ear_canals)
    faces, surface = _triangles(source.polygons, layout)
    kept = np.unique(faces)

    def centred(shape: Float64Array) -> FloatArray:
        with np.errstate(over="ignore"):  # infinite, which is refused below
            moved = (MM_PER_UNIT * (shape[kept] - shape[canals].mean(0))).astype(np.float32)
        return np.asarray(moved)

    expressions: dict[str, Float64Array] = {}
    for name, moved in source.expressions.items():
        unit = _arkit_name(name)
        if unit is not None:
            expressions[unit] = expressions.get(unit, 0.0) + moved
    units = sorted(expressions)
    if not units:
        raise HeadwaterError(f"ICT-FaceKit: {path} has no expression with a name of ARKit.")
    model = HeadModel(
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
    check_head_model(model, f"ICT-FaceKit: {path}")
    return model


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


def read_npz(path: Path, layout: Layout) -> Source:
    """Content of an ``.npz`` file; each array's form is checked before its numbers are read.

    Raises HeadwaterError naming file and key.
    """
    V, P = layout.vertices, layout.polygons
    shapes: dict[str, tuple[tuple[int | None, ...], str]] = {
        "v_mean": ((V, 3), "f"),
        "id_delta": ((None, V, 3), "f"),
        "exp_delta": ((None, V, 3), "f"),
        "quads": ((P, 4), "iu"),
        "id_names": ((None,), "U"),
        "exp_names": ((None,), "U"),
    }
    arrays = read_arrays(path, shapes, "ICT-FaceKit")
    deltas: dict[str, dict[str, Float64Array]] = {}
    for key in ("id", "exp"):
        names, moved = arrays[f"{key}_names"], arrays[f"{key}_delta"]
        if not len(set(names.tolist())) == len(names) == len(moved):
            raise HeadwaterError(
                f"ICT-FaceKit: {path}, key '{key}_names' has shape {names.shape}, expected "
                f"{len(moved)} different names."
            )
        pairs = zip(names, moved, strict=True)
        deltas[key] = {str(name): delta.astype(np.float64) for name, delta in pairs}
    polygons = arrays["quads"].astype(np.int64)
    _check_polygons(polygons, layout, f"{path}, key 'quads'")
    return Source(arrays["v_mean"].astype(np.float64), polygons, deltas["id"], deltas["exp"])


def _check_polygons(polygons: NDArray[np.int64], layout: Layout, where: str) -> None:
    """Raise HeadwaterError unless every polygon (P, 4) has three or four corners that are there."""
    triangles, last = polygons[:, :3], polygons[:, 3]
    corners = np.sort(polygons, axis=1)
    wrong = (triangles < 0).any(axis=1) | (last < -1) | (polygons >= layout.vertices).any(axis=1)
    wrong |= (np.diff(corners, axis=1) == 0).any(axis=1)
    if wrong.any():
        raise HeadwaterError(
            f"ICT-FaceKit: {where} has a polygon with wrong or missing corners, "
            f"number {int(np.argmax(wrong)) + 1}."
        )


def _folder_files(folder: Path) -> list[Path]:
    """The files of a published folder that are read, in a fixed order."""
    listing = folder / LISTING
    for needed in (folder / NEUTRAL, listing):
        if not needed.is_file():
            raise HeadwaterError(f"ICT-FaceKit: the folder {folder} lacks {needed.name}.")
    try:
        expressions = [str(name) for name in read_json(listing, MAX_LISTING)["expressions"]]
    except (KeyError, TypeError) as error:
        raise HeadwaterError(f"ICT-FaceKit: {listing} has no list 'expressions'.") from error
    if odd := [name for name in expressions if Path(name).name != name]:
        raise HeadwaterError(f"ICT-FaceKit: {listing} names {odd[0][:80]!r}, which is no file.")
    identities = sorted(folder.glob("identity[0-9]*.obj"))
    if not identities:
        raise HeadwaterError(f"ICT-FaceKit: the folder {folder} has no identity000.obj.")
    files = [folder / NEUTRAL, *identities, *(folder / f"{name}.obj" for name in expressions)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise HeadwaterError(f"ICT-FaceKit: the folder {folder} lacks {', '.join(missing)}.")
    return files


def _read_folder(folder: Path, layout: Layout) -> Source:
    files = _folder_files(folder)
    mesh = read_obj(files[0])
    neutral, polygons = mesh.vertices, _polygons(mesh, layout, files[0])
    _check_count(len(neutral), layout.vertices, "vertices", files[0])
    moved = {file.stem: _vertices(file, layout) - neutral for file in files[1:]}
    identities = {name: delta for name, delta in moved.items() if name.startswith("identity")}
    expressions = {name: delta for name, delta in moved.items() if name not in identities}
    return Source(neutral, polygons, identities, expressions)


def _vertices(path: Path, layout: Layout) -> Float64Array:
    """Vertices (V, 3) of an OBJ file."""
    vertices = read_obj_vertices(path)
    _check_count(len(vertices), layout.vertices, "vertices", path)
    return vertices


def _polygons(mesh: Obj, layout: Layout, path: Path) -> NDArray[np.int64]:
    """Polygons (P, 4) of a mesh, triangles padded with -1."""
    _check_count(len(mesh.sizes), layout.polygons, "polygons", path)
    try:
        polygons = mesh.polygons(4)
    except HeadwaterError as error:
        raise HeadwaterError(f"ICT-FaceKit: {path}: {error}.") from error
    _check_polygons(polygons, layout, str(path))
    return polygons


def _check_count(count: int, expected: int, what: str, path: Path) -> None:
    if count != expected:
        raise HeadwaterError(f"ICT-FaceKit: {path} has {count} {what}, expected {expected}.")
