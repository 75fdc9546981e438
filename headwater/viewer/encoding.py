"""Pictures and arrays as text inside a page."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def shrunk(picture: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """The picture (H, W[, C]) at most ``width`` px wide; never enlarged."""
    if picture.shape[1] <= width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    image = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image)


def data_uri(picture: NDArray[np.uint8], width: int, quality: int = 80) -> str:
    """WebP data URI of a picture (H, W), (H, W, 3) or (H, W, 4), at most ``width`` px wide."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shrunk(picture, width))).save(
        buffer, "WEBP", quality=quality, method=4
    )
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def packed(array: NDArray[Any], kind: str) -> str:
    """The array's numbers as base64, in the NumPy format ``kind``."""
    return base64.b64encode(np.ascontiguousarray(array.astype(kind)).tobytes()).decode()
