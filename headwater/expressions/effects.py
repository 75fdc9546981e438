"""Effects of a pattern: measures of landmarks before and after it, with thresholds.

The thresholds are those of full strength; of a weaker expression as large a share is asked.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.expressions.part_maps import BROW_LOOPS, EYE_CORNERS
from headwater.expressions.patterns import Pattern, Side
from headwater.faces import vocabulary as sets
from headwater.faces.aspect_ratios import aspect_ratios
from headwater.faces.expression_rules import face_axes

Points = NDArray[np.float32]
FloatArray = NDArray[np.float64]

# Largest aspect ratio of a closed eye, as a share of the open one's. Less cannot be asked for: the
# points detected on lids that are shut show a third of it in the median.
CLOSED: Final = 0.6
# Least rise of an opened mouth's aspect ratio, as a share of the drop that was asked for.
OPENED: Final = 0.5
# Largest aspect ratio of a mouth whose lips meet.
MEETING: Final = 0.06
# Least fall of a knit brow, as a share of its height over the eye's corners.
KNIT: Final = 0.05
# Least change of a mouth that is turned (degrees), shifted and narrowed (shares of its width).
TURNED, SHIFTED, NARROWED = 4.0, 0.04, 0.08
# Least growth of the nose's width, of whose change the detector sees a tenth.
WIDENED: Final = 0.005


class Effect(NamedTuple):
    """A change that must show. value: measured change, as a multiple of the least one."""

    name: str
    value: float

    @property
    def reached(self) -> bool:
        """True where the change is at least the least one."""
        return self.value >= 1.0


def effects(pattern: Pattern, strength: float, before: Points, after: Points) -> list[Effect]:
    """All that a pattern must have changed between landmarks (478, 2 or 3), px, of two frames.

    strength: share of the whole expression that was asked for, above 0 and at most 1.
    """
    found = [
        Effect(f"{side} eye closed", _closed(side, strength, before, after))
        for side in pattern.closed
    ]
    for side in pattern.frowning:
        fall = 1.0 - _brow(side, after) / _brow(side, before)
        found.append(Effect(f"{side} brow knit", fall / (strength * KNIT)))
    if pattern.mouth is not None:
        measure = _MOUTHS[pattern.mouth]
        found.append(Effect(f"mouth {pattern.mouth}", measure(pattern, strength, before, after)))
    if pattern.wide_nose:
        growth = _nose_width(after) / _nose_width(before) - 1.0
        found.append(Effect("nose wider", growth / (strength * WIDENED)))
    return found


def _closed(side: Side, strength: float, before: Points, after: Points) -> float:
    old, new = (getattr(aspect_ratios(points), f"eye_{side}") for points in (before, after))
    return (1.0 - strength * (1.0 - CLOSED)) * old / max(new, 1e-6)


def _brow(side: Side, points: Points) -> float:
    """Height of a brow's middle above that of the eye's corners, as a share of the eye distance."""
    places = points[:, :2].astype(np.float64)
    axes = face_axes(places)
    corners = places[list(EYE_CORNERS[side])].mean(axis=0)
    middle = places[list(BROW_LOOPS[side])].mean(axis=0)
    return float((corners - middle) @ axes.down / axes.eye_distance)


def _opened(pattern: Pattern, strength: float, before: Points, after: Points) -> float:
    rise = aspect_ratios(after).mouth - aspect_ratios(before).mouth
    return rise / (strength * OPENED * pattern.drop)


def _meeting(pattern: Pattern, strength: float, before: Points, after: Points) -> float:
    old, new = aspect_ratios(before).mouth, aspect_ratios(after).mouth
    return (MEETING + (1.0 - strength) * max(old - MEETING, 0.0)) / max(new, 1e-6)


def _turned(pattern: Pattern, strength: float, before: Points, after: Points) -> float:
    old, new = (_mouth(points)[1] for points in (before, after))
    angles = [np.rad2deg(np.arctan2(one[1], one[0])) for one in (old, new)]
    return float(abs(angles[1] - angles[0])) / (strength * TURNED)


def _shifted(pattern: Pattern, strength: float, before: Points, after: Points) -> float:
    old, new = (_mouth(points) for points in (before, after))
    shift = float(abs(new[0][0] - old[0][0]) / np.linalg.norm(old[1]))
    return shift / (strength * SHIFTED)


def _narrowed(pattern: Pattern, strength: float, before: Points, after: Points) -> float:
    old, new = (float(np.linalg.norm(_mouth(points)[1])) for points in (before, after))
    return (1.0 - new / old) / (strength * NARROWED)


def _mouth(points: Points) -> tuple[FloatArray, FloatArray]:
    """Middle of the mouth (2,) from that of the eyes, and the vector (2,) between its corners.

    Along the face's right and down, as shares of the eye distance.
    """
    places = points[:, :2].astype(np.float64)
    axes = face_axes(places)
    eyes = places[[sets.RIGHT_OUTER_EYE_CORNER, sets.LEFT_OUTER_EYE_CORNER]].mean(axis=0)
    corners = places[[sets.RIGHT_MOUTH_CORNER, sets.LEFT_MOUTH_CORNER]] - eyes
    along = corners @ np.column_stack([axes.right, axes.down]) / axes.eye_distance
    return along.mean(axis=0), along[1] - along[0]


def _nose_width(points: Points) -> float:
    places = points[:, :2].astype(np.float64)
    axes = face_axes(places)
    across = places[list(sets.NOSE)] @ axes.right
    return float(np.ptp(across) / axes.eye_distance)


_Measure = Callable[[Pattern, float, Points, Points], float]
_MOUTHS: Final[dict[str, _Measure]] = {
    "open": _opened,
    "closed": _meeting,
    "smiling": _meeting,
    "turned": _turned,
    "shifted": _shifted,
    "narrow": _narrowed,
}
