"""The views that see one and the same head.

A face that was turned, another thing that was taken for it, or another photo's camera spoils the
placement of a head that all other views agree on.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.plausibility import misfit
from headwater.geometry.registration import Similarity
from headwater.reconstruct.placing import (
    MOST_MISFIT,
    DisagreementError,
    head_in_world,
    size_of,
    triangulated_landmarks,
    view_errors,
)
from headwater.reconstruct.seeing import SeenFace

# Two views with swapped cameras often agree by chance as far as placing allows, but seldom as far
# as these, within which are 19 of 20 rendered heads with exact cameras.
SOUND_DISAGREEMENT, SOUND_MISFIT = 0.03, 0.08
SOUND_SIZES: Final = (0.85, 1.18)
# Largest disagreement of views with cameras that each view's own landmarks gave, in face widths. Of
# fourteen rendered heads in three or four views none lost a sound view; of views whose mesh was
# turned over, 35 of 43 were found among four views, and 83 of 129 among three.
MOST_ESTIMATED_DISAGREEMENT: Final = 0.018
ODD_MISFIT: Final = 0.04


def agreeing_views(
    faces: Sequence[SeenFace], points_mm: NDArray[np.float32], source: object = "cameras"
) -> list[int]:
    """Rows of the most views whose cameras agree on one head, in their order.

    points_mm: (68, 3) landmarks of the template, head frame. They are more than half of the views.
    Raises as ``placing.head_in_world`` does of all views where there is no such set, or more than
    one.
    """
    rows = list(range(len(faces)))
    try:
        head_in_world(faces, points_mm, source)
    except DisagreementError:
        sets = {_agreeing(one, faces, points_mm) for one in _around_pairs(faces, points_mm)}
        most = max(map(len, sets), default=0)
        best = [one for one in sets if len(one) == most]
        if 2 * most <= len(faces) or len(best) > 1:
            raise
        return list(best[0])
    return rows


def views_of_one_face(faces: Sequence[SeenFace]) -> list[int]:
    """Rows of the views, with cameras that were solved from their landmarks, that see one face.

    Left out are meshes that look odd by themselves and are not where the other views see the face,
    as those of faces that were turned over or misdetected. All rows where no more than half of the
    views would be left: nothing tells then which are right.
    """
    rows = list(range(len(faces)))
    while len(rows) > 2:
        some = [faces[row] for row in rows]
        points = triangulated_landmarks(some)
        if points is None:
            break
        odd = [
            (error, row)
            for error, row in zip(view_errors(some, points), rows, strict=True)
            if error > MOST_ESTIMATED_DISAGREEMENT and misfit(faces[row].landmarks) >= ODD_MISFIT
        ]
        if not odd:
            break
        rows.remove(max(odd)[1])
    return rows if 2 * len(rows) > len(faces) else list(range(len(faces)))


def _around_pairs(
    faces: Sequence[SeenFace], points_mm: NDArray[np.float32]
) -> Iterator[tuple[int, ...]]:
    """The views, each set once, that see a head where two of them place it."""
    seen = set()
    for pair in combinations(range(len(faces)), 2):
        two = [faces[row] for row in pair]
        try:
            place = head_in_world(two, points_mm)
        except (HeadwaterError, ItemRejected):
            continue
        errors = view_errors(faces, place.apply(points_mm))
        rows = tuple(np.flatnonzero(np.array(errors) < MOST_MISFIT).tolist())
        if rows not in seen:
            seen.add(rows)
            yield rows


def _agreeing(
    rows: tuple[int, ...], faces: Sequence[SeenFace], points_mm: NDArray[np.float32]
) -> tuple[int, ...]:
    """The rows without those, worst first, that keep the others from agreeing; () for none."""
    left = list(rows)
    while len(left) > 1:
        some = [faces[row] for row in left]
        try:
            place = head_in_world(some, points_mm)
        except DisagreementError as error:
            del left[error.worst]
        except (HeadwaterError, ItemRejected):
            return ()
        else:
            return tuple(left) if are_sound(some, points_mm, place) else ()
    return ()


def are_sound(faces: Sequence[SeenFace], points_mm: NDArray[np.float32], place: Similarity) -> bool:
    """True where the views see one head as well as views of sound cameras do."""
    if max(view_errors(faces, place.apply(points_mm))) > SOUND_MISFIT:
        return False
    points = triangulated_landmarks(faces)
    if points is None:
        return True
    size, (smallest, largest) = size_of(points, points_mm), SOUND_SIZES
    return smallest < size < largest and max(view_errors(faces, points)) < SOUND_DISAGREEMENT
