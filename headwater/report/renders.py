"""Colours of error heat maps."""

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

HEAT_LIMIT_MM = 5.0
HEAT_COLOURS = "YlOrRd"


def heat_colours(
    distance: NDArray[np.floating], limit_mm: float = HEAT_LIMIT_MM
) -> NDArray[np.float64]:
    """Colours (V, 3) sRGB in 0..1, of distances (V,) mm, from 0 to ``limit_mm``."""
    colours = mpl.colormaps[HEAT_COLOURS](np.clip(distance / limit_mm, 0, 1))
    return np.asarray(colours[:, :3], np.float64)


def heat_gradient() -> str:
    """Nine CSS colour stops of the heat map's colour bar."""
    colours = heat_colours(np.linspace(0, HEAT_LIMIT_MM, 9)) * 255
    return ", ".join(f"rgb({r:.0f} {g:.0f} {b:.0f})" for r, g, b in colours)
