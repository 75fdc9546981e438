"""Face Chamfer distance, ground truth to prediction, in two named protocols.

``honest``: rigid alignment without scale, prediction subdivided below 1 mm edges first.
``h3ds``: as the benchmark's package computes it, a similarity alignment on vertices; it hides
errors of size and rewards dense meshes, so it serves comparison with published numbers only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from headwater.geometry.registration import Similarity, rigid_icp, umeyama

FACE_RADIUS_MM = 95.0
EDGE_MM = 1.0
# A prediction is cut this far beyond the face sphere before it is subdivided: more than any
# alignment moves it, so the cut never changes a nearest point, and the rest costs nothing.
CUT_MARGIN_MM = 25.0
MAX_RMS_MM = 15.0

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class SurfaceError:
    """Distances of one head.

    distances: (n,) float64 mm, one per ground-truth point of ``region``; region: (n,) int indices
    of ground-truth vertices. aligned: False when the registration failed; such a head must be
    counted as a failure and never averaged in. rms_mm, iterations: of the registration.
    transform: maps the prediction onto the ground truth.
    """

    distances: NDArray[np.float64]
    region: IntArray
    aligned: bool
    rms_mm: float
    iterations: int
    transform: Similarity

    @property
    def mean_mm(self) -> float:
        """Mean distance in mm; NaN when the registration failed."""
        return float(self.distances.mean()) if self.aligned else float("nan")


def face_sphere(
    vertices: FloatArray, nose_tip: FloatArray, radius_mm: float = FACE_RADIUS_MM
) -> IntArray:
    """Indices of the vertices (V, 3) mm within ``radius_mm`` of the nose tip (3,)."""
    inside = ((vertices - nose_tip) ** 2).sum(axis=1) <= radius_mm**2
    return np.flatnonzero(inside)


def subdivide(
    vertices: FloatArray, faces: IntArray, edge_mm: float = EDGE_MM
) -> NDArray[np.float64]:
    """Vertices (n, 3) mm of the mesh after halving edges until all are below ``edge_mm``.

    Vertices that no face uses are left out.
    """
    used, compact = np.unique(faces, return_inverse=True)
    dense, _ = trimesh.remesh.subdivide_to_size(
        np.asarray(vertices[used], dtype=np.float64),
        compact.reshape(-1, 3),
        max_edge=edge_mm,
        max_iter=20,
    )
    return np.asarray(dense, dtype=np.float64)


class DensePrediction:
    """A predicted mesh near its face, subdivided once and then compared with many heads.

    vertices: (V, 3) mm; faces: (F, 3); landmarks: (k, 3) mm, the prediction's own;
    nose_tip: (3,) mm.
    """

    def __init__(
        self, vertices: FloatArray, faces: IntArray, landmarks: FloatArray, nose_tip: FloatArray
    ) -> None:
        reach = FACE_RADIUS_MM + CUT_MARGIN_MM
        near = np.zeros(len(vertices), dtype=bool)
        near[face_sphere(vertices, nose_tip, reach)] = True
        kept = faces[near[faces].any(axis=1)]
        self.landmarks = np.asarray(landmarks, dtype=np.float64)
        self.points = subdivide(vertices, kept) if len(kept) else np.zeros((0, 3))


def honest_face_chamfer(
    truth: FloatArray,
    truth_landmarks: FloatArray,
    truth_nose_tip: FloatArray,
    prediction: DensePrediction,
    *,
    surface: IntArray | None = None,
) -> SurfaceError:
    """Ground truth to prediction under a rigid alignment without scale.

    truth: (V, 3) mm; truth_landmarks: (k, 3) mm, corresponding to the prediction's;
    truth_nose_tip: (3,) mm; surface: vertex indices that count (skin), all when None.
    Start from the landmarks, then closest points until convergence, then nearest distances.
    """
    region = face_sphere(truth, truth_nose_tip)
    if surface is not None:
        region = np.intersect1d(region, surface)
    points = np.asarray(truth[region], dtype=np.float64)
    if len(prediction.points) < 3 or not np.isfinite(prediction.points).all():
        return _failed(region)
    start = umeyama(truth_landmarks, prediction.landmarks, with_scale=False)
    found = rigid_icp(points, prediction.points, start)
    distances, _ = cKDTree(prediction.points).query(found.transform.apply(points))
    aligned = found.converged and found.rms < MAX_RMS_MM
    return SurfaceError(
        distances, region, aligned, found.rms, found.iterations, found.transform.inverse()
    )


def h3ds_chamfer(
    truth: FloatArray,
    region: IntArray,
    prediction: FloatArray,
    *,
    truth_landmarks: FloatArray | None = None,
    landmarks: FloatArray | None = None,
) -> float:
    """The H3DS benchmark's score of a region, in mm (evaluation notes A3, to the letter).

    truth: (V, 3) mm; region: indices into it; prediction: (M, 3). Landmarks, if given, (k, 3)
    each. A similarity Procrustes on landmarks, then 20 iterations of closest points from the
    region to all predicted vertices, where each step may scale and even mirror.
    """
    predicted = np.asarray(prediction, dtype=np.float64)
    if truth_landmarks is not None and landmarks is not None:
        predicted = umeyama(landmarks, truth_landmarks, with_scale=True).apply(predicted)
    points = np.asarray(truth[region], dtype=np.float64)
    matrix, _, _ = trimesh.registration.icp(
        points, predicted, threshold=1e-5, max_iterations=20, reflection=True, scale=True
    )
    back = np.linalg.inv(matrix)
    predicted = predicted @ back[:3, :3].T + back[:3, 3]
    distances, _ = cKDTree(predicted).query(points)
    return float(distances.mean())


def _failed(region: IntArray) -> SurfaceError:
    nothing = np.full(len(region), np.nan)
    return SurfaceError(nothing, region, False, float("nan"), 0, Similarity.identity())
