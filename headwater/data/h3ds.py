"""The H3DS benchmark's folder as downloaded: scans, images, masks, cameras, landmarks, regions.

``<root>/version.txt`` and per scene ``full_head.obj`` (mm), ``image/img_%04d.jpg``,
``mask/mask_%04d.png``, ``cameras.npz``, ``landmarks.txt`` and ``regions/*.txt``. Landmarks and
regions are vertex indices of the scan, so its vertices keep their order.
"""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headwater.artifacts.obj import read_obj
from headwater.artifacts.regular_files import regular_bytes
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.faces.vocabulary import H3DS_FROM_478
from headwater.geometry.cameras import Camera
from headwater.geometry.orientation import check_outside
from headwater.heads.npz_files import read_arrays
from headwater.metrics.h3ds import H3dsTruth

Release = Literal["v1", "v2"]

# The first line of version.txt. Meshes of one scene may lie differently in the two releases, so
# their figures are never mixed.
VERSIONS: Final[Mapping[Release, str]] = {"v1": "0.2", "v2": "0.4"}
REGIONS: Final = ("face", "face_sphere", "nose")

_MATRIX: Final = re.compile(r"((?:world|scale)_mat_\d+)\.npy")
_MAX_BYTES: Final = 2**24

Float64Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class H3dsScene:
    """A scanned head.

    vertices: (V, 3) float64 mm, faces: (F, 3) int64, in the file's order. landmarks: vertex index
    by name. regions: vertex indices by name. normalisation: (4, 4), maps mm to the unit sphere;
    None where the file does not give it.
    """

    scene: str
    vertices: Float64Array
    faces: NDArray[np.int64]
    landmarks: Mapping[str, int]
    regions: Mapping[str, NDArray[np.int64]]
    normalisation: Float64Array | None

    def truth(self) -> H3dsTruth:
        """The scan as the benchmark's score takes it."""
        points = {name: self.vertices[row] for name, row in self.landmarks.items()}
        return H3dsTruth(self.vertices, points, self.regions["face"], self.regions["face_sphere"])


@dataclass(frozen=True)
class H3dsView:
    """An image of a scene: (H, W, 3) uint8, its mask (H, W) bool, and its camera (mm to px)."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    camera: Camera


class H3dsFolder:
    """A downloaded release.

    Raises HeadwaterError when the folder is not there or holds another version, naming both.
    """

    def __init__(self, root: Path, release: Release) -> None:
        self.root = root
        wanted = VERSIONS[release]
        path = root / "version.txt"
        found = _read(path, lambda: _text(path)).split("\n")[0].strip()
        if found != wanted:
            raise HeadwaterError(
                f"H3DS: {root} holds version {found or 'without a number'}, but release {release} "
                f"is version {wanted}; figures of the two are never mixed"
            )

    def scenes(self) -> list[str]:
        """Names of the scenes, sorted."""
        return sorted(path.parent.name for path in self.root.glob("*/full_head.obj"))

    def scene(self, name: str) -> H3dsScene:
        """The scan of a scene. Raises HeadwaterError naming a missing or wrong file."""
        folder = self._folder(name)
        vertices, faces = read_surface(folder / "full_head.obj")
        landmarks = _landmarks(folder / "landmarks.txt", len(vertices))
        regions = {
            region: _region(folder / "regions" / f"{region}.txt", len(vertices))
            for region in REGIONS
        }
        scale = _cameras(folder / "cameras.npz").get("scale_mat_0")
        normalisation = None if scale is None else np.linalg.inv(scale)
        return H3dsScene(name, vertices, faces, landmarks, regions, normalisation)

    def image_path(self, name: str, number: int) -> Path:
        """Path of a view's image. Raises HeadwaterError when there is no such scene."""
        return self._folder(name) / "image" / f"img_{number:04d}.jpg"

    def view(self, name: str, number: int) -> H3dsView:
        """One view of a scene. Raises HeadwaterError naming a missing or wrong file."""
        folder = self._folder(name)
        image = _picture(self.image_path(name, number), "RGB")
        mask = _picture(folder / "mask" / f"mask_{number:04d}.png", "L") > 127
        path = folder / "cameras.npz"
        matrices = _cameras(path)
        if image.shape[:2] != mask.shape:
            raise HeadwaterError(
                f"H3DS: view {number} of {name} is {image.shape[1]}x{image.shape[0]}, "
                f"its mask {mask.shape[1]}x{mask.shape[0]}"
            )
        if f"world_mat_{number}" not in matrices:
            raise HeadwaterError(f"H3DS: {path} has no camera of view {number}")
        K, R, t = decompose(matrices[f"world_mat_{number}"][:3])
        return H3dsView(image, mask, Camera(K, R, t, mask.shape[1], mask.shape[0]))

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        if not (folder / "full_head.obj").is_file():
            raise HeadwaterError(f"H3DS: {self.root} has no scene {name!r}")
        return folder


