"""The common form of a parametric head: a mean, linear bases, named surfaces and landmarks.

Units are millimetres in the head frame: origin midway between the ear canals, x to the subject's
left, y up, z out of the face.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


class Surface(IntEnum):
    """What a triangle of a head is made of."""

    SKIN = 0
    EYEBALL = 1
    TEETH = 2
    TONGUE = 3
    MOUTH_CAVITY = 4


@dataclass(frozen=True)
class SurfacePoints:
    """Points fixed on a mesh surface.

    triangles: (n, 3) int32 vertex indices; weights: (n, 3) float32 barycentric, rows sum to 1.
    """

    triangles: IntArray
    weights: FloatArray

    def on(self, vertices: FloatArray) -> FloatArray:
        """Positions (n, 3) of the points on ``vertices`` (V, 3), in the vertices' unit and frame."""
        corners = vertices[self.triangles]
        return np.einsum("nk,nkc->nc", self.weights, corners).astype(np.float32)


@dataclass(frozen=True)
class HeadModel:
    """A linear parametric head.

    name, licence: of the adapter's source. fingerprint: sha256 hex of everything below.
    mean: (V, 3) float32 mm, neutral mean head.
    faces: (F, 3) int32, counter-clockwise seen from outside.
    surface: (F,) uint8, values of ``Surface``.
    shape_names, shape_basis: S names and (S, V, 3) float32 mm per unit coefficient.
    expression_names, expression_basis: E ARKit names and (E, V, 3) float32 mm at full strength.
    landmarks_478: the 478 MediaPipe face-mesh points as ``SurfacePoints`` of this mesh.
    """

    name: str
    licence: str
    fingerprint: str
    mean: FloatArray
    faces: IntArray
    surface: NDArray[np.uint8]
    shape_names: tuple[str, ...]
    shape_basis: FloatArray
    expression_names: tuple[str, ...]
    expression_basis: FloatArray
    landmarks_478: SurfacePoints

    def vertices(self, shape: FloatArray, expression: FloatArray) -> FloatArray:
        """Vertices (V, 3) in mm for shape (S,) and expression (E,) coefficients."""
        flat = self.mean.reshape(-1).astype(np.float64)
        flat = flat + shape.astype(np.float64) @ self.shape_basis.reshape(len(shape), -1)
        flat = flat + expression.astype(np.float64) @ self.expression_basis.reshape(
            len(expression), -1
        )
        return flat.reshape(-1, 3).astype(np.float32)
