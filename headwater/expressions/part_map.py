"""Map of one part of a face by an edit: affine, then bent along its width."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.floating[Any])
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PartMap:
    """A map of pixels: the affine one, then a bend.

    affine: (2, 3), px to px. side: (3,), such that side . (x, y, 1) is -1 and 1 at the two ends of
    what bends, once it is there. sink: (2,) px, perpendicular to side, by which its middle moves;
    others by a share of it that falls to 0 at the ends as an ellipse does.
    """

    affine: FloatArray
    side: FloatArray
    sink: FloatArray

    def to(self, points: NDArray[Scalar]) -> FloatArray:
        """The places (n, 2), px, that points (n, 2) go to."""
        moved = points.astype(np.float64) @ self.affine[:, :2].T + self.affine[:, 2]
        return moved + self._bent(moved)

    def back(self, points: NDArray[Scalar]) -> FloatArray:
        """The points (n, 2), px, that go to places (n, 2): the inverse of ``to``.

        The bend does not change how far to the side a point lies, so it is taken off exactly.
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
    """Map (2, 3), px, that acts on a face's axes about a point.

    middle: (2,) px. right: (2,) unit vector; down is a quarter turn on from it. matrix: (2, 2), on
    coordinates to the right and down. shift: (2,) px, right and down.
    """
    axes = np.column_stack([right, [-right[1], right[0]]])
    linear = axes @ matrix @ axes.T
    return np.column_stack([linear, middle - linear @ middle + axes @ shift])


def straight(affine: FloatArray) -> PartMap:
    """The affine map (2, 3) without a bend."""
    return PartMap(affine, np.zeros(3), np.zeros(2))
