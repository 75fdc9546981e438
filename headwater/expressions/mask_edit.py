"""The edited part mask M', from a part mask M, the maps of the parts and the face's landmarks."""

from collections.abc import Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.expressions.part_map import PartMap
from headwater.expressions.part_maps import LIPS, moved_points
from headwater.faces import vocabulary as sets
from headwater.faces.expression_rules import face_axes
from headwater.faces.parts import fill_polygon, polygon_mask
from headwater.faces.vocabulary import FaceClass, Part

Labels = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
Maps = Mapping[Part, PartMap]

# The label of the mouth's inside, which is no part, beside the ids of parts.
INSIDE: Final = np.uint8(FaceClass.MOUTH_INTERIOR)
# The order in which parts are painted: later ones over earlier ones.
_ORDER: Final = (
    *LIPS,
    Part.NOSE,
    Part.LEFT_EYE,
    Part.RIGHT_EYE,
    Part.LEFT_BROW,
    Part.RIGHT_BROW,
)
EYE_LIDS: Final = {
    Part.RIGHT_EYE: (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID),
    Part.LEFT_EYE: (sets.LEFT_UPPER_LID, sets.LEFT_LOWER_LID),
}
_LIPS_INSIDE: Final = {Part.UPPER_LIP: sets.UPPER_LIP_BOTTOM, Part.LOWER_LIP: sets.LOWER_LIP_TOP}
# An eye of less height is drawn as a line.
_THINNEST_PX: Final = 1.0
# Drop of the chin, as a share of the lower lip's.
_CHIN_FOLLOWS: Final = 0.95


def with_inside(parts: Labels, landmarks_478: NDArray[np.float32]) -> Labels:
    """Part ids (h, w) with the label ``INSIDE`` where the inside of the mouth shows.

    landmarks_478: (478, 2 or 3), px.
    """
    lips = polygon_mask(landmarks_478, sets.OUTER_LIPS, *parts.shape)
    return np.where(lips & (parts == Part.NONE), INSIDE, parts)


def edited_mask(
    labels: Labels, landmarks_478: NDArray[np.float32], maps: Maps, chin_drop_px: float = 0.0
) -> Labels:
    """M': labels (h, w) whose mapped parts are erased to skin, moved and painted again.

    labels: (h, w), from ``with_inside``. landmarks_478: (478, 2 or 3), px. Occluders (no part) stay
    on top of the face. chin_drop_px: drop of the lower lip, which the skin at the chin follows.
    """
    points = landmarks_478[:, :2].astype(np.float64)
    edited = labels.copy()
    edited[np.isin(labels, [int(part) for part in maps])] = Part.SKIN
    if any(lip in maps for lip in LIPS):
        edited[labels == INSIDE] = Part.SKIN
    if chin_drop_px:
        _lower_chin(edited, labels, points, chin_drop_px)
    if all(lip in maps for lip in LIPS):
        paint = np.zeros(labels.shape, np.uint8)
        fill_polygon(paint, _mouth_outline(points, maps), 1)
        edited[paint.view(np.bool_) & (edited == Part.SKIN)] = INSIDE
    for part in _ORDER:
        if part in maps:
            _paint(edited, labels, points, part, maps[part])
    return edited


def _paint(edited: Labels, labels: Labels, points: FloatArray, part: Part, one: PartMap) -> None:
    """Paint a moved part over the face, in place."""
    there = _moved(labels == part, one)
    if part in EYE_LIDS and (labels == part).any():
        _draw_thin_eye(there, points, EYE_LIDS[part], one)
    edited[there & (edited != Part.NONE)] = part


def _moved(mask: NDArray[np.bool_], one: PartMap) -> NDArray[np.bool_]:
    """A mask (h, w) moved by a map: each pixel has the value where its centre comes from."""
    moved = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return moved
    height, width = mask.shape
    reached = one.to(np.column_stack([columns + 0.5, rows + 0.5]))
    low = np.maximum(np.floor(reached.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(reached.max(axis=0)).astype(int) + 2, (width, height))
    y, x = np.mgrid[low[1] : max(high[1], low[1]), low[0] : max(high[0], low[0])]
    origin = np.floor(one.back(np.column_stack([x.ravel() + 0.5, y.ravel() + 0.5]))).astype(int)
    inside = ((origin >= 0) & (origin < (width, height))).all(axis=1)
    x, y, origin = x.ravel()[inside], y.ravel()[inside], origin[inside]
    moved[y, x] = mask[origin[:, 1], origin[:, 0]]
    return moved


def _draw_thin_eye(
    there: NDArray[np.bool_],
    points: FloatArray,
    lids: tuple[tuple[int, ...], tuple[int, ...]],
    one: PartMap,
) -> None:
    """Draw the line of the lids, a pixel high, into the mask of an eye of less height, in place."""
    upper, lower = (one.to(points[list(lid)]) for lid in lids)
    if np.linalg.norm(lower - upper, axis=1).max() >= _THINNEST_PX:
        return
    line = np.rint((upper + lower) / 2.0 - 0.5).astype(np.int32)
    drawn = np.zeros(there.shape, np.uint8)
    cv2.polylines(drawn, [line], isClosed=False, color=(1,))
    there |= drawn.view(np.bool_)


def _mouth_outline(points: FloatArray, maps: Maps) -> NDArray[np.float32]:
    """Outline (20, 2), px, of the moved mouth's inside; flat where its lips overlap."""
    down = face_axes(points).down
    moved = moved_points({lip: maps[lip] for lip in LIPS}, _LIPS_INSIDE, points)
    upper, lower = (np.array([moved[point] for point in _LIPS_INSIDE[lip]]) for lip in LIPS)
    overlap = np.minimum((lower - upper) @ down, 0.0)[:, None] * down
    upper, lower = upper + overlap / 2.0, lower - overlap / 2.0
    return np.vstack([upper, lower[-2:0:-1]]).astype(np.float32)


def _lower_chin(edited: Labels, labels: Labels, points: FloatArray, drop: float) -> None:
    """Stretch the skin below the mouth down, in place, so that its lowest point follows the jaw.

    Only outside the face's oval: pixels without a part inside it are occluders.
    """
    axes = face_axes(points)
    start = float(
        points[[sets.RIGHT_MOUTH_CORNER, sets.LEFT_MOUTH_CORNER]].mean(axis=0) @ axes.down
    )
    height = max(float(points[sets.CHIN] @ axes.down) - start, 1.0)
    factor = 1.0 + _CHIN_FOLLOWS * drop / height
    rows, columns = np.mgrid[: labels.shape[0], : labels.shape[1]]
    below = (columns + 0.5) * axes.down[0] + (rows + 0.5) * axes.down[1] - start
    face = (labels != Part.NONE).astype(np.uint8)
    back = (below - below / factor)[..., None] * axes.down
    came = cv2.remap(
        face,
        (columns - back[..., 0]).astype(np.float32),
        (rows - back[..., 1]).astype(np.float32),
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0,),
    )
    beyond = (edited == Part.NONE) & ~polygon_mask(
        points.astype(np.float32), sets.FACE_OVAL, *labels.shape
    )
    edited[(below > 0) & came.view(np.bool_) & beyond] = Part.SKIN
