"""Outlines of the parts between landmarks, which the trained parser sees beside the picture.

They tell it where the parts are and which side is left. They do not show hair, glasses and hats
before the face, nor the exact borders of skin, eyes, brows and lips.
"""

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.faces.parts import fill_polygon
from headwater.faces.vocabulary import PART_OUTLINES

# Number of outlines, each in a map of its own: of the parts and of the open mouth's inside.
OUTLINES: Final = len(PART_OUTLINES)


def outline_maps(landmarks: NDArray[np.floating[Any]], side: int) -> Tensor:
    """Maps (n, ``OUTLINES``, side, side) of landmarks (n, 478, 2), finite, px of these maps.

    0.5 inside an outline, -0.5 outside, and between them on its edge.
    """
    maps = np.zeros((len(landmarks), OUTLINES, side, side), np.uint8)
    for drawn, points in zip(maps, landmarks, strict=True):
        for one, (_, loop) in zip(drawn, PART_OUTLINES, strict=True):
            fill_polygon(one, points[list(loop), :2], 255, smooth=True)
    return torch.from_numpy(maps).float() / 255 - 0.5
