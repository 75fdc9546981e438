"""Decode a photo, whatever its format, to upright 8-bit sRGB; refuse what cannot be trusted.

An ordinary image is decoded here. One that may cost much, by its header or the size of its file, is
decoded by ``headwater.photos.decode_apart`` in a process of its own, within bounds of memory and
time.
"""

import json
from typing import Final

import numpy as np

from headwater.apart import CPU_SECONDS, CrashedError, EndedError, OutOfTimeError, run_apart
from headwater.errors import ItemRejected
from headwater.photos import decode_apart
from headwater.photos.cost import LARGE_FILE_BYTES
from headwater.photos.pixels import CostlyError, DecodedPhoto, decode_pixels
from headwater.reject_reasons import RejectReason

# The limit in params.yaml as it is delivered.
USUAL_MAX_PIXELS: Final = 100_000_000


def decode_photo(
    data: bytes, max_pixels: int = USUAL_MAX_PIXELS, max_side_px: int | None = None
) -> DecodedPhoto:
    """Decode the bytes of an image file to upright sRGB, its longer side at most ``max_side_px``.

    Raises ``ItemRejected`` with one of ``RejectReason``'s decoding reasons.
    """
    if not data:
        raise ItemRejected(RejectReason.EMPTY_FILE, "The file has zero bytes.")
    if len(data) <= LARGE_FILE_BYTES:
        try:
            return decode_pixels(data, max_pixels, max_side_px, ordinary_only=True)
        except (CostlyError, MemoryError):
            # Too little memory here and now says nothing of the image: its bounds decide.
            pass
    return _decode_apart(data, max_pixels, max_side_px)


def _decode_apart(data: bytes, max_pixels: int, max_side_px: int | None) -> DecodedPhoto:
    try:
        answer = run_apart(decode_apart.__name__, (str(max_pixels), str(max_side_px or 0)), data)
    except OutOfTimeError as error:
        message = f"Decoding the image takes more than {CPU_SECONDS} s of processor time."
        raise ItemRejected(RejectReason.OUT_OF_TIME, message) from error
    except CrashedError as error:
        message = "The image crashes the program that decodes it."
        raise ItemRejected(RejectReason.BROKEN_IMAGE, message) from error
    except EndedError as error:
        message = "Decoding the image was ended from outside; run again."
        raise ItemRejected(RejectReason.UNREADABLE_FILE, message) from error
    start = answer.index(b"\n") + 1
    about = json.loads(answer[:start])
    if "reason" in about:
        raise ItemRejected(RejectReason(about["reason"]), about["message"])
    rgb = np.frombuffer(answer, np.uint8, offset=start).reshape(about.pop("shape")).copy()
    return DecodedPhoto(rgb, **about)
