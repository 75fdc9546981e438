"""Point sets of face parts in the image plane: pixels of a mask, and samples spread over many.

Coordinates are px; the pixel of row r and column c has its centre at (c + 0.5, r + 0.5).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

# The paper reduces the skin, of pixels and of vertices, to so many points.
SKIN_POINTS: Final = 3000
CELL_PX: Final = 2.0
# Squared distances that differ by less than this share of the largest possible one are equal:
# more than rounding, and less than any difference between pixels.
_TIE: Final = 1e-9


def pixel_centres(mask: NDArray[np.bool_]) -> Float64Array:
    """C_p: centres (n, 2) px of the pixels of a mask (H, W), row by row."""
    return np.argwhere(mask)[:, ::-1] + 0.5


def farthest_points(
    points: NDArray[np.floating[Any]], count: int, rng: np.random.Generator
) -> IntArray:
    """Rows of ``count`` of the points (n, 2) by farthest point sampling, in order; all if fewer.

    Each is the farthest from those before it; the first, and which of several as far, is chosen at
    random: on pixels, where most distances are shared, any fixed order fills from one side and
    moves the mean. All points must be finite.
    """
    if count >= len(points):
        return np.arange(len(points))
    places = points.astype(np.float64)
    luck = rng.random(len(places)) * _TIE * (np.ptp(places, axis=0) ** 2).sum()
    latest = int(rng.integers(len(places)))
    order = np.argsort(places[:, 1], kind="stable")
    xs, ys, luck = places[order, 0], places[order, 1], luck[order]
    far = np.full(len(places), np.inf)
    at = int(np.flatnonzero(order == latest)[0])
    chosen = np.empty(count, dtype=np.int64)
    for number in range(count):
        chosen[number] = at
        # No point farther from the new one than that was from the others comes nearer by it.
        reach = np.sqrt(far[at])
        start, end = ys.searchsorted([ys[at] - reach, ys[at] + reach], side="left")
        rows = slice(start, end + 1)
        dx, dy = xs[rows] - xs[at], ys[rows] - ys[at]
        dx *= dx
        dy *= dy
        dx += dy
        dx += luck[rows]
        np.minimum(far[rows], dx, out=far[rows])
        far[at] = -np.inf
        at = int(far.argmax())
    return order[chosen]


def cell_points(points: NDArray[np.floating[Any]], rng: np.random.Generator) -> IntArray:
    """Rows of one of the points (n, 2) px per cell of ``CELL_PX``: the nearest to its middle.

    A faster spread than ``farthest_points``. Rows ascend; which of several as near is chosen at
    random.
    """
    cells = np.floor(points / CELL_PX)
    away = np.square(points / CELL_PX - cells - 0.5).sum(axis=1).round(9)
    order = np.lexsort((rng.random(len(points)), away, cells[:, 0], cells[:, 1]))
    first = np.ones(len(points), dtype=bool)
    first[1:] = (cells[order][1:] != cells[order][:-1]).any(axis=1)
    return np.sort(order[first])


def pixels_of(rows: IntArray, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask (H, W) of some of the ``pixel_centres`` of a mask."""
    kept = np.zeros_like(mask)
    kept.ravel()[np.flatnonzero(mask)[rows]] = True
    return kept
