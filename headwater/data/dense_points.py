"""Points of a head model's surface that correspond to vertices of another face model.

The two mean heads are aligned by their 68 landmarks, with scale; a vertex then corresponds to the
nearest point of our skin. Two models have no exact correspondence: dense errors include the errors
of these pairs.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.scenes import Template
from headwater.errors import HeadwaterError
from headwater.geometry.hierarchy import barycentric
from headwater.geometry.registration import umeyama
from headwater.geometry.triangles import Triangles
from headwater.heads.model import Surface

FloatArray = NDArray[np.floating[Any]]

# Radius of the face about the nose tip, as in H3DS, without ears and neck, where the models differ.
FACE_MM: Final = 95.0
# Largest distance between the points of a pair.
FARTHEST_MM: Final = 10.0


@dataclass(frozen=True)
class DensePoints:
    """n pairs of a vertex of another model and a point of our surface.

    rows: (n,) vertices of the other model. corners: (n, 3) vertices of ours, weights: (n, 3), whose
    weighted mean is the point. apart_mm: (n,) distances on the aligned mean heads.
    """

    rows: NDArray[np.int64]
    corners: NDArray[np.int64]
    weights: NDArray[np.float64]
    apart_mm: NDArray[np.float64]

    def on(self, vertices: FloatArray) -> NDArray[np.float64]:
        """The points (..., n, 3) of our heads (..., V, 3), in their unit."""
        corners = vertices[..., self.corners, :]
        return np.asarray(np.einsum("nk,...nkc->...nc", self.weights, corners))


def dense_points(template: Template, mean: FloatArray, landmarks: FloatArray) -> DensePoints:
    """The pairs of the face. mean: (M, 3) and landmarks: (68, 3) of the other model, in any unit.

    Raises HeadwaterError where no vertex of the aligned mean is near our face.
    """
    own = template.landmarks_68(template.mean)
    try:
        points = umeyama(landmarks, own, with_scale=True).apply(mean)
    except ValueError as problem:
        raise HeadwaterError(
            f"the 68 keypoints of the data set's morphable model are those of no face ({problem}); "
            "name its own files"
        ) from problem
    skin = template.faces[template.surface == Surface.SKIN].astype(np.int64)
    surface = Triangles(template.mean, skin)
    found = surface.closest(points)
    near = np.linalg.norm(points - template.nose_tip(template.mean), axis=1) <= FACE_MM
    rows = np.flatnonzero(near & (found.distances <= FARTHEST_MM))
    if not len(rows):
        raise HeadwaterError(
            "the data set's morphable model lies nowhere near the build's head; name its own files"
        )
    corners = skin[surface.nearest_faces(points[rows])]
    weights = barycentric(points[rows], template.mean.astype(np.float64)[corners])
    return DensePoints(rows, corners, weights, found.distances[rows])
