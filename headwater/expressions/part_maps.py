"""The maps of the parts that a pattern edits, from a face's landmarks (PRDL's M -> M').

Right and down are those of the face, along the line of the eyes and perpendicular to it, so that a
rolled face is edited alike.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.expressions.amounts import Amounts
from headwater.expressions.part_map import PartMap, affine_about, straight
from headwater.expressions.patterns import Pattern, Side
from headwater.faces import vocabulary as sets
from headwater.faces.expression_rules import Axes, face_axes
from headwater.faces.vocabulary import Part

FloatArray = NDArray[np.float64]
Maps = dict[Part, PartMap]

EYES: Final[Mapping[Side, Part]] = {"left": Part.LEFT_EYE, "right": Part.RIGHT_EYE}
BROWS: Final[Mapping[Side, Part]] = {"left": Part.LEFT_BROW, "right": Part.RIGHT_BROW}
LIPS: Final = (Part.UPPER_LIP, Part.LOWER_LIP)

EYE_CORNERS: Final[Mapping[Side, tuple[int, int]]] = {
    "right": (sets.RIGHT_OUTER_EYE_CORNER, sets.RIGHT_INNER_EYE_CORNER),
    "left": (sets.LEFT_INNER_EYE_CORNER, sets.LEFT_OUTER_EYE_CORNER),
}
# The middle of each lower lid.
_LOWER_LIDS: Final[Mapping[Side, int]] = {"right": 145, "left": 374}
BROW_LOOPS: Final[Mapping[Side, tuple[int, ...]]] = {
    "right": sets.RIGHT_BROW,
    "left": sets.LEFT_BROW,
}
_INNER_MOUTH_CORNERS: Final = (sets.UPPER_LIP_BOTTOM[0], sets.UPPER_LIP_BOTTOM[-1])
_UPPER_LIP_MIDDLE, _LOWER_LIP_MIDDLE = 13, 14
# Depth below the line between an eye's corners at which its lids meet: a share of the depth of the
# lower lid, and at least a share of the eye's width.
_OWN_DEPTH, _LEAST_DEPTH = 0.9, 0.10
# Least height of a squeezed eye, as a share of its own: maps must be invertible.
_FLATTEST: Final = 1e-3
# The corners of an opening mouth drop by this share of the lower lip's drop.
_CORNER_DROP: Final = 0.30


def part_maps(pattern: Pattern, landmarks_478: NDArray[np.float32], amounts: Amounts) -> Maps:
    """The maps, px to px, of all parts that ``pattern`` edits.

    landmarks_478: (478, 2 or 3), px.
    """
    points = landmarks_478[:, :2].astype(np.float64)
    axes = face_axes(points)
    maps: Maps = {}
    for side in pattern.closed:
        maps[EYES[side]] = _closed_eye(points, axes, side, amounts)
        down = np.array([0.0, amounts.brow_follows * axes.eye_distance])
        middle = points[list(BROW_LOOPS[side])].mean(axis=0)
        maps[BROWS[side]] = straight(affine_about(middle, axes.right, np.eye(2), down))
    for side in pattern.frowning:
        maps[EYES[side]] = straight(_squeezed(points[list(EYE_CORNERS[side])], amounts.squint))
        maps[BROWS[side]] = _knit_brow(points, axes, side, amounts)
    if pattern.mouth is not None:
        shape = _MOUTHS[pattern.mouth]
        maps |= dict(zip(LIPS, shape(points, axes, amounts, pattern.drop), strict=True))
    if pattern.wide_nose:
        wider = np.diag([amounts.nose, 1.0])
        maps[Part.NOSE] = straight(
            affine_about(points[sets.NOSE_BASE], axes.right, wider, np.zeros(2))
        )
    return maps


def mouth_drop_px(pattern: Pattern, landmarks_478: NDArray[np.float32], amounts: Amounts) -> float:
    """Drop of the lower lip's middle, px, which the chin follows."""
    points = landmarks_478[:, :2].astype(np.float64)
    return pattern.drop * amounts.drop * _mouth_width(points, face_axes(points))


def _closed_eye(points: FloatArray, axes: Axes, side: Side, amounts: Amounts) -> PartMap:
    """Flattened onto the line between its corners, which is bent down to the lower lid."""
    corners = points[list(EYE_CORNERS[side])]
    width = float((corners[1] - corners[0]) @ axes.right)
    depth = float((points[_LOWER_LIDS[side]] - corners.mean(axis=0)) @ axes.down)
    sink = max(_OWN_DEPTH * depth, _LEAST_DEPTH * width) * (1.0 - amounts.lid)
    return PartMap(_squeezed(corners, amounts.lid), _sides(corners, axes), sink * axes.down)


def _squeezed(corners: FloatArray, height: float) -> FloatArray:
    """Map (2, 3), px, that scales by ``height`` across the line of two corners (2, 2), px."""
    along = corners[1] - corners[0]
    along = along / max(float(np.linalg.norm(along)), 1e-9)
    return affine_about(
        corners.mean(axis=0), along, np.diag([1.0, max(height, _FLATTEST)]), np.zeros(2)
    )


def _knit_brow(points: FloatArray, axes: Axes, side: Side, amounts: Amounts) -> PartMap:
    """Turned about its middle, inner end down, and moved down and towards the nose."""
    middle = points[list(BROW_LOOPS[side])].mean(axis=0)
    gap = float((points[list(EYE_CORNERS[side])].mean(axis=0) - middle) @ axes.down)
    # In the picture the nose lies to the right of the subject's right brow.
    inward = 1.0 if side == "right" else -1.0
    angle = inward * np.deg2rad(amounts.knit_turn)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array(
        [
            inward * amounts.knit_in * axes.eye_distance,
            amounts.knit_down * max(gap, 0.0),
        ]
    )
    return straight(affine_about(middle, axes.right, turn, shift))


