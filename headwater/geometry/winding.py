"""Winding numbers of closed surfaces: whole numbers, counted along rays.

Along a ray from a point to infinity, every passage out of the surface counts 1 and every passage
into it -1; the sum is the winding number, also where a surface overlaps itself. This is several
times faster than integrating solid angles, which open surfaces need.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.rays import RayMesh

Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

# No edge of a modelled mesh runs along it.
DIRECTION: Final[Float64Array] = np.array([27.0, 10.0, 84.0]) / np.sqrt(7885.0)

# A ray goes on this far behind a hit, of the mesh's diagonal: some ten steps of float32.
_STEP: Final = 4e-6
# Rays that pass through more surfaces than any mesh has layers are given up.
_MAX_HITS: Final = 1000


def is_closed(faces: Int64Array) -> bool:
    """True when the faces (F, 3) pass every edge as often in one direction as in the other."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    edge = np.minimum(start, end) * (faces.max() + 1) + np.maximum(start, end)
    order = np.argsort(edge, kind="stable")
    first = np.flatnonzero(np.diff(edge[order], prepend=-1))
    balance = np.add.reduceat(np.sign(end - start)[order], first)
    return not balance.any()


def winding_numbers(
    points: Float64Array, vertices: Float64Array, faces: Int64Array
) -> tuple[Int64Array, NDArray[np.bool_]]:
    """Winding numbers (n,) of a closed surface about points (n, 3), and which are sure (n,) bool.

    vertices: (V, 3) in the unit and frame of the points. Counted along two opposite rays; a number
    is sure when both agree, which they do unless a ray runs exactly through an edge.
    """
    # Embree computes in float32, which is finest about the origin.
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2.0
    corners = vertices - middle
    mesh = RayMesh(corners, faces)
    normals = np.cross(
        corners[faces[:, 1]] - corners[faces[:, 0]], corners[faces[:, 2]] - corners[faces[:, 0]]
    )
    passages = np.sign(normals @ DIRECTION).astype(np.int64)
    step = _STEP * float(np.linalg.norm(np.ptp(vertices, axis=0)))
    along = _counted(points - middle, mesh, DIRECTION, passages, step)
    against = _counted(points - middle, mesh, -DIRECTION, -passages, step)
    return along, along == against


def _counted(
    origins: Float64Array, mesh: RayMesh, direction: Float64Array, passages: Int64Array, step: float
) -> Int64Array:
    """Sums (n,) of ``passages`` (F,) over the faces that rays along ``direction`` (3,) meet."""
    counts = np.zeros(len(origins), dtype=np.int64)
    alive = np.arange(len(origins))
    for _ in range(_MAX_HITS):
        hits = mesh.first_hit(origins, np.broadcast_to(direction, origins.shape))
        hit = hits.triangle >= 0
        alive = alive[hit]
        if len(alive) == 0:
            break
        counts[alive] += passages[hits.triangle[hit]]
        reached = hits.distance[hit].astype(np.float64) + step
        origins = origins[hit] + reached[:, None] * direction
    return counts
