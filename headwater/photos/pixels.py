"""An image file's bytes, whatever their format, as upright 8-bit sRGB pixels; or why not.

Policies: the content decides the format, not the name. The first frame of an animation is taken.
Transparent pixels show ``BACKGROUND``. Colour profiles are converted to sRGB; a profile or EXIF
block that cannot be read is ignored. 16-bit values are scaled over their full range.
"""

import io
import logging
import re
import warnings
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from headwater.apart import MEMORY_BYTES
from headwater.artifacts.images import MAX_PIXELS
from headwater.errors import READER_ERRORS, ItemRejected
from headwater.photos import heif_adapter
from headwater.photos.colour import is_srgb, srgb_of
from headwater.photos.cost import (
    MAX_EXIF_SEGMENTS,
    MAX_SCANS,
    ORDINARY_BYTES,
    decoding_bytes,
    reduce_scale,
)
from headwater.photos.jpeg import exif_count, scan_count
from headwater.reject_reasons import RejectReason

# Pillow's log messages about damaged files stay off the console: the reject's reason is enough.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# Pillow refuses twice its own limit; below it the caller's limit is the one that counts.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

# No PSD, EPS, WMF, FITS and the like: rarely photos, and their readers are the least tried ones.
FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")
HEIF_FORMATS: Final = (heif_adapter.FORMAT,)

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


_TRUNCATED: Final = re.compile("truncated|end of file", re.IGNORECASE)


class CostlyError(Exception):
    """Decoding the image here would take more than an ordinary one does."""


@dataclass(frozen=True)
class DecodedPhoto:
    """An upright photo.

    rgb: (h, w, 3) uint8 sRGB, the whole photo, perhaps smaller. width, height: its full size, px.
    source_format: of the content, such as "JPEG". source_mode: Pillow's name of the colour mode
    before conversion, such as "CMYK". as_coded: whether the file is a JPEG that needed nothing but
    decoding: upright sRGB of this size already.
    """

    rgb: NDArray[np.uint8]
    width: int
    height: int
    source_format: str
    source_mode: str
    as_coded: bool


class _About(NamedTuple):
    """Header of a decoded image: format, mode, size and orientation."""

    format: str
    mode: str
    full_size: tuple[int, int]
    orientation: int
    is_upright_srgb_jpeg: bool


def decode_pixels(
    data: bytes, max_pixels: int, max_side_px: int | None, *, ordinary_only: bool
) -> DecodedPhoto:
    """Decode the bytes of an image file; its longer side becomes at most ``max_side_px``.

    The size and the cost in the header are checked before memory for pixels is taken. Raises
    ItemRejected with one of the decoding reasons; CostlyError for what is more than ordinary.
    """
    # Pillow warns about damaged metadata, which is ignored here, and about sizes, checked below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rgb, about = _loaded(data, max_pixels, max_side_px, ordinary_only)
    rgb = shrink(_turn_upright(rgb, about.orientation), max_side_px)
    width, height = about.full_size if about.orientation < 5 else about.full_size[::-1]
    as_coded = about.is_upright_srgb_jpeg and rgb.shape[:2] == (height, width)
    return DecodedPhoto(rgb, width, height, about.format, about.mode, as_coded)


def shrink(rgb: NDArray[np.uint8], max_side_px: int | None) -> NDArray[np.uint8]:
    """The photo (H, W, 3) with its longer side at most ``max_side_px``, if that is a number."""
    height, width = rgb.shape[:2]
    if max_side_px is None:
        return rgb
    scale = max_side_px / max(width, height)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def _loaded(
    data: bytes, max_pixels: int, max_side_px: int | None, ordinary_only: bool
) -> tuple[NDArray[np.uint8], _About]:
    """The image as it lies in the file, in sRGB; Pillow's own pixels are let go."""
    if heif_adapter.is_heif(data):
        if ordinary_only:
            raise CostlyError
        heif_adapter.register()
    with _open(data, max_pixels) as image:
        mode, full_size = image.mode, image.size
        _bound_cost(image, data, max_side_px, ordinary_only)
        is_whole = image.size == full_size
        try:
            image.load()
        except MemoryError:
            raise
        except READER_ERRORS as error:
            raise _refusal(error, str(image.format), max_pixels) from error
        if is_whole:
            full_size = image.size  # turned, where the reader applies the orientation itself
        orientation = _orientation(image)
        as_it_is = image.format == "JPEG" and orientation == 1 and is_srgb(image)
        about = _About(str(image.format), mode, full_size, orientation, as_it_is)
        return srgb_of(image), about


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Read the header only."""
    if exif_count(data) > MAX_EXIF_SEGMENTS:
        raise ItemRejected(
            RejectReason.TOO_EXPENSIVE,
            f"The JPEG file has more than {MAX_EXIF_SEGMENTS} EXIF segments.",
        )
    try:
        formats = HEIF_FORMATS if heif_adapter.is_heif(data) else FORMATS
        image = Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        raise _refusal(error, "image", max_pixels) from error
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except MemoryError:
        raise
    except READER_ERRORS as error:
        raise _refusal(error, _format_by_signature(data) or "image", max_pixels) from error
    width, height = image.size
    if width * height > max_pixels:
        image.close()
        raise ItemRejected(
            RejectReason.TOO_MANY_PIXELS,
            f"The image claims {width} x {height} pixels; the limit is {max_pixels}.",
        )
    if width < 1 or height < 1:
        image.close()
        raise ItemRejected(RejectReason.BROKEN_IMAGE, "The image has no pixels.")
    return image


def _bound_cost(
    image: Image.Image, data: bytes, max_side_px: int | None, ordinary_only: bool
) -> None:
    """Refuse what costs too much; what costs more than ordinary is set to a smaller scale."""
    if image.format == "JPEG" and scan_count(data) > MAX_SCANS:
        raise ItemRejected(
            RejectReason.TOO_EXPENSIVE,
            f"The JPEG file walks over its pixels more than {MAX_SCANS} times.",
        )
    full_size = image.size
    if decoding_bytes(image, full_size) <= ORDINARY_BYTES:
        return
    if ordinary_only:
        raise CostlyError
    if max_side_px is not None:
        reduce_scale(image, max_side_px)
    if (needed := decoding_bytes(image, full_size)) > MEMORY_BYTES:
        raise too_large(f"takes about {needed / 2**30:.1f} GiB")


def too_large(what: str) -> ItemRejected:
    """The refusal of an image whose decoding needs too much memory."""
    return ItemRejected(
        RejectReason.TOO_EXPENSIVE,
        f"Decoding the image {what} of memory; the limit is {MEMORY_BYTES / 2**30:g} GiB.",
    )


def _refusal(error: Exception, format_name: str, max_pixels: int) -> ItemRejected:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, Image.DecompressionBombError):
        # Pillow's own limit, in its text, is above every one of the caller.
        return ItemRejected(
            RejectReason.TOO_MANY_PIXELS,
            f"The image claims more pixels than the limit of {max_pixels}.",
        )
    if "out of memory" in text:
        return too_large("takes more than a share")
    if "too large" in text or "MAX_TEXT" in text:
        return ItemRejected(
            RejectReason.DECOMPRESSION_BOMB,
            f"The {format_name} file hides data that unpacks to far more than an image: {text}.",
        )
    if _TRUNCATED.search(text) or isinstance(error, EOFError):
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
    if heif_adapter.is_heif(data):
        return heif_adapter.FORMAT
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
    except MemoryError:
        raise
    except READER_ERRORS:
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