def _open_mouth(
    points: FloatArray, axes: Axes, amounts: Amounts, drop: float
) -> tuple[PartMap, PartMap]:
    """Corners down, and apart or together; the lower lip's middle down by ``drop``, the upper's up.

    drop: as a share of the mouth's width.
    """
    width = _mouth_width(points, axes)
    fall = amounts.drop * drop * width
    corners = _CORNER_DROP * fall
    wider = np.diag([amounts.widen, 1.0])
    affine = _about_mouth(points, axes, wider, np.array([0.0, corners]))
    up = -(corners + amounts.lift * width)
    return _bent(points, axes, affine, up, fall - corners)


def _closed_mouth(
    points: FloatArray, axes: Axes, amounts: Amounts, drop: float
) -> tuple[PartMap, PartMap]:
    """Lips that meet half-way."""
    half = 0.5 * amounts.close * _opening(points, axes)
    affine = _about_mouth(points, axes, np.eye(2), np.zeros(2))
    return _bent(points, axes, affine, half, -half)


def _smiling_mouth(
    points: FloatArray, axes: Axes, amounts: Amounts, drop: float
) -> tuple[PartMap, PartMap]:
    """Lips that meet, with their corners up."""
    half = 0.5 * amounts.close * _opening(points, axes)
    rise = amounts.smile * _mouth_width(points, axes)
    affine = _about_mouth(points, axes, np.eye(2), np.array([0.0, -rise]))
    return _bent(points, axes, affine, rise + half, rise - half)


def _turned_mouth(
    points: FloatArray, axes: Axes, amounts: Amounts, drop: float
) -> tuple[PartMap, PartMap]:
    angle = amounts.towards * np.deg2rad(amounts.mouth_turn)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine = _about_mouth(points, axes, turn, np.zeros(2))
    return straight(affine), straight(affine)


def _shifted_mouth(
    points: FloatArray, axes: Axes, amounts: Amounts, drop: float
) -> tuple[PartMap, PartMap]:
    shift = amounts.towards * amounts.mouth_shift * _mouth_width(points, axes)
    affine = _about_mouth(points, axes, np.eye(2), np.array([shift, 0.0]))
    return straight(affine), straight(affine)


def _narrow_mouth(
    points: FloatArray, axes: Axes, amounts: Amounts, drop: float
) -> tuple[PartMap, PartMap]:
    narrower = np.diag([amounts.mouth_narrow, 1.0])
    affine = _about_mouth(points, axes, narrower, np.zeros(2))
    return straight(affine), straight(affine)


_Shape = Callable[[FloatArray, Axes, Amounts, float], tuple[PartMap, PartMap]]
_MOUTHS: Final[Mapping[str, _Shape]] = {
    "open": _open_mouth,
    "closed": _closed_mouth,
    "smiling": _smiling_mouth,
    "turned": _turned_mouth,
    "shifted": _shifted_mouth,
    "narrow": _narrow_mouth,
}


def _about_mouth(
    points: FloatArray, axes: Axes, matrix: FloatArray, shift: FloatArray
) -> FloatArray:
    return affine_about(_mouth_corners(points).mean(axis=0), axes.right, matrix, shift)


def _bent(
    points: FloatArray, axes: Axes, affine: FloatArray, upper: float, lower: float
) -> tuple[PartMap, PartMap]:
    """Maps of the upper and lower lip: one affine map, and a bend of each, px down in the middle.

    The bends end at the inner corners of the mouth, where both lips agree.
    """
    inner = points[list(_INNER_MOUTH_CORNERS)] @ affine[:, :2].T + affine[:, 2]
    side = _sides(inner, axes)
    return PartMap(affine, side, upper * axes.down), PartMap(affine, side, lower * axes.down)


def _sides(corners: FloatArray, axes: Axes) -> FloatArray:
    """``PartMap.side`` (3,) of a bend between two corners (2, 2), px, along the face's right."""
    along: FloatArray = corners @ axes.right
    half = max(float(along[1] - along[0]) / 2.0, 1e-9)
    return np.append(axes.right / half, -float(along.mean()) / half)


def _mouth_corners(points: FloatArray) -> FloatArray:
    return points[[sets.RIGHT_MOUTH_CORNER, sets.LEFT_MOUTH_CORNER]]


def _mouth_width(points: FloatArray, axes: Axes) -> float:
    corners = _mouth_corners(points)
    return float((corners[1] - corners[0]) @ axes.right)


def _opening(points: FloatArray, axes: Axes) -> float:
    return max(float((points[_LOWER_LIP_MIDDLE] - points[_UPPER_LIP_MIDDLE]) @ axes.down), 0.0)


def moved_points(
    maps: Mapping[Part, PartMap], loops: Mapping[Part, Sequence[int]], points: FloatArray
) -> dict[int, FloatArray]:
    """Images (2,), px, of the outlines of mapped parts, by landmark.

    loops: landmarks that outline each part. points: (n, 2) px, of all landmarks. A landmark of two
    parts goes to the mean of its two images.
    """
    places: dict[int, list[FloatArray]] = {}
    for part, one in maps.items():
        loop = loops[part]
        for point, place in zip(loop, one.to(points[list(loop)]), strict=True):
            places.setdefault(point, []).append(place)
    return {point: np.mean(found, axis=0) for point, found in places.items()}
