"""Landmarks drawn over a picture as SVG."""

from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray


def points_path(points: NDArray[np.floating[Any]]) -> str:
    """SVG path data of dots (drawn by round line caps) at points (n, 2) px."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points if np.isfinite((x, y)).all())


def landmarks_layer(few: NDArray[np.float32] | None, many: NDArray[np.float32] | None) -> Markup:
    """The 478 points as fine dots and the 68 as larger ones."""
    dots = Markup("")
    for name, points in (("many", many), ("few", few)):
        if points is not None:
            dots += Markup('<path class="{}" d="{}"/>').format(name, points_path(points))
    return Markup('<g class="layer landmarks">{}</g>').format(dots)
