"""Picture of a head in the colours of its parts."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import Part
from headwater.rendering.calibrate_landmarks import view_camera
from headwater.rendering.plain import CLAY, render_mesh

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

YAWS: Final = (-40.0, 0.0, 40.0)
PICTURE_PX: Final = 360
PAPER: Final = 250
PART_COLOURS: Final = {
    Part.NONE: CLAY,
    Part.LEFT_EYE: (0.16, 0.35, 0.86),
    Part.RIGHT_EYE: (0.35, 0.67, 1.0),
    Part.LEFT_BROW: (0.78, 0.47, 0.0),
    Part.RIGHT_BROW: (1.0, 0.75, 0.24),
    Part.NOSE: (0.16, 0.63, 0.24),
    Part.UPPER_LIP: (0.9, 0.35, 0.59),
    Part.LOWER_LIP: (0.75, 0.12, 0.24),
    Part.SKIN: (0.98, 0.85, 0.74),
}


def parts_picture(
    vertices: FloatArray, faces: IntArray, labels: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Picture (h, w, 3) of a mesh (V, 3) mm, (F, 3) with part ids (V,), from three sides."""
    colours = np.array([PART_COLOURS[part] for part in Part])[labels]
    views = []
    for yaw in YAWS:
        drawn = render_mesh(vertices, faces, view_camera(yaw, 0.0, PICTURE_PX), colours)
        alpha = drawn[..., 3:] / 255.0
        views.append(np.round(drawn[..., :3] * alpha + PAPER * (1.0 - alpha)).astype(np.uint8))
    return np.concatenate(views, axis=1)
