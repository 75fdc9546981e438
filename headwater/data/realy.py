"""REALY as its evaluator expects it on disk: scans cut into regions, keypoints, templates, answers.

``REALY_HIFI3D_keypoints/<id>.obj`` has 85 vertices, ``REALY_scan_region/<id>/`` ``nose.obj``,
``mouth.obj``, ``forehead.obj`` and ``cheek.obj``, and ``metrical_scale.txt`` a number for each
subject, the first for number 1. A template is a mesh and a JSON list of 85 ``[triangle, b0, b1]``
on it, triangles from 0, the third weight 1 - b0 - b1. Answers are ``<id>.obj`` or
``<id>_<view>.obj``, for which ``.ply`` and, with an array ``vertices``, ``.npz`` do as well.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.meshes import check_head_size, checked_mesh, from_ply
from headwater.artifacts.obj import read_obj, read_obj_vertices
from headwater.artifacts.regular_files import read_file, read_json
from headwater.errors import HeadwaterError
from headwater.heads.model import SurfacePoints
from headwater.heads.npz_files import read_arrays
from headwater.metrics.realy import KEYPOINTS, REGIONS, RealyScan, RealyTemplate, Region

# Most vertices of a region: with more, bending it takes minutes and gigabytes.
MAX_REGION_VERTICES: Final = 100_000
# Largest distance of a scan's vertex from the mean of its keypoints, along an axis.
MAX_AWAY_MM: Final = 700.0
# Least and largest length of a scan's unit; the published ones are 6.5 to 10.2 mm.
SCALES_MM: Final = (1e-3, 1e3)
SUFFIXES: Final = (".npz", ".obj", ".ply")
_MAX_TEXT: Final = 2**20
_MAX_MESH: Final = 2**28
# Largest amount by which rounding takes a barycentric weight below 0.
_OUTSIDE: Final = 1e-3
_ANSWER: Final = re.compile(r"0*([1-9][0-9]{0,5})(?:_.+)?")

Mesh = tuple[NDArray[np.float32], NDArray[np.int32]]


class Prediction(NamedTuple):
    """A file of an answer, and the subject that it is of."""

    path: Path
    subject: int


class RealyFolder:
    """The benchmark's folder: subjects in their order, and the mm of each one's unit.

    Raises HeadwaterError where it has no subjects, or not a scale for each.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        files = (root / "REALY_HIFI3D_keypoints").glob("*.obj")
        numbers = [re.fullmatch(r"[1-9][0-9]{0,5}", file.stem) for file in files]
        self.subjects = sorted(int(number[0]) for number in numbers if number)
        if not self.subjects:
            raise HeadwaterError(
                f"{root}: has no REALY_HIFI3D_keypoints/<number>.obj; name the folder with "
                "REALY_HIFI3D_keypoints, REALY_scan_region and metrical_scale.txt"
            )
        self._scales = _scales(root / "metrical_scale.txt", self.subjects[-1])

    def scan(self, subject: int) -> RealyScan:
        """A subject's scan. Raises HeadwaterError naming a missing or wrong file."""
        path = self._root / "REALY_HIFI3D_keypoints" / f"{subject}.obj"
        keypoints = read_obj_vertices(path)
        if len(keypoints) != KEYPOINTS:
            raise HeadwaterError(f"{path}: has {len(keypoints)} vertices, not {KEYPOINTS}")
        folder, scale = self._root / "REALY_scan_region" / str(subject), self._scales[subject - 1]
        check_head_size(scale * keypoints, f"{path} in the unit of metrical_scale.txt")
        centre, regions = keypoints.mean(axis=0), {}
        for name in REGIONS:
            file = folder / f"{name}.obj"
            regions[name] = _region(file)
            away = scale * float(np.abs(regions[name].vertices - centre).max())
            if away > MAX_AWAY_MM:
                raise HeadwaterError(
                    f"{file}: reaches {away:.4g} mm from the keypoints of {path.name}; give both "
                    "in one unit and frame"
                )
        return RealyScan(regions, keypoints, scale)


