"""The common form of a parametric head: a mean, linear bases, named surfaces and landmarks.

Units are millimetres in the head frame: origin midway between the ear canals, x to the subject's
left, y up, z out of the face.
"""

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.meshes import checked_mesh
from headwater.errors import HeadwaterError
from headwater.geometry.orientation import check_outside

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

Prior = Literal["phenotypes", "gaussian"]


class Surface(IntEnum):
    """Material of a triangle of a head."""

    SKIN = 0
    EYEBALL = 1
    TEETH = 2
    TONGUE = 3
    MOUTH_CAVITY = 4
    EYE_SOCKET = 5


@dataclass(frozen=True)
class SurfacePoints:
    """Points fixed on a mesh surface.

    triangles: (n, 3) int32 vertex indices; weights: (n, 3) float32 barycentric, rows sum to 1.
    """

    triangles: IntArray
    weights: FloatArray

    def on(self, vertices: FloatArray) -> FloatArray:
        """Positions (n, 3) of the points on ``vertices`` (V, 3), in their unit and frame."""
        corners = vertices[self.triangles]
        positions: FloatArray = np.einsum("nk,nkc->nc", self.weights, corners).astype(np.float32)
        return positions


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
    prior: how plausible shapes are drawn, see ``headwater.heads.sampling``.
    shape_scale: (S,) float32 standard deviations of the shape coefficients that are drawn one by
        one; empty where all are 1.
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
    prior: Prior = "gaussian"
    shape_scale: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))

    def vertices(self, shape: FloatArray, expression: FloatArray) -> FloatArray:
        """Vertices (V, 3) in mm for shape (S,) and expression (E,) coefficients."""
        flat = self.mean.reshape(-1).astype(np.float64)
        flat = flat + _combine(shape, self.shape_basis)
        flat = flat + _combine(expression, self.expression_basis)
        return flat.reshape(-1, 3).astype(np.float32)


def _combine(coefficients: FloatArray, basis: FloatArray) -> NDArray[np.float64]:
    """Sum of coefficient times basis shape, (3 V,) mm; skips zeros, which most coefficients are."""
    used = np.flatnonzero(coefficients)
    shapes = basis[used].reshape(len(used), int(np.prod(basis.shape[1:])))
    total: NDArray[np.float64] = coefficients[used].astype(np.float64) @ shapes.astype(np.float64)
    return total


def fingerprint(model: HeadModel) -> str:
    """Sha256 hex over the arrays and names of ``model``, equal in every process."""
    digest = hashlib.sha256()
    for text in (model.prior, *model.shape_names, *model.expression_names):
        digest.update(text.encode() + b"\0")
    points = model.landmarks_478
    arrays = (model.mean, model.faces, model.surface, model.shape_basis, model.expression_basis)
    for array in (*arrays, points.triangles, points.weights, model.shape_scale):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_head_model(model: HeadModel, name: str) -> None:
    """Raise HeadwaterError that begins with ``name`` unless the model's arrays fit each other.

    Also for numbers that are not finite, faces that name a missing vertex, and a surface that is
    turned inside out. Landmarks are not looked at.
    """
    vertices, faces = checked_mesh(model.mean, model.faces, name)
    V, F = len(vertices), len(faces)
    wanted: dict[str, tuple[NDArray[Any], tuple[int, ...], type[np.generic]]] = {
        "mean": (model.mean, (V, 3), np.float32),
        "faces": (model.faces, (F, 3), np.int32),
        "surface": (model.surface, (F,), np.uint8),
        "shape_basis": (model.shape_basis, (len(model.shape_names), V, 3), np.float32),
        "expression_basis": (
            model.expression_basis,
            (len(model.expression_names), V, 3),
            np.float32,
        ),
    }
    for key, (array, shape, dtype) in wanted.items():
        if array.shape != shape or array.dtype != dtype:
            raise HeadwaterError(
                f"{name}: {key} is {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise HeadwaterError(f"{name}: {key} holds values that are not finite")
    if model.surface.max() > max(Surface):
        raise HeadwaterError(f"{name}: a face is of surface {model.surface.max()}, which is none")
    skin = model.faces[model.surface == Surface.SKIN]
    if len(skin):
        check_outside(model.mean, skin, name)
