"""The 240 landmarks of 3DDFA-V3 (arXiv 2312.00311), each on a line between two of the 478 points.

So one table serves photos and every head model. 106 landmarks are of the whole face, in the order
of 106-point detectors, and 134 of eyes, brows and lips, whose order the paper does not give. The
contour is the jaw of iBUG-68 with the points half-way between.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets

COUNT_240: Final = 240
# Places among the 106 of both eyes with their centres, and of outer and inner lips.
EYES_106: Final = slice(66, 84)
LIPS_106: Final = slice(84, 104)
# Places of the 134: right eye, left eye, right brow, left brow, outer lips, inner lips.
DENSE_134: Final = slice(106, 240)
_DENSE_EYE, _DENSE_BROW, _DENSE_LIPS = 22, 13, 32

# A landmark: two of the 478 points, and the share of the second.
_Row = tuple[int, int, float]


def _own(*points: int) -> Iterator[_Row]:
    """Landmarks that are points of the 478."""
    return ((point, point, 0.0) for point in points)


def _between(first: int, second: int) -> _Row:
    return first, second, 0.5


def _contour() -> Iterator[_Row]:
    """The 17 landmarks of the jaw, and the points half-way between them."""
    jaw = [int(point) for point in sets.IBUG68_FROM_478[sets.IBUG_JAW]]
    yield from _own(jaw[0])
    for before, after in pairwise(jaw):
        yield _between(before, after)
        yield from _own(after)


def _along(loop: Sequence[int], count: int) -> Iterator[_Row]:
    """``count`` landmarks along a closed loop, equally spaced in its index, from the first on."""
    for place in range(count):
        corner, rest = divmod(place * len(loop), count)
        yield loop[corner], loop[(corner + 1) % len(loop)], rest / count


def _upside(loop: Sequence[int]) -> tuple[int, ...]:
    """The loop of a left part from its inner end; the loop itself starts at its outer end."""
    half = len(loop) // 2
    return (*loop[half::-1], *loop[:half:-1])


def _rows() -> Iterator[_Row]:
    """The 240 landmarks in order."""
    right_eye, left_eye = sets.RIGHT_EYE, _upside(sets.LEFT_EYE)
    yield from _contour()
    # A brow: five points of its upper edge and four of its lower one, clockwise in an image.
    yield from _own(*sets.RIGHT_BROW[:9])
    yield from _own(*sets.LEFT_BROW[4::-1], *sets.LEFT_BROW[8:4:-1])
    yield from _own(168, 197, 5, sets.NOSE_TIP)
    yield from _own(188, 209, 129, 98, 97, sets.NOSE_BASE, 326, 327, 358, 429, 412)
    for eye in (right_eye, left_eye):
        yield from _along(eye, 8)
        yield _between(eye[0], eye[8])
    yield from _own(*sets.IBUG68_FROM_478[sets.IBUG_MOUTH].tolist())
    yield from _own(sets.RIGHT_IRIS_CENTRE, sets.LEFT_IRIS_CENTRE)
    yield from _along(right_eye, _DENSE_EYE)
    yield from _along(left_eye, _DENSE_EYE)
    yield from _along(sets.RIGHT_BROW, _DENSE_BROW)
    yield from _along(sets.LEFT_BROW, _DENSE_BROW)
    yield from _along(sets.OUTER_LIPS, _DENSE_LIPS)
    yield from _along(sets.INNER_LIPS, _DENSE_LIPS)


def _table() -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    first, second, share = (np.array(column) for column in zip(*_rows(), strict=True))
    points = np.stack([first, second], axis=1).astype(np.int32)
    shares = np.stack([1.0 - share, share], axis=1).astype(np.float32)
    points.setflags(write=False)
    shares.setflags(write=False)
    return points, shares


# (240, 2) each: the two of the 478 points, and their shares.
POINTS_240, SHARES_240 = _table()


def _mirror_partners() -> NDArray[np.int32]:
    """For each of the 240 the landmark between the mirrored points of the other side."""
    mixes = np.zeros((COUNT_240, sets.COUNT_478))
    np.add.at(mixes, (np.arange(COUNT_240)[:, None], POINTS_240), SHARES_240)
    away = np.abs(mixes[:, None, sets.MIRROR_PARTNERS] - mixes[None]).sum(axis=2)
    # Landmarks of the 106 and the 134 coincide; each has its partner among its own.
    away[106:, :106] = away[:106, 106:] = np.inf
    partners = away.argmin(axis=1).astype(np.int32)
    partners.setflags(write=False)
    return partners


MIRROR_PARTNERS_240: Final[NDArray[np.int32]] = _mirror_partners()
