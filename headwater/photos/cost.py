"""The memory that an image will take, by its header."""

from typing import Any, Final

from PIL import Image

# Memory above which an image is decoded in a process of its own, at reduced scale if possible.
ORDINARY_BYTES: Final = 512 * 2**20
LARGE_FILE_BYTES: Final = 32 * 2**20
# Most scans of a JPEG file: each walks over the whole image again; encoders write about ten.
MAX_SCANS: Final = 100
# The decoder copies all former ones to append another; cameras write one.
MAX_EXIF_SEGMENTS: Final = 64

# Pillow's pixels, ours, and what the decoder keeps, measured; per pixel.
_BYTES_PER_PIXEL: Final = {"JPEG2000": 20, "AVIF": 20, "HEIF": 20, "WEBP": 14}
_PLAIN_BYTES: Final = 10
_COEFFICIENT_BYTES: Final = 6
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def decoding_bytes(image: Image.Image, full_size: tuple[int, int]) -> int:
    """Memory, bytes, that decoding an opened image takes at the scale it is set to.

    full_size: width and height that its header gives, px.
    """
    width, height = image.size
    pixels = max(width * height, _tile_pixels(image))
    cost = _BYTES_PER_PIXEL.get(str(image.format), _PLAIN_BYTES) * pixels
    if image.format == "JPEG" and image.info.get("progressive"):
        # It keeps the coefficients of its whole size, at any scale.
        cost += _COEFFICIENT_BYTES * full_size[0] * full_size[1]
    return cost


def reduce_scale(image: Image.Image, max_side_px: int) -> None:
    """Set a JPEG to be decoded at the least of 1/1, 1/2, 1/4, 1/8 not below ``max_side_px``."""
    if image.format == "JPEG":
        scale = max_side_px / max(image.size)
        width, height = image.size
        image.draft(None, (max(1, int(width * scale)), max(1, int(height * scale))))


def _tile_pixels(image: Image.Image) -> int:
    """Pixels of a TIFF's tile, which may be larger than the image."""
    tags: Any = getattr(image, "tag_v2", {})
    sides = [tags.get(tag, 0) for tag in (_TILE_WIDTH, _TILE_LENGTH)]
    return sides[0] * sides[1] if all(isinstance(side, int) for side in sides) else 0
