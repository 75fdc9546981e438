"""Orientation of surfaces: which of their two sides is the outer one."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import HeadwaterError

# Signed volume of a surface, as a share of its bounding box's, below which it is inside out; heads
# with open necks and eyes have 0.1 and more.
INSIDE_OUT: Final = -0.02


def check_outside(vertices: NDArray[Any], faces: NDArray[Any], name: str) -> None:
    """Raise HeadwaterError when a surface is turned inside out, by its signed volume.

    faces (F, 3) should go counter-clockwise where one sees them from outside. Surfaces may be
    open: the volume is that of the pyramids from their middle.
    """
    used = np.asarray(vertices, np.float64)[np.unique(faces)]
    box = float(np.prod(np.ptp(used, axis=0)))
    corners = np.asarray(vertices, np.float64)[faces] - used.mean(axis=0)
    first, second, third = corners.transpose(1, 0, 2)
    volume = float(np.einsum("fi,fi->", first, np.cross(second, third))) / 6
    if volume < INSIDE_OUT * box:
        raise HeadwaterError(
            f"{name}: the mesh is turned inside out; reverse the order of every face's corners"
        )
