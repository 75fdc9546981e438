"""Map of one part of a face in an edit: an affine map, then a bend along the part's width."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.floating[Any])
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PartMap:
    """An affine map of pixels, followed by a bend.

    affine: (2, 3), px to px. side: (3,), such that s = side . (x, y, 1) is -1 and 1 at the two ends
    of the bend, after the affine map. sink: (2,) px, perpendicular to side; the bend adds
    sqrt(1 - s^2) sink, all of it in the middle and nothing at the ends.
    """

    affine: FloatArray
    side: FloatArray
    sink: FloatArray

    def to(self, points: NDArray[Scalar]) -> FloatArray:
        """The images (n, 2), px, of points (n, 2)."""
        moved = points.astype(np.float64) @ self.affine[:, :2].T + self.affine[:, 2]
        return moved + self._bent(moved)

    def back(self, points: NDArray[Scalar]) -> FloatArray:
        """The points (n, 2), px, whose images are given (n, 2): the exact inverse of ``to``.

        The bend does not change s, so that it can be subtracted.
        """
        straight = points.astype(np.float64)
        straight = straight - self._bent(straight) - self.affine[:, 2]
        origin: FloatArray = np.linalg.solve(self.affine[:, :2], straight.T).T
        return origin

    def _bent(self, points: FloatArray) -> FloatArray:
        side = np.clip(points @ self.side[:2] + self.side[2], -1.0, 1.0)
        return np.sqrt(1.0 - side * side)[:, None] * self.sink


def affine_about(
    middle: FloatArray, right: FloatArray, matrix: FloatArray, shift: FloatArray
) -> FloatArray:
    """Affine map (2, 3), px, about a point, in the axes of a face.

    middle: (2,) px, the point. right: (2,) unit vector; down is a quarter turn from it. matrix: (2,
    2), applied to coordinates right and down of the point. shift: (2,) px, right and down.
    """
    axes = np.column_stack([right, [-right[1], right[0]]])
    linear = axes @ matrix @ axes.T
    return np.column_stack([linear, middle - linear @ middle + axes @ shift])


def straight(affine: FloatArray) -> PartMap:
    """The part map of an affine map (2, 3), without a bend."""
    return PartMap(affine, np.zeros(3), np.zeros(2))
