"""Pixels of any Pillow colour mode to 8-bit sRGB."""

import io
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from headwater.errors import ItemRejected
from headwater.reject_reasons import RejectReason

# Level behind transparent pixels: mid grey, which makes neither a bright nor a dark outline.
BACKGROUND: Final = 128

# Converted at a time: the steps between keep several copies of what they convert.
BAND_PIXELS: Final = 2**22

_CMS_MODES: Final = ("L", "RGB", "CMYK")


def srgb_of(image: Image.Image) -> NDArray[np.uint8]:
    """Loaded image of any mode as (H, W, 3) uint8 sRGB, transparency over ``BACKGROUND``.

    Raises ``ItemRejected`` (unsupported_pixels) for values that are not finite or have no known
    range.
    """
    width, height = image.size
    rows = max(1, BAND_PIXELS // width)
    if rows >= height:
        return _band_srgb(image)
    rgb = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        rgb[top:bottom] = _band_srgb(image.crop((0, top, width, bottom)))
    return rgb


def _band_srgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I") or image.mode == "F":
        grey = _scaled_grey(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode == "LAB":
        return np.asarray(ImageCms.applyTransform(image, _from_lab()))
    colour, alpha = _colour_and_alpha(image)
    rgb = np.asarray(_managed(colour, image.info.get("icc_profile")))
    return rgb if alpha is None else _over_background(rgb, alpha)


def is_srgb(image: Image.Image) -> bool:
    """True when the image's own 8-bit pixels are those of ``srgb_of``."""
    return (
        image.mode == "RGB"
        and "transparency" not in image.info
        and _transform(image, image.info.get("icc_profile")) is None
    )


def _managed(image: Image.Image, profile: bytes | None) -> Image.Image:
    """L, RGB or CMYK image as sRGB, by its ICC profile where it has one that can be used."""
    if transform := _transform(image, profile):
        return ImageCms.applyTransform(image, transform) or image
    # Pillow copies what is RGB already.
    return image if image.mode == "RGB" else image.convert("RGB")


def _transform(image: Image.Image, profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """Transform from ``profile`` to sRGB; None for no usable profile, or if it is sRGB already."""
    if not profile:
        return None
    try:
        return _from_profile(profile, image.mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # a broken profile, or one for another mode


@lru_cache(maxsize=32)
def _from_profile(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Transform from ``profile`` to sRGB; None if it is sRGB already."""
    source = ImageCms.getOpenProfile(io.BytesIO(profile))
    if mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(source):
        return None
    return _to_srgb(source, mode)


@cache
def _from_lab() -> ImageCms.ImageCmsTransform:
    return _to_srgb(ImageCms.createProfile("LAB"), "LAB")


def _to_srgb(source: Any, mode: str) -> ImageCms.ImageCmsTransform:
    srgb = ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    return ImageCms.buildTransform(source, srgb, mode, "RGB", intent, flags)


def _scaled_grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W) integers of 16 bits, or floats in [0, 1], as uint8 over the full range."""
    if not np.isfinite(values).all():
        raise ItemRejected(
            RejectReason.UNSUPPORTED_PIXELS, "The image has pixels that are not finite numbers."
        )
    low, high = values.min(), values.max()
    white = 1.0 if values.dtype.kind == "f" else 65535.0
    if low < 0 or high > white:
        raise ItemRejected(
            RejectReason.UNSUPPORTED_PIXELS,
            f"Pixel values from {low} to {high} have no known white; save it with 8 or 16 bits.",
        )
    scaled: NDArray[np.uint8] = np.rint(values.astype(np.float32) * (255.0 / white)).astype(
        np.uint8
    )
    return scaled


def _colour_and_alpha(image: Image.Image) -> tuple[Image.Image, NDArray[np.uint8] | None]:
    """The image in a mode that colour management knows, and its alpha (H, W), if it has one."""
    if image.mode in ("LA", "La"):
        grey = image.convert("LA")
        return grey.getchannel("L"), np.asarray(grey.getchannel("A"))
    if "transparency" in image.info or image.mode in ("RGBA", "PA", "RGBa"):
        rgba = image.convert("RGBA")
        return rgba.convert("RGB"), np.asarray(rgba.getchannel("A"))
    return (image if image.mode in _CMS_MODES else image.convert("RGB")), None


def _over_background(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    weight = alpha[:, :, None].astype(np.uint16)
    mixed = rgb.astype(np.uint16) * weight + np.uint16(BACKGROUND) * (255 - weight)
    over: NDArray[np.uint8] = ((mixed + 127) // 255).astype(np.uint8)
    return over
