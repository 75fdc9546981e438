"""Signed distances to triangle meshes (the only user of libigl)."""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.errors import HeadwaterError
from headwater.geometry.orientation import check_outside
from headwater.geometry.winding import is_closed, winding_numbers

INSIDE: Final = 0.5  # winding number: 1 inside a closed surface, 0 outside


def signed_distance(
    points: ArrayLike, vertices: ArrayLike, faces: ArrayLike
) -> NDArray[np.float32]:
    """Distances (n,) in the mesh's unit (mm for heads), negative inside.

    points: (n, 3), vertices: (V, 3), both finite and in one frame. faces: (F, 3) vertex indices,
    counter-clockwise seen from outside; small faces turned the wrong way do no harm.

    The magnitude is the exact distance to the surface, closed or open. Inside is where the winding
    number exceeds a half: a whole number for a closed surface, and the best guess for an open one
    (Jacobson et al. 2013, in the fast form of Barill et al. 2018). libigl's own
    ``signed_distance`` is not used, because it scales the distance by the winding number on open
    meshes.

    Raises HeadwaterError when the mesh or a point is unusable, and for a mesh that is turned inside
    out, in which no point would lie.
    """
    queries, corners, triangles = _checked(points, vertices, faces)
    if len(queries) == 0:
        return np.zeros(0, dtype=np.float32)
    import igl

    squared, _, _ = igl.point_mesh_squared_distance(queries, corners, triangles)
    distance = np.sqrt(squared)
    inside = _inside(queries, corners, triangles)
    return np.where(inside, -distance, distance).astype(np.float32)


def _inside(
    queries: NDArray[np.float64], corners: NDArray[np.float64], triangles: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """True (n,) for the queries (n, 3) that the surface winds about."""
    import igl

    if not is_closed(triangles):
        return np.asarray(igl.fast_winding_number(corners, triangles, queries) > INSIDE)
    numbers, sure = winding_numbers(queries, corners, triangles)
    inside = numbers > INSIDE
    if not sure.all():
        inside[~sure] = igl.fast_winding_number(corners, triangles, queries[~sure]) > INSIDE
    return inside


def _checked(
    points: ArrayLike, vertices: ArrayLike, faces: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """The arguments in the types that libigl takes; it crashes or invents on wrong ones."""
    queries = np.ascontiguousarray(points, dtype=np.float64)
    corners = np.ascontiguousarray(vertices, dtype=np.float64)
    triangles = np.ascontiguousarray(faces)
    for label, array in (("points", queries), ("vertices", corners), ("faces", triangles)):
        if array.ndim != 2 or array.shape[1] != 3:
            raise HeadwaterError(f"signed distance: {label} {array.shape} must be (n, 3)")
    if len(triangles) == 0:
        raise HeadwaterError("signed distance: the mesh has no faces")
    if triangles.dtype.kind not in "iu":
        raise HeadwaterError(f"signed distance: faces are indices, not {triangles.dtype}")
    if triangles.min() < 0 or triangles.max() >= len(corners):
        raise HeadwaterError(
            f"signed distance: a face names vertex {_odd_index(triangles, len(corners))}, "
            f"the mesh has {len(corners)}"
        )
    if not np.isfinite(corners).all():
        raise HeadwaterError("signed distance: the mesh has vertices that are not finite numbers")
    if not np.isfinite(queries).all():
        raise HeadwaterError("signed distance: there are points that are not finite numbers")
    check_outside(corners, triangles, "signed distance")
    return queries, corners, triangles.astype(np.int64)


def _odd_index(triangles: NDArray[Any], count: int) -> int:
    return int(triangles[(triangles < 0) | (triangles >= count)][0])
