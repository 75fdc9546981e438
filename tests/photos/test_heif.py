"""HEIC and HEIF, as phones write them: the primary image, upright, in sRGB, read apart.

The files in ``heif/`` show ``picture(48, 72)``; pillow-heif 1.8 wrote them without loss.
"""

import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from headwater.errors import ItemRejected
from headwater.photos.colour import BACKGROUND
from headwater.photos.decode import decode_photo
from headwater.photos.pixels import CostlyError, decode_pixels
from headwater.reject_reasons import RejectReason
from tests.photos.test_decode import Pixels, picture, refused

FOLDER = Path(__file__).parent / "heif"
RGB = picture(48, 72)
OVER_GREY = np.where(np.arange(72)[None, :, None] >= 36, RGB, np.uint8(BACKGROUND))


def heif(name: str) -> bytes:
    return (FOLDER / f"{name}.heic").read_bytes()


@pytest.mark.parametrize(
    ("name", "expected", "mode"),
    [
        ("upright", RGB, "RGB"),
        ("turned", np.rot90(RGB, -1), "RGB"),
        ("second_is_primary", RGB, "RGB"),
        ("ten_bits", RGB, "RGB"),
        ("transparent", OVER_GREY, "RGBA"),
    ],
)
def test_the_primary_image_comes_upright(name: str, expected: Pixels, mode: str) -> None:
    """Turned once, though file and EXIF block both say that it lies on its side."""
    photo = decode_photo(heif(name))
    assert np.abs(photo.rgb.astype(int) - expected).max() <= 2
    assert (photo.height, photo.width) == expected.shape[:2]
    assert (photo.source_format, photo.source_mode, photo.as_coded) == ("HEIF", mode, False)


def test_its_profile_is_converted_to_srgb() -> None:
    """Red and green of that profile are each other's."""
    photo = decode_photo(heif("swapped_profile")).rgb.astype(int)
    assert np.abs(photo - RGB[:, :, [1, 0, 2]]).max() <= 4


def test_it_is_shrunk_and_its_full_size_is_kept() -> None:
    photo = decode_photo(heif("turned"), max_side_px=36)
    assert photo.rgb.shape == (36, 24, 3)
    assert (photo.height, photo.width) == (72, 48)


def test_the_limit_of_pixels_holds_before_any_is_decoded() -> None:
    problem = refused(heif("upright"), max_pixels=72 * 48 - 1)
    assert problem.reason == RejectReason.TOO_MANY_PIXELS
    assert "72 x 48 pixels" in problem.message
    assert decode_photo(heif("upright"), max_pixels=72 * 48).width == 72


def test_its_decoder_never_runs_in_this_process() -> None:
    with pytest.raises(CostlyError):
        decode_pixels(heif("upright"), 10**6, None, ordinary_only=True)
    assert "pi_heif" not in sys.modules


def _larger(data: bytes) -> bytes:
    """The file with its sizes 20,000 times 20,000."""
    at = data.index(b"ispe") + 8
    larger = data[:at] + struct.pack(">II", 20_000, 20_000) + data[at + 8 :]
    return larger.replace(b"clap", b"free")


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_a_header_that_claims_too_much_is_refused() -> None:
    assert refused(_larger(heif("upright"))).reason == RejectReason.TOO_MANY_PIXELS
    costly = refused(_larger(heif("upright")), max_pixels=400_000_000)
    assert costly.reason in (RejectReason.TOO_EXPENSIVE, RejectReason.BROKEN_IMAGE)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:12],
        lambda data: data[:40],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:400] + bytes(200) + data[600:],
        lambda data: data[:1500] + b"\xff" * 1000 + data[2500:],
        lambda data: data.replace(b"hvcC", b"hvcX"),
        lambda data: data.replace(b"pitm", b"free"),
        lambda data: data[:8] + b"heic" + b"\0" * 1000,
    ],
)
def test_damaged_files_are_decoded_or_refused(damage: Callable[[bytes], bytes]) -> None:
    data = damage(heif("upright"))
    with suppress(ItemRejected):
        assert decode_photo(data).rgb.shape == RGB.shape
        return
    problem = refused(data)
    assert problem.reason in (RejectReason.BROKEN_IMAGE, RejectReason.TRUNCATED)
    assert "HEIF" in problem.message


def test_raw_images_in_the_same_container_stay_refused_by_name() -> None:
    raw = b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom" + bytes(64)
    problem = refused(raw)
    assert problem.reason == RejectReason.UNSUPPORTED_FORMAT
    assert "Canon raw" in problem.message
