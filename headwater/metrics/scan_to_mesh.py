"""Scan-to-mesh distances of the face: rigid, no scale, to the surface and not its vertices.

Start from the landmarks, then descend to the least squared distances of the ground-truth vertices
to the predicted surface, whose distances there are the error. The reverse distance and F-scores see
what that direction misses: surface that should not be there, and noise, which it rewards (some part
of a rough surface is always near).
``headwater.metrics.h3ds`` is the other protocol, for comparison with published numbers.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.registration import Similarity, umeyama
from headwater.geometry.surface_icp import surface_icp
from headwater.geometry.triangles import Triangles
from headwater.metrics.h3ds import FACE_RADIUS_MM, face_sphere
from headwater.metrics.surfaces import area_samples, pieces_near

__all__ = [
    "FACE_RADIUS_MM",
    "PredictedSurface",
    "ReverseError",
    "SurfaceError",
    "face_sphere",
    "reverse_error",
    "scan_to_mesh_error",
]

MAX_RMS_MM: Final = 15.0
SAMPLE_EDGE_MM: Final = 10.0
LARGEST_MM: Final = 1e9  # further out, a double's squares no longer tell millimetres apart

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class SurfaceError:
    """Distances of one head.

    distances: (n,) float64 mm, one per ground-truth point of ``region``; region: (n,) int indices
    of ground-truth vertices. aligned: False when the registration failed; such a head has no
    distances, and must be counted as a failure. transform: maps the prediction onto the ground
    truth.
    """

    distances: NDArray[np.float64]
    region: IntArray
    aligned: bool
    transform: Similarity

    @property
    def mean_mm(self) -> float:
        """Mean distance in mm; NaN when the registration failed."""
        return float(self.distances.mean()) if self.aligned else float("nan")


@dataclass(frozen=True)
class ReverseError:
    """Prediction to ground truth, inside the face sphere.

    distances: (n,) float64 mm of samples of the aligned prediction; areas: (n,) mm2 that each
    stands for.
    """

    distances: NDArray[np.float64]
    areas: NDArray[np.float64]

    @property
    def mean_mm(self) -> float:
        """Mean over the predicted surface, mm; NaN when none of it is near the face."""
        if not self.areas.sum() > 0:
            return float("nan")
        return float(np.average(self.distances, weights=self.areas))

    def f_score(self, forward: SurfaceError, threshold_mm: float) -> float:
        """Harmonic mean of the shares of both surfaces that lie within ``threshold_mm``."""
        recall = float((forward.distances <= threshold_mm).mean())
        near = float(self.areas[self.distances <= threshold_mm].sum())
        precision = near / float(self.areas.sum()) if self.areas.sum() > 0 else 0.0
        both = precision + recall
        return 2.0 * precision * recall / both if both > 0 else 0.0


class PredictedSurface:
    """A predicted mesh, prepared once and then compared with many heads.

    vertices: (V, 3) mm; faces: (F, 3); landmarks: (k, 3) mm, the prediction's own.
    """

    def __init__(self, vertices: FloatArray, faces: IntArray, landmarks: FloatArray) -> None:
        self.vertices = np.asarray(vertices, dtype=np.float64)
        self.faces = np.asarray(faces)
        self.landmarks = np.asarray(landmarks, dtype=np.float64)

    @property
    def sound(self) -> bool:
        """True for a finite surface with landmarks to compare with."""
        return len(self.faces) > 0 and is_finite(self.vertices) and is_finite(self.landmarks)

    @cached_property
    def triangles(self) -> Triangles:
        """The surface, for exact distances."""
        return Triangles(self.vertices, self.faces)

    def samples(self, centre: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points (n, 3) mm spread over the surface, and the area (n,) mm2 of each.

        All that lie in the face sphere about a centre (3,) mm are among them.
        """
        near = pieces_near(self.vertices[self.faces], centre, FACE_RADIUS_MM)
        return area_samples(near, SAMPLE_EDGE_MM)


def scan_to_mesh_error(
    truth: FloatArray,
    truth_landmarks: FloatArray,
    truth_nose_tip: FloatArray,
    prediction: PredictedSurface,
    *,
    seen: IntArray | None = None,
) -> SurfaceError:
    """Ground truth to prediction under a rigid alignment without scale.

    truth: (V, 3) mm; truth_landmarks: (k, 3) mm, corresponding to the prediction's;
    truth_nose_tip: (3,) mm; seen: vertex indices that count (skin), all when None.
    """
    region = face_sphere(truth, truth_nose_tip)
    if seen is not None:
        region = np.intersect1d(region, seen)
    if not prediction.sound or len(region) < 3:
        return _failed(region)
    points = np.asarray(truth[region], dtype=np.float64)
    try:
        start = umeyama(truth_landmarks, prediction.landmarks, with_scale=False)
        found = surface_icp(points, prediction.triangles, start)
    except ValueError:  # a prediction shrunk to a line or a point fixes no rotation
        return _failed(region)
    if not found.converged or found.rms >= MAX_RMS_MM:
        return _failed(region)
    return SurfaceError(found.distances, region, aligned=True, transform=found.transform.inverse())


def reverse_error(
    error: SurfaceError, truth: Triangles, truth_nose_tip: FloatArray, prediction: PredictedSurface
) -> ReverseError:
    """Distances from the prediction, aligned as in ``error``, to the true surface.

    Only what then lies within 95 mm of the true nose tip (3,) mm counts.
    """
    centre = error.transform.inverse().apply(np.asarray(truth_nose_tip)[None])[0]
    points, areas = prediction.samples(centre)
    moved = error.transform.apply(points)
    inside = face_sphere(moved, truth_nose_tip)
    return ReverseError(truth.distances(moved[inside]), areas[inside])


def is_finite(points: FloatArray) -> bool:
    """True where all points (n, 3) mm are finite and at most ``LARGEST_MM`` from the axes."""
    return bool((np.abs(points) <= LARGEST_MM).all())


def _failed(region: IntArray) -> SurfaceError:
    nothing = np.full(len(region), np.nan)
    return SurfaceError(nothing, region, aligned=False, transform=Similarity.identity())
