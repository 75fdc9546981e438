"""Images inside tables: PNG bytes in the Hugging Face Image convention."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headwater.errors import HeadwaterError

MAX_PIXELS = 64_000_000
# zlib's run-length strategy: smaller than its default on rendered and photographed pixels, faster.
_RUN_LENGTHS = 3


def encode_png(array: NDArray[Any], name: str) -> dict[str, Any]:
    """An image column's value: (H, W, 3) or (H, W) uint8, bool (as 0/255) or (H, W) uint16."""
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    if array.dtype not in (np.uint8, np.uint16):
        raise HeadwaterError(f"{name}: images are uint8, uint16 or bool, not {array.dtype}")
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(
        buffer, "PNG", compress_level=1, compress_type=_RUN_LENGTHS
    )
    return {"bytes": buffer.getvalue(), "path": f"{name}.png"}


def decode_png(value: dict[str, Any]) -> NDArray[Any]:
    """The array of an image column's value; uint8, or uint16 for 16-bit PNG."""
    with Image.open(io.BytesIO(value["bytes"]), formats=["PNG"]) as image:
        if image.width * image.height > MAX_PIXELS:
            raise HeadwaterError(f"{value['path']}: {image.width} x {image.height} is too large")
        array = np.array(image)
    return array.astype(np.uint16) if array.dtype == np.int32 else array
