"""The H3DS benchmark's score, step by step as its package computes it (evaluation notes, A3).

It hides errors of size (similarity alignment), rewards dense meshes (vertices against vertices:
an exact surface still scores 0.37 x its vertex spacing) and lets extra geometry pass. It serves
the comparison with published numbers; ``headwater.metrics.scan_to_mesh`` is the other protocol.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from trimesh.registration import procrustes

from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import H3DS_FROM_478
from headwater.geometry.registration import MovingNearest

FACE_RADIUS_MM: Final = 95.0
ICP_ITERATIONS: Final = 20
ICP_THRESHOLD: Final = 1e-5


FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class H3dsTruth:
    """A ground truth as the benchmark gives it.

    vertices: (V, 3) mm. landmarks: (3,) mm by name, or None to score without coarse alignment.
    face: indices of region "face" (face, ears, neck), on which a whole head is aligned.
    face_sphere: indices of the vertices within 95 mm of the nose tip.
    """

    vertices: FloatArray
    landmarks: Mapping[str, FloatArray] | None
    face: IntArray
    face_sphere: IntArray


@dataclass(frozen=True)
class H3dsScore:
    """Scores of one head, mm; ``distances`` (V,) of the head score, per ground-truth vertex."""

    face_mm: float
    head_mm: float
    distances: NDArray[np.float64]


def face_sphere(
    vertices: FloatArray, nose_tip: FloatArray, radius_mm: float = FACE_RADIUS_MM
) -> IntArray:
    """Indices of the vertices (V, 3) mm within ``radius_mm`` of the nose tip (3,)."""
    inside = ((vertices - nose_tip) ** 2).sum(axis=1) <= radius_mm**2
    return np.flatnonzero(inside)


def landmarks_of(points_478: FloatArray) -> dict[str, FloatArray]:
    """The six landmarks (3,) by name, of the 478 points (478, 3)."""
    return {name: points_478[index] for name, index in H3DS_FROM_478.items()}


def h3ds_score(
    truth: H3dsTruth, vertices: FloatArray, landmarks: Mapping[str, FloatArray] | None
) -> H3dsScore:
    """Both published scores of a prediction (M, 3) mm with its landmarks (3,) by name.

    "face" is region ``face_sphere``; "head" is aligned on region ``face`` and scored on all of the
    ground truth. Raises HeadwaterError naming a landmark that the prediction lacks.
    """
    predicted = coarse(vertices, landmarks, truth.landmarks)
    tree = cKDTree(predicted)
    everything = np.arange(len(truth.vertices))
    head = region_distances(truth.vertices, truth.face, everything, tree)
    if np.array_equal(truth.face, truth.face_sphere):
        face = head[truth.face_sphere]
    else:
        face = region_distances(truth.vertices, truth.face_sphere, truth.face_sphere, tree)
    return H3dsScore(float(face.mean()), float(head.mean()), head)


def coarse(
    vertices: FloatArray,
    landmarks: Mapping[str, FloatArray] | None,
    truth: Mapping[str, FloatArray] | None,
) -> NDArray[np.float64]:
    """Steps 1 and 2: similarity Procrustes on the landmarks, without reflection; (M, 3) mm.

    The scale is the ratio of the two spreads, as in the package, not the least-squares one.
    """
    predicted = np.asarray(vertices, dtype=np.float64)
    if landmarks is None or truth is None:
        return predicted
    missing = [name for name in truth if name not in landmarks]
    if missing:
        raise HeadwaterError(
            f"H3DS: the prediction lacks the landmark(s) {', '.join(missing)}; the ground truth "
            f"names {', '.join(truth)}"
        )
    ours = np.array([landmarks[name] for name in truth], dtype=np.float64)
    matrix = procrustes(
        ours, np.array(list(truth.values()), dtype=np.float64), reflection=False, return_cost=False
    )
    return _moved(predicted, matrix)


def region_distances(
    truth: FloatArray, aligned_on: IntArray, scored: IntArray, prediction: cKDTree
) -> NDArray[np.float64]:
    """Steps 3 to 5: distances (n,) mm of the ground-truth vertices ``scored``.

    truth: (V, 3) mm; aligned_on, scored: indices into it; prediction: tree of all its vertices,
    coarsely aligned. Iterated closest points map the region onto the prediction, where each
    step may scale and even mirror; the inverse then moves the prediction, so distances stay in the
    ground truth's millimetres.
    """
    points = np.asarray(truth, dtype=np.float64)
    matrix = similarity_icp(points[aligned_on], prediction)
    # Moving the ground truth and dividing by the scale gives the distances after moving the
    # prediction back, so that its tree serves every region.
    found, _ = prediction.query(_moved(points[scored], matrix))
    return np.asarray(found / np.cbrt(abs(np.linalg.det(matrix[:3, :3]))))


def similarity_icp(source: NDArray[np.float64], target: cKDTree) -> NDArray[np.float64]:
    """Map (4, 4) of ``source`` (n, 3) onto the vertices in ``target``: the package's defaults.

    At most 20 iterations of a Procrustes with uniform scale and reflection; stops when the mean
    squared coordinate difference drops by less than 1e-5. (The package pins a library that averages
    over coordinates; later versions of that library average over points.)
    """
    cloud, closest = np.asarray(target.data), MovingNearest(target)
    moved, total, former = source, np.eye(4), np.inf
    for _ in range(ICP_ITERATIONS):
        _, nearest = closest.query(moved)
        matrix, moved, _ = procrustes(moved, cloud[nearest])
        total = matrix @ total
        cost = float(((cloud[nearest] - moved) ** 2).mean())
        if former - cost < ICP_THRESHOLD:
            break
        former = cost
    return total


def _moved(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])
