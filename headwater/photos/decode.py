"""Decode a photo, whatever its format, to upright 8-bit sRGB; refuse what cannot be trusted.

Policies: the content decides the format, not the name. The first frame of an animation is taken.
Transparent pixels show ``BACKGROUND``. Colour profiles are converted to sRGB; a profile or EXIF
block that cannot be read is ignored. 16-bit values are scaled over their full range.
"""

import io
import logging
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from headwater.errors import ItemRejected
from headwater.photos.colour import is_srgb, srgb_of
from headwater.reject_reasons import RejectReason

# What Pillow logs about damaged files would reach the console; the reason says it instead.
logging.getLogger("PIL").addHandler(logging.NullHandler())

MAX_PIXELS: Final = 64_000_000

# No PSD, EPS, WMF, FITS and the like: rarely photos, and their readers are the least tried ones.
FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")

# What Pillow's readers raise on damaged or hostile bytes.
_READER_ERRORS = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError),
    *(ArithmeticError, AssertionError, RuntimeError, MemoryError, struct.error, zlib.error),
)

_SIGNATURES: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n", "PNG"),
    (0, b"GIF8", "GIF"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (8, b"WEBP", "WEBP"),
)

_KNOWN_UNREAD: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x93NUMPY", "a NumPy array"),
    (4, b"ftyphei", "a HEIC image"),
    (4, b"ftyphev", "a HEIC image"),
    (4, b"ftypmif1", "a HEIF image"),
    (4, b"ftypmsf1", "a HEIF image"),
    (4, b"ftypcrx", "a Canon raw image"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF file"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"v/1\x01", "an OpenEXR image"),
    (0, b"#?RADIANCE", "a Radiance image"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (0, b"qoif", "a QOI image"),
)


@dataclass(frozen=True)
class DecodedPhoto:
    """An upright photo.

    rgb: (height, width, 3) uint8 sRGB. source_format: of the content, such as "JPEG".
    source_mode: Pillow's name of the colour mode before conversion, such as "CMYK".
    frames: pictures in the file (above 1 for animations and multi-page files).
    as_coded: whether the file is a JPEG that needed nothing but decoding: upright sRGB already.
    """

    rgb: NDArray[np.uint8]
    width: int
    height: int
    source_format: str
    source_mode: str
    frames: int
    as_coded: bool


def decode_photo(data: bytes, max_pixels: int = MAX_PIXELS) -> DecodedPhoto:
    """Decode the bytes of an image file to upright sRGB.

    Raises ``ItemRejected`` with one of ``RejectReason``'s decoding reasons. The size in the header
    is checked against ``max_pixels`` before memory for pixels is taken.
    """
    if not data:
        raise ItemRejected(RejectReason.EMPTY_FILE, "The file has zero bytes.")
    # Pillow warns about damaged metadata, which is ignored here, and about sizes, checked below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _open(data, max_pixels) as image:
            mode = image.mode
            try:
                image.load()
            except _READER_ERRORS as error:
                raise _refusal(error, str(image.format)) from error
            orientation = _orientation(image)
            rgb = _turn_upright(srgb_of(image), orientation)
            frames = _frame_count(image)
            source_format = str(image.format)
            as_coded = source_format == "JPEG" and orientation == 1 and is_srgb(image)
    height, width = rgb.shape[:2]
    return DecodedPhoto(rgb, width, height, source_format, mode, frames, as_coded)


def shrink(rgb: NDArray[np.uint8], max_side_px: int) -> NDArray[np.uint8]:
    """The photo (H, W, 3) with its longer side at most ``max_side_px``."""
    height, width = rgb.shape[:2]
    scale = max_side_px / max(width, height)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Read the header only."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ItemRejected(
            RejectReason.TOO_MANY_PIXELS, f"{error} The limit here is {max_pixels} pixels."
        ) from error
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except _READER_ERRORS as error:
        raise _refusal(error, _format_by_signature(data) or "image") from error
    width, height = image.size
    if width * height > max_pixels:
        image.close()
        raise ItemRejected(
            RejectReason.TOO_MANY_PIXELS,
            f"The image claims {width} x {height} pixels; the limit is {max_pixels} pixels.",
        )
    if width < 1 or height < 1:
        image.close()
        raise ItemRejected(RejectReason.BROKEN_IMAGE, "The image has no pixels.")
    return image


def _refusal(error: Exception, format_name: str) -> ItemRejected:
    text = str(error) or type(error).__name__
    if isinstance(error, Image.DecompressionBombError):
        return ItemRejected(RejectReason.TOO_MANY_PIXELS, f"{text}")
    if "too large" in text or "MAX_TEXT" in text:
        return ItemRejected(
            RejectReason.DECOMPRESSION_BOMB,
            f"The {format_name} file hides data that unpacks to far more than an image: {text}.",
        )
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return ItemRejected(
            RejectReason.TRUNCATED, f"The {format_name} file ends before its image does: {text}."
        )
    return ItemRejected(
        RejectReason.BROKEN_IMAGE, f"The {format_name} file cannot be decoded: {text}."
    )


def _unidentified(data: bytes) -> ItemRejected:
    for offset, signature, what in _KNOWN_UNREAD:
        if data[offset : offset + len(signature)] == signature:
            return ItemRejected(
                RejectReason.UNSUPPORTED_FORMAT,
                f"The file is {what}, which is not read here; convert it to JPEG or PNG.",
            )
    if format_name := _format_by_signature(data):
        return ItemRejected(
            RejectReason.BROKEN_IMAGE,
            f"The file begins like {format_name} but its header is broken.",
        )
    return ItemRejected(RejectReason.NOT_AN_IMAGE, "The content is not an image of a known format.")


def _format_by_signature(data: bytes) -> str | None:
    for offset, signature, format_name in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return format_name
    return None


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1-8; 1 if there is none or it cannot be read.

    Asked after loading: some readers apply it themselves and then drop the tag.
    """
    try:
        value = image.getexif().get(0x0112, 1)
    except _READER_ERRORS:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turn_upright(rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo EXIF ``orientation`` (TIFF 6.0, tag 274)."""
    if orientation in (5, 6, 7, 8):
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)


def _frame_count(image: Image.Image) -> int:
    """Frames in the file; 1 where later frames are damaged, since only the first is used."""
    try:
        return int(getattr(image, "n_frames", 1))
    except _READER_ERRORS:
        return 1
