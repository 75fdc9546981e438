"""Closed head surfaces, whose inside is well defined: what signed distances need.

The skin with the mouth cavity is one sheet with three holes: the cut of the neck and the two eyes.
The neck is closed by a flat cap; each eye opening by a cap that follows the front of the eyeball,
so that the closed surface is the one that is seen, and no hidden surface lies within.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from headwater.heads.loops import border_loops
from headwater.heads.model import FloatArray, HeadModel, IntArray, Surface

EYE_RINGS = 4
OUTSIDE = (Surface.SKIN, Surface.MOUTH_CAVITY)

Float64Array = NDArray[np.float64]


def closed_surface(
    model: HeadModel, shape: FloatArray, expression: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Vertices (W, 3) float32 mm and faces (G, 3) int32 of a head's watertight surface.

    shape (S,), expression (E,): coefficients of ``model``. The first V vertices are the head's own
    in their order, some of them unused; the caps' follow. The faces do not depend on the
    coefficients.
    """
    vertices = model.vertices(shape, expression)
    sheet = model.faces[np.isin(model.surface, OUTSIDE)]
    eyeballs = _eyeballs(model)
    points, faces = [vertices.astype(np.float64)], [sheet]
    count = len(vertices)
    for loop in border_loops(sheet):
        eyeball = _nearest(model, loop, eyeballs)
        if eyeball is None:
            cap = vertices[loop].mean(0, keepdims=True).astype(np.float64)
        else:
            cap = _eye_cap(vertices[loop].astype(np.float64), vertices[eyeball].astype(np.float64))
        faces.append(_cap_faces(loop, count, len(cap)))
        points.append(cap)
        count += len(cap)
    return np.concatenate(points).astype(np.float32), np.concatenate(faces).astype(np.int32)


def _eyeballs(model: HeadModel) -> list[IntArray]:
    """Vertices of the eyeballs on the right (x < 0) and the left."""
    used = np.unique(model.faces[model.surface == Surface.EYEBALL]).astype(np.int32)
    return [used[np.sign(model.mean[used, 0]) == side] for side in (-1, 1)]


def _nearest(model: HeadModel, loop: IntArray, eyeballs: list[IntArray]) -> IntArray | None:
    """The eyeball behind a hole of the mean head, None for a hole elsewhere."""
    centre = model.mean[loop].mean(0)
    for eyeball in eyeballs:
        low, high = model.mean[eyeball].min(0), model.mean[eyeball].max(0)
        if (centre > low).all() and (centre < high).all():
            return eyeball
    return None


def _eye_cap(rim: Float64Array, eyeball: Float64Array) -> Float64Array:
    """Rings of points (EYE_RINGS n + 1, 3) from a rim (n, 3) over the front of an eyeball.

    The eyeball is taken as the ellipsoid in its bounding box.
    """
    centre, axes = (eyeball.min(0) + eyeball.max(0)) / 2, np.ptp(eyeball, axis=0) / 2
    outward = (rim - centre) / axes
    height = np.linalg.norm(outward, axis=1, keepdims=True)
    front = outward.mean(0) / np.linalg.norm(outward.mean(0))
    rings = []
    for ring in range(1, EYE_RINGS + 1):
        share = ring / (EYE_RINGS + 1)
        direction = (1 - share) * outward + share * front
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        # The cap sinks from the rim to the eyeball within the first half of the way.
        sunk = min(1.0, 2 * share)
        rings.append(centre + axes * direction * ((1 - sunk) * height + sunk))
    return np.concatenate([*rings, [centre + axes * front]])


def _cap_faces(loop: IntArray, first: int, count: int) -> IntArray:
    """Triangles between ``loop`` (n,), rings of n new vertices and a last one in the middle."""
    rings = [loop, *(first + np.arange(count - 1).reshape(-1, len(loop)))]
    faces = []
    for outer, inner in itertools.pairwise(rings):
        after, within = np.roll(outer, -1), np.roll(inner, -1)
        faces += [np.stack([after, outer, inner], 1), np.stack([after, inner, within], 1)]
    last = rings[-1]
    middle = np.full(len(loop), first + count - 1)
    faces.append(np.stack([np.roll(last, -1), last, middle], 1))
    cap: IntArray = np.concatenate(faces).astype(np.int32)
    return cap
