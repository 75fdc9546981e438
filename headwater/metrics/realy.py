"""REALY's error of a face mesh by region (Chai and others, ECCV 2022), as its evaluator has it.

A scan comes cut into nose, mouth, forehead and cheek, in a unit of its own, with 85 keypoints and
the millimetres of that unit. A prediction of any topology is judged by the same 85 keypoints on it:

1. gICP: a similarity from 7 keypoints puts the prediction on the scan.
2. rICP: from there, for each region alone, a rigid map fits the prediction to the region's vertices
   and keypoints.
3. bICP: the region is bent onto the prediction, which finds where its points correspond.
4. The error is the mean distance of the region's vertices as scanned to the points of the
   prediction that are nearest to them as bent, in mm. Its authors call it NMSE.

Rigid errors between regions and the size of the face do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from headwater.errors import HeadwaterError
from headwater.geometry.nonrigid_icp import Keypoints, nonrigid_icp
from headwater.geometry.registration import Similarity, umeyama
from headwater.geometry.triangles import Triangles
from headwater.heads.model import SurfacePoints

REGIONS: Final = ("nose", "mouth", "forehead", "cheek")
KEYPOINTS: Final = 85
GLOBAL: Final = (36, 39, 42, 45, 33, 48, 54)
_MOUTH_POINTS: Final = (*range(48, 61), 64)
_FOREHEAD_POINTS: Final = (*range(17, 27), *range(36, 48))
_CHEEK_POINTS: Final = (*_MOUTH_POINTS, 76, 77, 36, 41, 40, 39, 42, 47, 46, 45, 7, 8, 9)
# Keypoints by which a region is aligned, and those by which it is bent.
RIGID: Final = {
    "nose": (*range(27, 36), 70, 71),
    "mouth": _MOUTH_POINTS,
    "forehead": _FOREHEAD_POINTS,
    "cheek": _CHEEK_POINTS,
}
BENDING: Final = {
    "nose": tuple(range(27, 36)),
    "mouth": _MOUTH_POINTS,
    "forehead": _FOREHEAD_POINTS,
    "cheek": (),
}
# Weight of a region's vertices in its alignment, as a multiple of the weight of its keypoints.
RIGID_SHARE: Final = {"nose": 1, "mouth": 1, "forehead": 1, "cheek": 4}
RIGID_STEPS: Final = 100
RIGID_TOLERANCE: Final = 1e-6  # change of the mean squared distance, squares of the scan's unit
# Largest distance of a face's keypoints from the template's after alignment, as a share of their
# spread (root mean squares). The 68 points of the head model anny have up to 0.16 with three
# expressions at full strength and 0.8 with left and right exchanged; vertices in any other order
# have about 1.
MISFIT: Final = 0.25

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Region:
    """A region of a scan: vertices (n, 3) in the scan's unit and faces (f, 3)."""

    vertices: FloatArray
    faces: IntArray


@dataclass(frozen=True)
class RealyScan:
    """A scan: its regions by name, keypoints (85, 3), both in its unit, and the unit in mm."""

    regions: Mapping[str, Region]
    keypoints: FloatArray
    metrical_scale: float


@dataclass(frozen=True)
class RealyTemplate:
    """The topology of predictions: vertices (V, 3), faces (F, 3) and 85 keypoints on them."""

    vertices: NDArray[np.float32]
    faces: IntArray
    keypoints: SurfacePoints


@dataclass(frozen=True)
class Aligned:
    """A prediction on the scan after gICP: its surface and keypoints (85, 3), the scan's unit."""

    surface: Triangles
    keypoints: Float64Array


def realy_errors(
    scan: RealyScan, template: RealyTemplate, vertices: NDArray[np.float32], faces: IntArray
) -> dict[str, float]:
    """Errors in mm by region of a prediction (V, 3), in any unit and frame, with faces (F, 3).

    Raises HeadwaterError for a mesh that is not the template's, and for keypoints on one line.
    """
    check_topology(template, vertices, faces)
    found = template.keypoints.on(vertices).astype(np.float64)
    place = global_alignment(found[list(GLOBAL)], scan.keypoints[list(GLOBAL)])
    aligned = Aligned(Triangles(place.apply(vertices), faces), place.apply(found))
    return {
        name: scan.metrical_scale * region_error(name, scan.regions[name], scan.keypoints, aligned)
        for name in REGIONS
    }


