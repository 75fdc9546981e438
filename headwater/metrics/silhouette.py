"""Silhouettes of meshes as images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw


def silhouette(
    pixels: NDArray[np.floating[Any]], faces: NDArray[np.integer[Any]], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Pixels (H, W) that triangles (F, 3) of projected vertices (V, 2) px cover; size: (W, H).

    Pixel centres are at +0.5, so a triangle's corner at (0.5, 0.5) is the middle of the first.
    """
    image = Image.new("1", size)
    draw = ImageDraw.Draw(image)
    for corners in (np.asarray(pixels)[faces] - 0.5).reshape(len(faces), 6).tolist():
        draw.polygon(corners, fill=1)
    return np.asarray(image)
