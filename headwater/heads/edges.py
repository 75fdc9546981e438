"""Landmarks on the edges of lids and lips, where the mesh knows better than a detector."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from headwater.faces import vocabulary as sets
from headwater.geometry.rays import RayMesh
from headwater.heads.loops import border_loops, inner_edge
from headwater.heads.model import FloatArray, HeadModel, IntArray, Surface, SurfacePoints

Float64Array = NDArray[np.float64]

LIDS = (
    (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID, -1),
    (sets.LEFT_UPPER_LID, sets.LEFT_LOWER_LID, 1),
)
LIP_REACH_MM = 10.0  # over the skin, from the mouth cavity to beyond the edge of a lip
SLICE_MM = 0.6
CORNER_MARGIN_MM = 0.5
SUBDIVISIONS = 6
COLUMN_MM, HEIGHT_MM = 0.1, 0.05
SMALLEST_OPENING_MM = 0.5


def on_edges(model: HeadModel, points: SurfacePoints, positions: Float64Array) -> SurfacePoints:
    """``points`` with those of lids and inner lips moved onto the edges of the mean head.

    positions: (478, 3) mm, where the detector saw them; their order and spacing are kept. The
    corners of eyes and lips stay: the detector's lie in the skin, past the opening's end.
    """
    moved = SurfacePoints(points.triangles.copy(), points.weights.copy())
    for upper, lower, side in LIDS:
        columns, above, below = _eye_opening(model, side)
        for rows, edge in ((upper, above), (lower, below)):
            x = positions[list(rows), 0]
            share = (x[1:-1] - x[0]) / (x[-1] - x[0])
            outer, inner = columns[[0, -1]] if x[-1] > x[0] else columns[[-1, 0]]
            nearest = np.abs(columns[:, None] - (outer + share * (inner - outer))).argmin(0)
            _put(moved, rows[1:-1], SurfacePoints(edge.triangles[nearest], edge.weights[nearest]))
    lips = _lip_faces(model)
    for rows, faces, sign in (
        (sets.LOWER_LIP_TOP[1:-1], lips[1], 1),
        (sets.UPPER_LIP_BOTTOM[1:-1], lips[0], -1),
    ):
        _put(moved, rows, _rim(model, faces, positions[list(rows), 0], sign))
    return moved


def _put(points: SurfacePoints, rows: tuple[int, ...], placed: SurfacePoints) -> None:
    points.triangles[list(rows)] = placed.triangles
    points.weights[list(rows)] = placed.weights


def _eye_opening(model: HeadModel, side: int) -> tuple[Float64Array, SurfacePoints, SurfacePoints]:
    """Opening of an eye, seen from the front: columns x (n,) and the lids' last points in them.

    The points are those just above and just below the eyeball in each column.
    """
    used = np.unique(model.faces[model.surface == Surface.EYEBALL])
    ball = model.mean[used[np.sign(model.mean[used, 0]) == side]].astype(np.float64)
    columns = np.arange(ball[:, 0].min(), ball[:, 0].max(), COLUMN_MM)
    heights = np.arange(ball[:, 1].min(), ball[:, 1].max(), HEIGHT_MM)
    x, y = np.meshgrid(columns, heights, indexing="ij")
    start = np.stack([x, y, np.full_like(x, ball[:, 2].max() + 50)], axis=2).reshape(-1, 3)
    hits = RayMesh(model.mean, model.faces).first_hit(start, np.tile((0.0, 0.0, -1.0), (x.size, 1)))
    seen = (model.surface[hits.triangle] == Surface.EYEBALL).reshape(x.shape)
    shown = np.flatnonzero(seen.sum(1) * HEIGHT_MM > SMALLEST_OPENING_MM)
    top = seen.shape[1] - seen[shown, ::-1].argmax(1)
    bottom = seen[shown].argmax(1) - 1
    rows = [shown * x.shape[1] + place for place in (top, bottom)]
    above, below = (
        SurfacePoints(model.faces[hits.triangle[row]], hits.barycentric[row]) for row in rows
    )
    return columns[shown], above, below


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
        # Without the second term a level lip would place points at the slice's far side.
        merit = sign * samples[near, 1] - np.abs(samples[near, 0] - place)
        chosen.append(near[merit.argmax()])
    face, grid = np.divmod(np.array(chosen), len(weights))
    return SurfacePoints(faces[face], weights[grid].astype(np.float32))


def _barycentric_grid() -> FloatArray:
    """Evenly spread barycentric weights (n, 3)."""
    steps = range(SUBDIVISIONS + 1)
    grid = [(i, j, SUBDIVISIONS - i - j) for i in steps for j in steps if i + j <= SUBDIVISIONS]
    return (np.array(grid) / SUBDIVISIONS).astype(np.float32)
