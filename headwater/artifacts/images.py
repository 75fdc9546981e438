"""Images inside tables in the Hugging Face Image convention: PNG bytes, for photos also JPEG."""

import io
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headwater.artifacts.png import png_bytes
from headwater.errors import HeadwaterError

# No image of more pixels is read anywhere, and none of a longer side is stored.
MAX_PIXELS = 400_000_000
MAX_SIDE_PX = 8192
PICTURE_FORMATS = ("PNG", "JPEG")


def encode_png(array: NDArray[Any], name: str) -> dict[str, Any]:
    """An image column's value: (H, W, 3) or (H, W) uint8, bool (as 0/255) or (H, W) uint16."""
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    if array.dtype not in (np.uint8, np.uint16):
        raise HeadwaterError(f"{name}: images are uint8, uint16 or bool, not {array.dtype}")
    return {"bytes": png_bytes(array), "path": f"{name}.png"}


def jpeg_with(data: bytes, array: NDArray[np.uint8], name: str) -> dict[str, Any] | None:
    """A photo column's value with JPEG bytes; None if they do not show exactly ``array``."""
    value = {"bytes": data, "path": f"{name}.jpg"}
    try:
        found = decode_picture(value)
    except (OSError, SyntaxError, ValueError):
        return None
    return value if np.array_equal(found, array) else None


def decode_png(value: dict[str, Any]) -> NDArray[Any]:
    """The array of an image column's value; uint8, or uint16 for 16-bit PNG."""
    array = _decode(value, ("PNG",))
    return array.astype(np.uint16) if array.dtype == np.int32 else array


def decode_picture(value: dict[str, Any]) -> NDArray[np.uint8]:
    """The array (H, W, 3) uint8 of a photo column's value, PNG or JPEG."""
    return _decode(value, PICTURE_FORMATS)


def decode_planes(value: dict[str, Any]) -> NDArray[Any]:
    """The array (C, H, W) of a picture column's value, PNG or JPEG: uint8, or int32 for 16-bit PNG.

    It is writeable and its planes lie one after the other, as networks take them. Pillow packs
    colours so in the time in which it packs pixels, which torch would then take apart.
    """
    opened = partial(Image.open, io.BytesIO(value["bytes"]), formats=PICTURE_FORMATS)
    # Of those that are too large ``_decode`` says so.
    with suppress(Image.DecompressionBombError), opened() as image:
        if image.mode == "RGB" and max(image.size) <= MAX_SIDE_PX:
            planes = bytearray().join(image.tobytes("raw", band) for band in image.getbands())
            return np.frombuffer(planes, np.uint8).reshape(-1, image.height, image.width)
    array = _decode(value, PICTURE_FORMATS)
    array = array.astype(np.int32) if array.dtype != np.uint8 else array
    return np.array(array[None] if array.ndim == 2 else array.transpose(2, 0, 1), order="C")


def picture_size(data: bytes, formats: tuple[str, ...]) -> tuple[int, int] | None:
    """Width and height, px, that an image's header gives; None if it has none of the formats."""
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _decode(value: dict[str, Any], formats: tuple[str, ...]) -> NDArray[Any]:
    try:
        with Image.open(io.BytesIO(value["bytes"]), formats=formats) as image:
            if max(image.size) > MAX_SIDE_PX:
                raise HeadwaterError(
                    f"{value['path']}: {image.width} x {image.height} is too large"
                )
            return np.asarray(image)
    except Image.DecompressionBombError as error:
        raise HeadwaterError(
            f"{value['path']}: has a side of more than {MAX_SIDE_PX} px"
        ) from error
