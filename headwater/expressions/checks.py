"""Checks of an edited frame, before it is kept, by the landmarks and parts that are found in it."""

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.expressions.effects import Points, effects
from headwater.expressions.part_maps import EYES
from headwater.expressions.patterns import Pattern
from headwater.faces.vocabulary import Part
from headwater.reject_reasons import RejectReason

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

LEAST_OVERLAP: Final = 0.5
# Shares of a frame's side: how far from its mask a closed eye may be found, and the side of the
# smallest piece of a part that counts.
NEAR, SMALLEST = 0.02, 0.0125


def check_pattern(
    pattern: Pattern,
    strength: float,
    parts: Iterable[Part],
    wanted: Labels,
    found: Labels,
    before: Points,
    after: Points,
) -> None:
    """Raise ``ItemRejected`` unless a frame shows what was asked for.

    strength: share of the expression that was asked for. parts: those that were edited. wanted: (h,
    w) part ids M'. found: (h, w), those that a parser finds in the frame. before, after: landmarks
    (478, 2 or 3), px, of the parent and of the frame.
    Reasons: edit_not_seen (landmarks do not show it), edit_parts_differ (IoU), edit_new_pieces.
    """
    for effect in effects(pattern, strength, before, after):
        if not effect.reached:
            raise ItemRejected(
                RejectReason.EDIT_NOT_SEEN,
                f"{effect.name}: the edited face's landmarks show {effect.value:.0%} of the least "
                "change.",
            )
    closed = {EYES[side] for side in pattern.closed}
    for part in sorted(parts):
        agree = share_near if part in closed else overlap
        share = agree(wanted == part, found == part)
        if share < LEAST_OVERLAP:
            raise ItemRejected(
                RejectReason.EDIT_PARTS_DIFFER,
                f"{part.title}: a parser finds {share:.0%} of it where it was put.",
            )
        if _pieces(found == part) > max(_pieces(wanted == part), 1):
            raise ItemRejected(
                RejectReason.EDIT_NEW_PIECES,
                f"{part.title}: a parser finds it in more pieces than it was put.",
            )


def overlap(wanted: Mask, found: Mask) -> float:
    """IoU of two masks (h, w); 1 where both are empty."""
    either = int((wanted | found).sum())
    return float((wanted & found).sum()) / either if either else 1.0


def share_near(wanted: Mask, found: Mask) -> float:
    """Share of a mask (h, w) within ``NEAR`` of ``found``; for a line, whose IoU says nothing."""
    if not wanted.any():
        return 1.0
    reach = 2 * round(NEAR * wanted.shape[0]) + 1
    near = cv2.dilate(found.astype(np.uint8), np.ones((reach, reach), np.uint8))
    return float((wanted & (near > 0)).sum() / wanted.sum())


def _pieces(mask: Mask) -> int:
    """Number of connected components of a mask (h, w), without those of a few pixels."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    smallest = (SMALLEST * mask.shape[0]) ** 2
    return int((stats[1:, cv2.CC_STAT_AREA] >= smallest).sum())
