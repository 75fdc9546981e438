"""Displacements of mesh points by an expression; the rest follows smoothly."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces import face_mesh
from headwater.faces import vocabulary as sets

FloatArray = NDArray[np.float64]
Moves = dict[int, FloatArray]

_LIDS: Final = (
    (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID),
    (sets.LEFT_UPPER_LID, sets.LEFT_LOWER_LID),
)
_MOUTH_CORNERS: Final = (sets.RIGHT_MOUTH_CORNER, sets.LEFT_MOUTH_CORNER)
# The two lids meet a little above the open eye's lower lid.
_LIDS_MEET: Final = 0.12

# Drop of the lower lip's middle, of the eye distance, and how much less for a mouth that is open
# already; corners and chin follow by shares of it.
_MOUTH_DROP: Final = 0.23
_LESS_FOR_OPENING: Final = 0.5
_CORNER_DROP: Final = 0.30
_CORNER_INWARD: Final = 0.05
_UPPER_LIP_LIFT: Final = 0.04
_JAW_SHARES: Final = {
    sets.CHIN: 0.95,
    **dict.fromkeys((148, 377), 0.93),
    **dict.fromkeys((176, 400), 0.88),
    **dict.fromkeys((149, 378), 0.80),
    **dict.fromkeys((150, 379), 0.70),
    **dict.fromkeys((136, 365), 0.58),
    **dict.fromkeys((172, 397), 0.44),
    **dict.fromkeys((58, 288), 0.27),
    **dict.fromkeys((132, 361), 0.12),
    **dict.fromkeys((175, 199, 200), 0.97),
}

# Brow: drop of the outer and the inner end, of the gap between brow and lid; pull to the middle,
# of the eye distance. Mouth corners: drop, of the mouth's width. Lids: of the eye's opening.
_BROW_DROP: Final = (0.10, 0.42)
_BROW_INWARD: Final = 0.045
_CORNERS_DOWN: Final = 0.10
_LID_DOWN: Final = 0.18


@dataclass(frozen=True)
class Axes:
    """A face's directions in its frame.

    right, down: (2,) unit vectors, right towards the subject's left eye. eye_distance: of the
    outer eye corners, px.
    """

    right: FloatArray
    down: FloatArray
    eye_distance: float


Rule = Callable[[FloatArray, Axes], Moves]


def face_axes(points: FloatArray) -> Axes:
    """Axes of a face from its mesh points (478, 2), px."""
    across = points[sets.LEFT_OUTER_EYE_CORNER] - points[sets.RIGHT_OUTER_EYE_CORNER]
    distance = float(np.linalg.norm(across))
    right = across / max(distance, 1e-9)
    return Axes(right, np.array([-right[1], right[0]]), distance)


def rules(kind: str) -> Rule:
    """Rule of an expression: mesh points (n, 2), px, and axes to displacements (2,), px."""
    return {"closed_eyes": _close_eyes, "open_mouth": _open_mouth, "frown": _frown}[kind]


@cache
def free_points(kind: str) -> frozenset[int]:
    """Points that follow the driven ones; all others stay."""
    if kind == "closed_eyes":
        return face_mesh.near(sets.RIGHT_EYE + sets.LEFT_EYE, 3) - _set(
            sets.RIGHT_BROW, sets.LEFT_BROW
        )
    if kind == "frown":
        brows = face_mesh.near(sets.RIGHT_BROW + sets.LEFT_BROW, 3)
        mouth = face_mesh.near(_MOUTH_CORNERS, 4) - _set(sets.NOSE)
        return (brows | mouth) - _set(sets.FACE_OVAL, sets.RIGHT_EYE, sets.LEFT_EYE)
    nose = face_mesh.near((1, sets.NOSE_BASE, 6, sets.NOSE_BRIDGE), 2)
    kept = face_mesh.near(sets.RIGHT_EYE + sets.LEFT_EYE, 2) | nose
    upper_half = _set(sets.FACE_OVAL[:9], sets.FACE_OVAL[-8:])
    return frozenset(range(sets.MESH_POINTS)) - kept - upper_half - _set(sets.NOSE)


def _set(*loops: tuple[int, ...]) -> frozenset[int]:
    return frozenset(point for loop in loops for point in loop)


def _close_eyes(points: FloatArray, axes: Axes) -> Moves:
    """Both lids onto the line where they meet, near the lower one."""
    moves: Moves = {}
    for upper_lid, lower_lid in _LIDS:
        for upper, lower in zip(upper_lid[1:-1], lower_lid[1:-1], strict=True):
            opening = max(float((points[lower] - points[upper]) @ axes.down), 0.0)
            moves[lower] = -_LIDS_MEET * opening * axes.down
            # Onto the very same point, so that nothing of the eye is left between the lids.
            moves[upper] = points[lower] + moves[lower] - points[upper]
        moves[upper_lid[0]] = moves[upper_lid[-1]] = np.zeros(2)
    return moves


def _open_mouth(points: FloatArray, axes: Axes) -> Moves:
    """Lower lip and chin down, corners after them and inwards, upper lip a little up."""
    width = float((points[sets.LEFT_MOUTH_CORNER] - points[sets.RIGHT_MOUTH_CORNER]) @ axes.right)
    opening = max(float((points[14] - points[13]) @ axes.down), 0.0)
    full = _MOUTH_DROP * axes.eye_distance
    drop = max(full - _LESS_FOR_OPENING * opening, 0.5 * full)
    middle = points[list(_MOUTH_CORNERS)].mean(axis=0)
    moves: Moves = {}

    def place(line: tuple[int, ...], centre_drop: float) -> None:
        for point in line:
            side = float(np.clip((points[point] - middle) @ axes.right / (0.5 * width), -1, 1))
            # The lips of an open mouth form an ellipse.
            share = np.sqrt(max(1 - side * side, 0.0))
            down = centre_drop * share + _CORNER_DROP * drop * (1 - share)
            moves[point] = down * axes.down - _CORNER_INWARD * width * side * axes.right

    place(sets.UPPER_LIP_TOP[1:-1], -0.5 * _UPPER_LIP_LIFT * width)
    place(sets.UPPER_LIP_BOTTOM[1:-1], -_UPPER_LIP_LIFT * width)
    place(sets.LOWER_LIP_TOP, drop)
    place(sets.LOWER_LIP_BOTTOM, drop)
    return moves | jaw_moves(drop, axes)


def jaw_moves(drop: float, axes: Axes) -> Moves:
    """Displacements of the jaw line's points under a lower lip that drops by ``drop``, px."""
    return {point: share * drop * axes.down for point, share in _JAW_SHARES.items()}


