"""Levels of a triangle surface, each a quarter of the vertices of the one before (CoMA's recipe).

Down: vertices that an edge collapse keeps. Up: every vertex of the finer level from the triangle of
the coarser one that lies nearest, by barycentric weights that are not negative and sum to one.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import HeadwaterError
from headwater.geometry.decimation import decimate
from headwater.geometry.rings import Rings, rings_of
from headwater.geometry.triangles import Triangles, feet

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

FACTOR: Final = 4
# No level has fewer vertices.
LEAST: Final = 10
# Largest distance of the nose tip from its nearest vertex, as a share of the surface's extent.
_NEAR: Final = 0.1
# Weights are multiples of 1 over this, so that rounding in the last digits changes nothing.
_PARTS: Final = 2**20


@dataclass(frozen=True)
class Up:
    """From a level to the finer one: corners (V, 3) int64 of the coarse level, weights float32."""

    corners: NDArray[np.int64]
    weights: NDArray[np.float32]

    def apply(self, values: FloatArray) -> FloatArray:
        """Values (v, C) of the coarse level as (V, C) of the fine one."""
        return np.asarray(np.einsum("vk,vkc->vc", self.weights, values[self.corners]))


@dataclass(frozen=True)
class Level:
    """One level: vertices (v, 3) float32, faces (f, 3) int64, rings, the vertex at the nose tip."""

    vertices: NDArray[np.float32]
    faces: NDArray[np.int64]
    rings: Rings
    reference: int


@dataclass(frozen=True)
class Hierarchy:
    """levels: the finest first. kept: of each but the last, its vertices (v,) in the next.

    up: of each but the last, the way from the next one to it.
    """

    levels: tuple[Level, ...]
    kept: tuple[NDArray[np.int64], ...]
    up: tuple[Up, ...]

    @property
    def digest(self) -> str:
        """SHA-256 hex of faces, kept vertices and weights."""
        total = hashlib.sha256()
        arrays = [level.faces for level in self.levels]
        arrays += [*self.kept, *(up.corners for up in self.up)]
        for array in arrays:
            total.update(np.ascontiguousarray(array, "<i8").tobytes())
        for up in self.up:
            total.update(np.ascontiguousarray(up.weights, "<f4").tobytes())
        return total.hexdigest()


def build_hierarchy(
    vertices: FloatArray, faces: IntArray, nose_tip: FloatArray, most: int, name: str
) -> Hierarchy:
    """At most ``most`` levels below a surface, as far as none has fewer than ``LEAST`` vertices.

    vertices: (V, 3), any unit; faces: (F, 3). nose_tip: (3,), towards which spirals begin. Raises
    HeadwaterError, which begins with ``name``, for what is no connected manifold, and for a nose
    tip that is not on it.
    """
    points = np.asarray(vertices, np.float32)
    _check_nose_tip(points, nose_tip, name)
    levels = [_level(points, np.asarray(faces, np.int64), nose_tip, name)]
    kept, up = [], []
    while len(levels) <= most and (count := -(-len(points) // FACTOR)) >= LEAST:
        coarse = decimate(points, levels[-1].faces, count)
        fine, points = points, points[coarse.kept]
        up.append(up_operator(fine, points, coarse.faces, coarse.kept))
        kept.append(coarse.kept)
        levels.append(_level(points, coarse.faces, nose_tip, name))
    return Hierarchy(tuple(levels), tuple(kept), tuple(up))


def up_operator(fine: FloatArray, coarse: FloatArray, faces: IntArray, kept: IntArray) -> Up:
    """From coarse vertices (v, 3) with faces (f, 3) to fine ones (V, 3), of which ``kept`` (v,)."""
    points = np.asarray(fine, np.float64)
    corners, weights = np.zeros((len(points), 3), np.int64), np.zeros((len(points), 3))
    corners[kept], weights[kept] = np.arange(len(kept))[:, None], (1.0, 0.0, 0.0)
    gone = np.setdiff1d(np.arange(len(points)), kept)
    if len(gone):
        nearest = Triangles(coarse, faces).nearest_faces(points[gone])
        corners[gone] = np.asarray(faces)[nearest]
        weights[gone] = barycentric(points[gone], np.asarray(coarse, np.float64)[corners[gone]])
    return Up(*_in_one_form(corners, weights))


def barycentric(points: FloatArray, triangles: FloatArray) -> FloatArray:
    """(n, 3) weights of the points of triangles (n, 3 corners, 3) nearest to points (n, 3)."""
    a, b, c = triangles.transpose(1, 0, 2)
    foot = feet(points.T, triangles.transpose(1, 2, 0)).T
    across = np.cross(b - a, c - a)
    area = (across * across).sum(axis=1)
    area = np.where(area > 0, area, 1.0)
    second = (np.cross(foot - a, c - a) * across).sum(axis=1) / area
    third = (np.cross(b - a, foot - a) * across).sum(axis=1) / area
    weights = np.clip(np.stack([1.0 - second - third, second, third], axis=1), 0.0, 1.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _in_one_form(
    corners: NDArray[np.int64], weights: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows by ascending corner, in whole parts; one without weight takes the first one's number.

    A point on an edge has then one form, whichever of the two triangles was found to be nearest.
    """
    parts = np.round(weights * _PARTS)
    corners = np.where(parts > 0, corners, np.iinfo(np.int64).max)
    order = np.argsort(corners, axis=1, kind="stable")
    corners, parts = np.take_along_axis(corners, order, 1), np.take_along_axis(parts, order, 1)
    corners = np.where(parts > 0, corners, corners[:, :1])
    parts[:, 0] = _PARTS - parts[:, 1:].sum(axis=1)
    return corners, (parts / _PARTS).astype(np.float32)


def _level(
    points: NDArray[np.float32], faces: NDArray[np.int64], nose_tip: FloatArray, name: str
) -> Level:
    away = points.astype(np.float64) - np.asarray(nose_tip, np.float64)
    squared = (away * away).sum(axis=1)
    return Level(points, faces, rings_of(faces, len(points), name), int(squared.argmin()))


def _check_nose_tip(points: FloatArray, nose_tip: FloatArray, name: str) -> None:
    if np.shape(nose_tip) != (3,) or not np.isfinite(nose_tip).all():
        raise HeadwaterError(f"{name}: has no nose tip; give its place, three finite numbers")
    if not np.isfinite(points).all():
        raise HeadwaterError(f"{name}: has vertices that are no finite points; mend the mesh")
    distance = float(np.sqrt(((points - nose_tip) ** 2).sum(axis=1)).min())
    if distance > _NEAR * np.ptp(points, axis=0).max():
        raise HeadwaterError(
            f"{name}: the nose tip lies {distance:.3g} from its nearest vertex; give a point on "
            "the surface, in the same unit and frame"
        )
