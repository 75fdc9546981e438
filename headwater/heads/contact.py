"""Contact of the lips: an expression that lets a drawn head close its mouth unless it opens it.

Shapes of a head model part the lips by up to 6 mm, and small amounts of every expression unit add
to that. People's mouths at rest are closed, so the unit that closes the lips is given the rest.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import LOWER_LIP_TOP, UPPER_LIP_BOTTOM
from headwater.heads.model import FloatArray, HeadModel, SurfacePoints

CLOSING, OPENING = "mouthClose", "jawOpen"
# Lips that an expression parts by less are closed.
LEAST_OPENING_MM: Final = 1.5
# The middle three pairs of the inner lips, from above and from below.
_UPPER: Final = list(UPPER_LIP_BOTTOM[4:7])
_LOWER: Final = list(LOWER_LIP_TOP[4:7])


@dataclass(frozen=True)
class LipContact:
    """Heights of the upper above the lower lip of a head model in the middle of the mouth.

    Of three pairs of points, mm; negative where the lips overlap. resting: (3,) of the mean head.
    by_shape (3, S) and by_expression (3, E): per unit coefficient. closing, opening: numbers of the
    expression units that part the lips less and more.
    """

    resting: NDArray[np.float64]
    by_shape: NDArray[np.float64]
    by_expression: NDArray[np.float64]
    closing: int
    opening: int

    def parted_mm(self, shape: FloatArray, expression: FloatArray) -> NDArray[np.float64]:
        """Heights (3,) by which the lips of a head are parted, mm."""
        heights: NDArray[np.float64] = (
            self.resting + self.by_shape @ shape + self.by_expression @ expression
        )
        return heights

    def closed(self, shape: FloatArray, expression: FloatArray) -> FloatArray:
        """The expression (E,) with lips as far apart as it opens them itself, else in contact.

        The lips touch at one of the pairs and overlap at none.
        """
        opened = self.by_expression @ expression
        wanted = opened if opened.mean() >= LEAST_OPENING_MM else np.zeros_like(opened)
        missing = wanted - self.parted_mm(shape, expression)
        if missing.max() > 0:
            unit, amount = self.opening, (missing / self.by_expression[:, self.opening]).max()
        else:
            unit, amount = self.closing, (missing / self.by_expression[:, self.closing]).min()
        changed = expression.astype(np.float64)
        changed[unit] = np.clip(changed[unit] + amount, 0.0, 1.0)
        return changed.astype(np.float32)


def lip_contact(model: HeadModel) -> LipContact | None:
    """The lips of a head model; None where it has no units that close and open them."""
    names = model.expression_names
    if CLOSING not in names or OPENING not in names:
        return None
    points, bases = model.landmarks_478, (model.mean[None], model.shape_basis)
    resting, by_shape = (_heights(points, basis) for basis in bases)
    by_expression = _heights(points, model.expression_basis)
    closing, opening = names.index(CLOSING), names.index(OPENING)
    if by_expression[:, closing].max() >= 0 or by_expression[:, opening].min() <= 0:
        return None
    return LipContact(resting[:, 0], by_shape, by_expression, closing, opening)


def height_shares(points: SurfacePoints, vertices: int) -> FloatArray:
    """Share (V,) of each vertex's y in the mean height of the upper above the lower lip.

    points: the 478 landmarks. Over the three middle pairs, in the unit of y.
    """
    shares = np.zeros(vertices, np.float32)
    for rows, sign in ((_UPPER, 1), (_LOWER, -1)):
        np.add.at(shares, points.triangles[rows], sign * points.weights[rows] / len(rows))
    return shares


def _heights(points: SurfacePoints, bases: FloatArray) -> NDArray[np.float64]:
    """Heights (3, n) of the upper above the lower lip in each of (n, V, 3), mm."""
    y = bases[:, :, 1].astype(np.float64)
    above, below = (
        (y[:, points.triangles[rows]] * points.weights[rows]).sum(axis=2)
        for rows in (_UPPER, _LOWER)
    )
    return np.asarray((above - below).T)
