"""Whether edited expressions show: do the face's ratios move the right way?"""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.expressions import aspect_ratios
from headwater.faces.landmark_sets import ibug68, outer_eye_distance

# Inner ends of the brows and inner corners of the eyes, the subject's right and left.
INNER_BROW: Final = ((107, 55), (336, 285))
INNER_EYE_CORNER: Final = (133, 362)

Points = NDArray[np.float32]


def eye_ratio(points: Points) -> float:
    """Mean aspect ratio of both eyes of 478 points (478, 2) px."""
    ratios = aspect_ratios(points)
    return (float(ratios.eye_left) + float(ratios.eye_right)) / 2.0


def mouth_ratio(points: Points) -> float:
    """Aspect ratio of the mouth of 478 points (478, 2) px."""
    return float(aspect_ratios(points).mouth)


def brow_height(points: Points) -> float:
    """Mean distance of the inner brow ends from the inner eye corners, of the eye distance."""
    gaps = [
        np.linalg.norm(points[brow, :2].mean(axis=0) - points[corner, :2])
        for brow, corner in zip(np.array(INNER_BROW), INNER_EYE_CORNER, strict=True)
    ]
    return float(np.mean(gaps)) / outer_eye_distance(ibug68(points))


# Per kind of edit the measure that must change, and the direction of the change.
RIGHT_WAY: Final[dict[str, tuple[Callable[[Points], float], int]]] = {
    "closed_eyes": (eye_ratio, -1),
    "open_mouth": (mouth_ratio, 1),
    "frown": (brow_height, -1),
}


def moved_right_way(kind: str, before: Points, after: Points) -> bool:
    """Whether the kind's measure changed in its direction between (478, 2) landmarks."""
    measure, direction = RIGHT_WAY[kind]
    return direction * (measure(after) - measure(before)) > 0


def edit_figures(edits: Iterable[tuple[str, str, bool]]) -> dict[str, float]:
    """Counts and shares of (kind, method, moved the right way), per kind and method."""
    outcomes: dict[str, list[bool]] = {}
    for kind, method, right in edits:
        outcomes.setdefault(f"expression_{kind}_{method}", []).append(right)
    figures: dict[str, float] = {}
    for name, rights in sorted(outcomes.items()):
        figures[f"{name}_count"] = len(rights)
        figures[f"{name}_right_way_rate"] = sum(rights) / len(rights)
    return figures
