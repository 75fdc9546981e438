"""First hits and occlusion of many rays on one triangle mesh (the only user of embreex)."""

from typing import NamedTuple

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import ArrayLike, NDArray

from headwater.errors import HeadwaterError

Float32Array = NDArray[np.float32]


class Hits(NamedTuple):
    """First intersections of rays with a mesh.

    triangle: (n,) int32, -1 where nothing is hit. distance: (n,) float32 along the ray in lengths
    of its direction (mm for unit directions), infinite for a miss. barycentric: (n, 3) float32
    weights of the triangle's corners, 0 for a miss.
    """

    triangle: NDArray[np.int32]
    distance: Float32Array
    barycentric: Float32Array


class RayMesh:
    """A mesh prepared for ray queries; both sides of a triangle can be hit.

    Rays aimed exactly at an edge or vertex may slip through it (about 1 in 200 of such rays;
    none in a million others).
    """

    def __init__(self, vertices: ArrayLike, faces: ArrayLike) -> None:
        """``vertices`` (V, 3) finite, any unit; ``faces`` (F, 3) vertex indices, F >= 1."""
        corners = np.ascontiguousarray(vertices, dtype=np.float32)
        triangles = np.ascontiguousarray(faces, dtype=np.int32)
        if corners.ndim != 2 or corners.shape[1] != 3 or not np.isfinite(corners).all():
            raise HeadwaterError("RayMesh: vertices must be finite and of shape (V, 3)")
        if triangles.ndim != 2 or triangles.shape[1] != 3 or len(triangles) == 0:
            raise HeadwaterError("RayMesh: faces must have the shape (F, 3) with F >= 1")
        if triangles.min() < 0 or triangles.max() >= len(corners):
            raise HeadwaterError("RayMesh: a face names a vertex that does not exist")
        self._scene = EmbreeScene()
        self._mesh = TriangleMesh(self._scene, corners, triangles)

    def first_hit(self, origins: ArrayLike, directions: ArrayLike) -> Hits:
        """First hits of rays from ``origins`` (n, 3) or (3,) along ``directions`` (n, 3)."""
        result = self._scene.run(*_rays(origins, directions), output=True)
        triangle: NDArray[np.int32] = result["primID"]
        hit = triangle >= 0
        barycentric = np.stack([1.0 - result["u"] - result["v"], result["u"], result["v"]], axis=1)
        barycentric[~hit] = 0.0
        distance = np.where(hit, result["tfar"], np.float32(np.inf))
        return Hits(triangle, distance, barycentric)

    def occluded(self, origins: ArrayLike, directions: ArrayLike) -> NDArray[np.bool_]:
        """True for each ray (n,) that hits anything at all; cheaper than ``first_hit``."""
        hit: NDArray[np.bool_] = self._scene.run(*_rays(origins, directions), query="OCCLUDED") >= 0
        return hit


def _rays(origins: ArrayLike, directions: ArrayLike) -> tuple[Float32Array, Float32Array]:
    along = np.ascontiguousarray(directions, dtype=np.float32)
    start = np.asarray(origins, dtype=np.float32)
    if along.ndim != 2 or along.shape[1] != 3 or start.shape not in ((3,), along.shape):
        raise HeadwaterError(
            f"rays: origins {start.shape} and directions {along.shape} must be (n, 3) and match"
        )
    return np.ascontiguousarray(np.broadcast_to(start, along.shape)), along