def read_surface(path: Path) -> tuple[Float64Array, NDArray[np.int64]]:
    """Vertices (V, 3) and triangles (F, 3) of an OBJ file in its order; polygons become fans.

    Raises HeadwaterError as ``read_obj``, for a file without polygons and for a surface that is
    turned inside out.
    """
    scan = read_obj(path)
    triangles = scan.triangles()
    if not len(triangles):
        raise HeadwaterError(f"{path}: has no faces")
    check_outside(scan.vertices, triangles, str(path))
    return scan.vertices, triangles


def decompose(projection: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """K (3, 3) with K[2, 2] = 1 and positive focal lengths, R (3, 3) and t (3,) of K [R | t].

    projection: (3, 4), up to any factor, mm to px. The data set counts pixel centres at integers;
    half a pixel is added to the principal point.
    """
    projection = np.asarray(projection, dtype=np.float64)
    if not np.isfinite(projection).all() or abs(np.linalg.det(projection[:, :3])) < 1e-12:
        raise HeadwaterError("H3DS: a camera matrix is singular or not finite")
    projection = projection * np.sign(np.linalg.det(projection[:, :3]))
    # RQ from QR: turn rows and columns round.
    q, r = np.linalg.qr(projection[::-1, :3].T)
    upper, rotation = r.T[::-1, ::-1], q.T[::-1]
    signs = np.sign(np.diag(upper))
    upper, rotation = upper * signs, signs[:, None] * rotation
    translation = np.linalg.solve(upper, projection[:, 3])
    intrinsics = upper / upper[2, 2]
    intrinsics[:2, 2] += 0.5
    return intrinsics, rotation, translation


def _landmarks(path: Path, vertices: int) -> dict[str, int]:
    def parse() -> dict[str, int]:
        lines = _text(path).splitlines()
        return {name: int(row) for name, row in (line.split() for line in lines if line.strip())}

    found = _read(path, parse)
    missing = [name for name in H3DS_FROM_478 if name not in found]
    if missing:
        raise HeadwaterError(f"H3DS: {path} lacks the landmark(s) {', '.join(missing)}")
    _check_rows(path, np.array(list(found.values())), vertices)
    return found


def _region(path: Path, vertices: int) -> NDArray[np.int64]:
    rows = _read(path, lambda: np.array(_text(path).split(), dtype=np.int64))
    if not len(rows):
        raise HeadwaterError(f"H3DS: {path} names no vertex")
    _check_rows(path, rows, vertices)
    return rows


def _check_rows(path: Path, rows: NDArray[np.int64], vertices: int) -> None:
    wrong = rows[(rows < 0) | (rows >= vertices)]
    if len(wrong):
        raise HeadwaterError(f"H3DS: {path} names vertex {wrong[0]} of {vertices}")


def _cameras(path: Path) -> dict[str, Float64Array]:
    """World and scale matrices (4, 4) by key. Raises HeadwaterError for any other array there."""

    def names() -> list[str]:
        with zipfile.ZipFile(io.BytesIO(regular_bytes(path, _MAX_BYTES))) as archive:
            found = [_MATRIX.fullmatch(name) for name in archive.namelist()]
            return [one[1] for one in found if one]

    wanted = dict.fromkeys(_read(path, names), ((4, 4), "fiu"))
    matrices = read_arrays(path, wanted, "H3DS")
    return {name: np.asarray(matrix, dtype=np.float64) for name, matrix in matrices.items()}


def _picture(path: Path, mode: Literal["RGB", "L"]) -> NDArray[np.uint8]:
    def load() -> NDArray[np.uint8]:
        with Image.open(path) as picture:
            return np.asarray(picture.convert(mode))

    return _read(path, load)


def _text(path: Path) -> str:
    return regular_bytes(path, _MAX_BYTES).decode("utf-8")


def _read(path: Path, load: Callable[[], T]) -> T:
    """Content of ``path`` by ``load``; failures become an error that names the file."""
    try:
        return load()
    except FileNotFoundError as error:
        raise HeadwaterError(f"H3DS: there is no {path}") from error
    # NumPy tokenizes headers that are no Python literals.
    except (TokenError, Image.DecompressionBombError, *READER_ERRORS) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HeadwaterError(f"H3DS: {path} cannot be read ({reason})") from error