def _frown(points: FloatArray, axes: Axes) -> Moves:
    """Brows down and together, most at their inner ends; mouth corners down; lids lowered."""
    moves: Moves = {}
    for brow, (upper_lid, lower_lid), inward in (
        (sets.RIGHT_BROW, _LIDS[0], axes.right),
        (sets.LEFT_BROW, _LIDS[1], -axes.right),
    ):
        along = points[list(brow)] @ inward
        inner = (along - along.min()) / max(float(np.ptp(along)), 1e-9)
        gap = float(
            (points[list(upper_lid)].mean(axis=0) - points[list(brow)].mean(axis=0)) @ axes.down
        )
        for point, share in zip(brow, inner, strict=True):
            down = (_BROW_DROP[0] + (_BROW_DROP[1] - _BROW_DROP[0]) * share) * max(gap, 0.0)
            moves[point] = down * axes.down + _BROW_INWARD * axes.eye_distance * share * inward
        for upper, lower in zip(upper_lid[1:-1], lower_lid[1:-1], strict=True):
            opening = max(float((points[lower] - points[upper]) @ axes.down), 0.0)
            moves[upper] = _LID_DOWN * opening * axes.down
    width = float((points[sets.LEFT_MOUTH_CORNER] - points[sets.RIGHT_MOUTH_CORNER]) @ axes.right)
    middle = points[list(_MOUTH_CORNERS)].mean(axis=0)
    for point in sets.OUTER_LIPS + sets.INNER_LIPS:
        side = float(np.clip((points[point] - middle) @ axes.right / (0.5 * width), -1, 1))
        moves[point] = _CORNERS_DOWN * width * side**4 * axes.down
    return moves
