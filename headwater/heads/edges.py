"""Landmarks on the edges of lids and lips, where the mesh knows better than a detector."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from headwater.faces import landmark_sets as sets
from headwater.heads.loops import border_loops, inner_edge
from headwater.heads.model import FloatArray, HeadModel, IntArray, Surface, SurfacePoints

Float64Array = NDArray[np.float64]

LIDS = (
    (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID, -1),
    (sets.LEFT_UPPER_LID, sets.LEFT_LOWER_LID, 1),
)
LIP_REACH_MM = 14.0  # over the skin, from the mouth cavity to beyond the edge of a lip
SLICE_MM = 0.6
CORNER_MARGIN_MM = 0.5
SUBDIVISIONS = 6


def on_edges(model: HeadModel, points: SurfacePoints, positions: Float64Array) -> SurfacePoints:
    """``points`` with those of lids and inner lips moved onto the edges of the mean head.

    positions: (478, 3) mm, where the detector saw them; their order and spacing are kept. The eye
    corners stay: the detector's lie in the corner's skin, past the end of the opening.
    """
    moved = SurfacePoints(points.triangles.copy(), points.weights.copy())
    loops = border_loops(model.faces[model.surface == Surface.EYE_SOCKET])
    for upper, lower, side in LIDS:
        loop = next(loop for loop in loops if np.sign(model.mean[loop, 0].mean()) == side)
        for rows, arc in zip((upper, lower), inner_edge(loop, model.mean), strict=True):
            x = positions[list(rows), 0]
            ends = arc if x[-1] > x[0] else arc[::-1]
            placed = _along(model, ends, (x - x[0]) / (x[-1] - x[0]))
            _put(moved, rows[1:-1], placed, slice(1, -1))
    lips = _lip_faces(model)
    for rows, faces, sign in ((sets.LOWER_LIP_TOP, lips[1], 1), (sets.UPPER_LIP_BOTTOM, lips[0], -1)):
        _put(moved, rows, _rim(model, faces, positions[list(rows), 0], sign), slice(None))
    return moved


def _put(points: SurfacePoints, rows: tuple[int, ...], placed: SurfacePoints, part: slice) -> None:
    points.triangles[list(rows)] = placed.triangles[part]
    points.weights[list(rows)] = placed.weights[part]


def _along(model: HeadModel, arc: IntArray, share: Float64Array) -> SurfacePoints:
    """Skin points at shares (n,) of the way in x along a chain of border vertices."""
    x = model.mean[arc, 0].astype(np.float64)
    way = np.maximum.accumulate((x - x[0]) / (x[-1] - x[0])) + np.arange(len(arc)) * 1e-9
    at = np.clip(np.searchsorted(way, share, side="right") - 1, 0, len(arc) - 2)
    part = np.clip((share - way[at]) / (way[at + 1] - way[at]), 0.0, 1.0)
    skin = model.faces[model.surface == Surface.SKIN]
    triangles = np.stack([_triangle_with(skin, arc[i], arc[i + 1]) for i in at])
    weights = np.zeros((len(at), 3))
    for row, (i, t) in enumerate(zip(at, part, strict=True)):
        weights[row, triangles[row] == arc[i]] = 1 - t
        weights[row, triangles[row] == arc[i + 1]] = t
    return SurfacePoints(triangles, weights.astype(np.float32))


def _triangle_with(faces: IntArray, a: int, b: int) -> IntArray:
    found: IntArray = faces[(faces == a).any(1) & (faces == b).any(1)][0]
    return found


def _lip_faces(model: HeadModel) -> tuple[IntArray, IntArray]:
    """Skin triangles of the upper and of the lower lip: nearer to one arc of the mouth's opening.

    Distance is measured over the skin, so lips that touch are told apart.
    """
    skin = model.faces[model.surface == Surface.SKIN]
    mouth = border_loops(model.faces[model.surface == Surface.MOUTH_CAVITY])[0]
    edges = np.unique(np.sort(skin[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    lengths = np.linalg.norm(model.mean[edges[:, 0]] - model.mean[edges[:, 1]], axis=1)
    size = len(model.mean)
    graph = coo_array((lengths, (edges[:, 0], edges[:, 1])), shape=(size, size)).tocsr()
    upper, lower = (
        dijkstra(graph, directed=False, indices=arc, min_only=True, limit=LIP_REACH_MM)
        for arc in inner_edge(mouth, model.mean)
    )
    above, below = (upper <= lower) & np.isfinite(upper), (lower <= upper) & np.isfinite(lower)
    return skin[above[skin].all(1)], skin[below[skin].all(1)]


def _rim(model: HeadModel, faces: IntArray, x: Float64Array, sign: int) -> SurfacePoints:
    """The highest (sign 1) or lowest (-1) points of a lip's skin at places ``x`` (n,) mm."""
    weights = _barycentric_grid()
    samples = np.einsum("gk,fkc->fgc", weights, model.mean[faces]).reshape(-1, 3)
    low, high = samples[:, 0].min() + CORNER_MARGIN_MM, samples[:, 0].max() - CORNER_MARGIN_MM
    chosen = []
    for place in np.clip(x, low, high):
        near = np.flatnonzero(np.abs(samples[:, 0] - place) < SLICE_MM)
        chosen.append(near[(sign * samples[near, 1]).argmax()])
    face, grid = np.divmod(np.array(chosen), len(weights))
    return SurfacePoints(faces[face], weights[grid].astype(np.float32))


def _barycentric_grid() -> FloatArray:
    """Evenly spread barycentric weights (n, 3)."""
    steps = range(SUBDIVISIONS + 1)
    grid = [(i, j, SUBDIVISIONS - i - j) for i in steps for j in steps if i + j <= SUBDIVISIONS]
    return (np.array(grid) / SUBDIVISIONS).astype(np.float32)