def check_topology(template: RealyTemplate, vertices: NDArray[np.float32], faces: IntArray) -> None:
    """Raise HeadwaterError unless a mesh has the vertices of the template, in its order.

    Faces (F, 3) of other vertices tell of another order, and so do keypoints that are not where
    those of any face are; a part of the template's faces will do.
    """
    if len(vertices) != len(template.vertices):
        raise HeadwaterError(
            f"has {len(vertices)} vertices, the template {len(template.vertices)}; save the mesh "
            "in the template's topology, without merging vertices"
        )
    if not _faces_as_set(faces) <= _faces_as_set(template.faces):
        raise HeadwaterError(
            "has faces that the template lacks: its vertices are in another order; save them in "
            "the template's"
        )
    known = template.keypoints.on(template.vertices).astype(np.float64)
    found = template.keypoints.on(vertices).astype(np.float64)
    try:
        place = umeyama(known, found, with_scale=True)
    except ValueError as problem:
        raise HeadwaterError("has all its keypoints on one line: it is no face") from problem
    misfit = np.linalg.norm(place.apply(known) - found) / np.linalg.norm(found - found.mean(axis=0))
    if not misfit <= MISFIT:
        raise HeadwaterError(
            f"has its keypoints {misfit:.2f} of their spread from the template's, above {MISFIT}: "
            "its vertices are in another order, or it is mirrored; save them in the template's"
        )


def global_alignment(source: FloatArray, target: FloatArray) -> Similarity:
    """Step 1, gICP: the similarity of points (n, 3) onto the target's (n, 3).

    Its scale is the ratio of the sums of absolute coordinates about the means, as in the
    evaluator. Unlike there the rotation is always proper. Raises HeadwaterError for points that
    fix none.
    """
    try:
        rotation = umeyama(source, target, with_scale=False).rotation
    except ValueError as problem:
        raise HeadwaterError("the seven keypoints of gICP lie on one line") from problem
    centre, goal = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    turned = (source - centre) @ rotation.T
    scale = float(np.abs(target - goal).sum() / np.abs(turned).sum())
    return Similarity(scale, rotation, goal - scale * rotation @ centre)


def region_error(name: str, region: Region, keypoints: FloatArray, prediction: Aligned) -> float:
    """Steps 2 to 4 for a region: its error in the scan's unit. keypoints: (85, 3) of the scan."""
    place = rigid_alignment(name, region.vertices, keypoints, prediction)
    # The evaluator merges equal vertices only now, and leaves out those without faces.
    mesh = trimesh.Trimesh(region.vertices, region.faces, process=True)
    scanned, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces)

    def on_prediction(points: Float64Array) -> Float64Array:
        return place.apply(prediction.surface.closest(place.inverse().apply(points)).on_surface)

    chosen = list(BENDING[name])
    known = None
    if chosen:
        rows = cKDTree(scanned).query(keypoints[chosen])[1]
        known = Keypoints(rows, place.apply(prediction.keypoints[chosen]))
    bent = nonrigid_icp(scanned, faces, on_prediction(scanned), known)
    return float(np.linalg.norm(on_prediction(bent) - scanned, axis=1).mean())


def rigid_alignment(
    name: str, vertices: FloatArray, keypoints: FloatArray, prediction: Aligned
) -> Similarity:
    """Step 2, rICP: the rigid map of the prediction onto a region's vertices (n, 3).

    keypoints: (85, 3) of the scan. Those of the region are repeated until they count as much as
    the vertices, or a quarter of that. Ends when the mean square changes by less than 1e-6.
    """
    chosen = list(RIGID[name])
    repeats = int(len(vertices) / len(chosen) / RIGID_SHARE[name])
    scanned = np.concatenate([vertices, *[keypoints[chosen]] * repeats]).astype(np.float64)
    ours = [prediction.keypoints[chosen]] * repeats
    place, former = Similarity.identity(), 0.0
    for _ in range(RIGID_STEPS):
        nearest = prediction.surface.closest(place.inverse().apply(vertices)).on_surface
        points = np.concatenate([nearest, *ours])
        try:
            fitted = umeyama(points, scanned, with_scale=False)
        except ValueError as problem:
            raise HeadwaterError(f"{name}: nearest points and keypoints are on a line") from problem
        error = float(((fitted.apply(points) - scanned) ** 2).sum(axis=1).mean())
        if abs(error - former) < RIGID_TOLERANCE:
            break
        place, former = fitted, error
    return place


def _faces_as_set(faces: IntArray) -> set[tuple[int, ...]]:
    return set(map(tuple, np.sort(faces, axis=1).tolist()))
