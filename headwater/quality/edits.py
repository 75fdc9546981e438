"""Check of edited expressions by ratios of the face that must move one way."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.expressions.effects import effects
from headwater.expressions.patterns import PATTERNS
from headwater.faces.aspect_ratios import aspect_ratios, brow_height

Points = NDArray[np.float32]


def eye_ratio(points: Points) -> float:
    """Mean aspect ratio of both eyes of the points (478, 2) px."""
    ratios = aspect_ratios(points)
    return (ratios.eye_left + ratios.eye_right) / 2.0


def mouth_ratio(points: Points) -> float:
    """Aspect ratio of the mouth of the points (478, 2) px."""
    return aspect_ratios(points).mouth


# Per kind of edit the measure that must change, and the direction of the change.
RIGHT_WAY: Final[dict[str, tuple[Callable[[Points], float], int]]] = {
    "closed_eyes": (eye_ratio, -1),
    "open_mouth": (mouth_ratio, 1),
    "frown": (brow_height, -1),
}


def moved_right_way(kind: str, strength: float, before: Points, after: Points) -> bool:
    """True when the kind's measure moves in its direction between (478, 2) landmarks, px.

    Of a pattern: when all that it must change at ``strength`` has changed by at least as much.
    """
    if kind in PATTERNS:
        found = effects(PATTERNS[kind], strength, before, after)
        return all(effect.reached for effect in found)
    measure, direction = RIGHT_WAY[kind]
    return direction * (measure(after) - measure(before)) > 0


def edit_figures(edits: Iterable[tuple[str, str, bool]]) -> dict[str, float]:
    """Counts and shares of (kind, method, moved the right way), per kind and method."""
    outcomes: dict[str, list[bool]] = {}
    for kind, method, right in edits:
        outcomes.setdefault(f"expressions_{kind}_{method}", []).append(right)
    figures: dict[str, float] = {}
    for name, rights in sorted(outcomes.items()):
        figures[f"{name}_count"] = len(rights)
        figures[f"{name}_right_way_rate"] = sum(rights) / len(rights)
    return figures
