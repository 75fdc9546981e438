"""Patterns painted by a warp of the frame: the maps of parts move the points of the face mesh."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.expressions.amounts import Amounts
from headwater.expressions.mask_edit import EYE_LIDS, INSIDE, edited_mask, with_inside
from headwater.expressions.part_map import PartMap
from headwater.expressions.part_maps import EYES, LIPS, mouth_drop_px, moved_points, part_maps
from headwater.expressions.patterns import Pattern
from headwater.faces import face_mesh
from headwater.faces import vocabulary as sets
from headwater.faces.expression_rules import Moves, free_points, jaw_moves
from headwater.faces.expressions import editable_axes, warped_face
from headwater.faces.vocabulary import Part
from headwater.reject_reasons import RejectReason

LOOPS: Final[dict[Part, tuple[int, ...]]] = {
    Part.LEFT_EYE: sets.LEFT_EYE,
    Part.RIGHT_EYE: sets.RIGHT_EYE,
    Part.LEFT_BROW: sets.LEFT_BROW,
    Part.RIGHT_BROW: sets.RIGHT_BROW,
    Part.NOSE: sets.NOSE,
    Part.UPPER_LIP: sets.UPPER_LIP,
    Part.LOWER_LIP: sets.LOWER_LIP,
}
# Edges of the face mesh from a moved part within which points follow it.
_STEPS: Final = 3


@dataclass(frozen=True)
class PatternMask:
    """The part masks of an edit, M and M', from which its pixels are made.

    closed: the eyes that close. shut: share of the gap between their lids, after ``maps``, that the
    warp closes further, 1 at full strength. before, after: (h, w) uint8 part ids M and M', the
    mouth's inside being ``INSIDE``. maps: of the edited parts. drop_px: of the lower lip of an
    opened mouth.
    """

    closed: tuple[Part, ...]
    shut: float
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    maps: dict[Part, PartMap]
    drop_px: float

    @property
    def opened(self) -> bool:
        """True where the mouth opens."""
        return self.drop_px > 0


@dataclass(frozen=True)
class PatternFrame:
    """A frame that shows a pattern.

    image: (h, w, 3) uint8. parts: (h, w) uint8 part ids. region: (h, w) bool, outside which both
    are as before the edit.
    """

    image: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    region: NDArray[np.bool_]


def pattern_mask(
    parts: NDArray[np.uint8],
    landmarks_478: NDArray[np.float32],
    pattern: Pattern,
    amounts: Amounts,
    strength: float,
) -> PatternMask:
    """M and M' of a face (478, 3), px, with part ids (h, w).

    amounts: of the whole expression. strength: share of it to show, above 0 and at most 1. Raises
    ``ItemRejected`` (edit_failed) as ``editable_axes``, and where nothing changes.
    """
    editable_axes(landmarks_478)
    amounts = amounts.weakened(strength)
    before = with_inside(parts, landmarks_478)
    maps = part_maps(pattern, landmarks_478, amounts)
    drop = mouth_drop_px(pattern, landmarks_478, amounts)
    after = edited_mask(before, landmarks_478, maps, drop)
    if (before == after).all():
        raise ItemRejected(
            RejectReason.EDIT_FAILED, "The face shows this expression already: nothing changes."
        )
    closed = tuple(EYES[side] for side in pattern.closed)
    # The maps leave an eye ``amounts.lid`` of its height, the warp 1 - strength of it.
    shut = 1.0 - (1.0 - strength) / amounts.lid
    return PatternMask(closed, shut, before, after, maps, drop)


def warped_pattern(
    rgb: NDArray[np.uint8], landmarks_478: NDArray[np.float32], mask: PatternMask
) -> PatternFrame:
    """The (h, w, 3) frame with face mesh (478, 3), px, warped as ``mask`` moves its parts."""
    axes = editable_axes(landmarks_478)
    moves = pattern_moves(landmarks_478[:, :2].astype(np.float64), mask)
    if mask.opened:
        moves |= jaw_moves(mask.drop_px, axes)
    free = _free_points(frozenset(mask.maps), mask.opened)
    warped = warped_face(rgb, landmarks_478, moves, free, opened=mask.opened)
    return PatternFrame(warped.image, within(warped.region, mask), warped.region)


def pattern_moves(points: NDArray[np.float64], mask: PatternMask) -> Moves:
    """Displacements (2,) of the points (478, 2) that outline the edited parts, px, by point."""
    places = moved_points(mask.maps, LOOPS, points)
    for eye in mask.closed:
        _shut(places, EYE_LIDS[eye], mask.shut)
    return {point: place - points[point] for point, place in places.items()}


def _shut(places: Moves, lids: tuple[tuple[int, ...], tuple[int, ...]], share: float) -> None:
    """Close a share of the gap between two lids, in place; at 1 nothing of the eye is left.

    What M' has of a closed eye is the line of its lashes.
    """
    for upper, lower in zip(*lids, strict=True):
        middle = (places[upper] + places[lower]) / 2.0
        for point in (upper, lower):
            places[point] = middle + (1.0 - share) * (places[point] - middle)


def within(region: NDArray[np.bool_], mask: PatternMask) -> NDArray[np.uint8]:
    """Part ids (h, w) of M' in the region, of M beyond it."""
    labels = np.where(region, mask.after, mask.before)
    return np.where(labels == INSIDE, np.uint8(Part.NONE), labels)


@cache
def _free_points(parts: frozenset[Part], opened: bool) -> frozenset[int]:
    """Points of the face mesh that follow the moved parts; all others stay."""
    loops = [LOOPS[part] for part in parts if not (opened and part in LIPS)]
    around = face_mesh.near([point for loop in loops for point in loop], _STEPS)
    # The outlines of parts that are not moved stay.
    kept = [LOOPS[part] for part in LOOPS if part not in parts]
    free = around - {point for loop in (*kept, sets.FACE_OVAL) for point in loop}
    return free | free_points("open_mouth") if opened else free