def read_template(mesh: Path, keypoints: Path) -> RealyTemplate:
    """A topology and its 85 keypoints. Raises HeadwaterError naming the file that is wrong."""
    vertices, faces = _read_obj(mesh)
    rows = read_json(keypoints, _MAX_TEXT)
    wrong = (
        f"{keypoints}: is no JSON list of {KEYPOINTS} [triangle, b0, b1]; give the keypoints of "
        f"{mesh.name}"
    )
    try:
        numbers = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise HeadwaterError(wrong) from error
    if numbers.shape != (KEYPOINTS, 3) or not np.isfinite(numbers).all():
        raise HeadwaterError(wrong)
    triangles, weights = numbers[:, 0], numbers[:, 1:]
    if (triangles % 1 != 0).any() or triangles.min() < 0 or triangles.max() >= len(faces):
        raise HeadwaterError(
            f"{keypoints}: names a triangle that {mesh.name}, of {len(faces)}, does not have"
        )
    weights = np.column_stack([weights, 1.0 - weights.sum(axis=1)])
    if weights.min() < -_OUTSIDE:
        row = int(weights.min(axis=1).argmin())
        raise HeadwaterError(f"{keypoints}: keypoint {row} lies outside of its triangle")
    points = SurfacePoints(faces[triangles.astype(np.intp)], weights.astype(np.float32))
    return RealyTemplate(vertices, faces, points)


def find_predictions(folder: Path, subjects: Sequence[int]) -> list[Prediction]:
    """The answers in a folder, by subject and name.

    Raises HeadwaterError for none, a name without a subject's number, and two files of one name.
    """
    if not folder.is_dir():
        raise HeadwaterError(f"{folder}: there is no such folder")
    found: dict[str, Prediction] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES:
            continue
        number = _ANSWER.fullmatch(path.stem)
        if number is None or int(number[1]) not in subjects:
            raise HeadwaterError(
                f"{path}: is of no subject of the data set; name answers <number>{path.suffix} or "
                f"<number>_<view>{path.suffix}"
            )
        if path.stem in found:
            raise HeadwaterError(f"{path}: {found[path.stem].path.name} is there too; keep one")
        found[path.stem] = Prediction(path, int(number[1]))
    if not found:
        raise HeadwaterError(f"{folder}: has no answers <number>.obj, .ply or .npz")
    return sorted(found.values(), key=lambda one: (one.subject, one.path.name))


def read_prediction(path: Path, template: RealyTemplate) -> Mesh:
    """Vertices (V, 3) and faces (F, 3) of an answer, in its file's order.

    A file without faces has the template's. Raises HeadwaterError naming the file and its fault.
    """
    if path.suffix.lower() == ".ply":
        return from_ply(read_file(path, _MAX_MESH), str(path))
    if path.suffix.lower() == ".npz":
        shape = (len(template.vertices), 3)
        vertices = read_arrays(path, {"vertices": (shape, "f")}, "REALY")["vertices"]
        return checked_mesh(vertices, template.faces, str(path))
    mesh = read_obj(path)
    faces = mesh.triangles() if len(mesh.sizes) else template.faces
    return checked_mesh(mesh.vertices, faces, str(path))


def _region(path: Path) -> Region:
    vertices, faces = _read_obj(path)
    if len(vertices) > MAX_REGION_VERTICES:
        raise HeadwaterError(
            f"{path}: has {len(vertices)} vertices; at most {MAX_REGION_VERTICES} are bent"
        )
    return Region(vertices, faces)


def _read_obj(path: Path) -> Mesh:
    mesh = read_obj(path)
    return checked_mesh(mesh.vertices, mesh.triangles(), str(path))


def _scales(path: Path, needed: int) -> list[float]:
    """Millimetres of the subjects' units, a number a line, for ``needed`` subjects or more."""
    try:
        scales = [float(text) for text in read_file(path, _MAX_TEXT).split()]
    except ValueError as error:
        raise HeadwaterError(f"{path}: holds what is no number ({error})") from error
    low, high = SCALES_MM
    if odd := [scale for scale in scales if not low <= scale <= high]:
        raise HeadwaterError(
            f"{path}: holds the scale {odd[0]:g}; they are mm, {low:g} to {high:g}"
        )
    if len(scales) < needed:
        raise HeadwaterError(f"{path}: has {len(scales)} scales; there is a subject {needed}")
    return scales
