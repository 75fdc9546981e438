"""Pixels of photos against slow references: turning, shrinking, transparency, depth of colour."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from headwater.errors import ItemRejected
from headwater.photos.colour import BACKGROUND, BAND_PIXELS, is_srgb, srgb_of
from headwater.photos.cost import ORDINARY_BYTES, decoding_bytes, reduce_scale
from headwater.photos.jpeg import MAX_SEGMENTS, scan_count, without_metadata
from headwater.photos.pixels import FORMATS, CostlyError, decode_pixels, shrink
from headwater.reject_reasons import RejectReason

SEEDS = st.integers(0, 2**31)
SIDES = st.integers(1, 24)
LIMIT = 1_000_000


def noise(seed: int, height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def decoded(data: bytes, max_side_px: int | None = None) -> np.ndarray:
    return decode_pixels(data, LIMIT, max_side_px, ordinary_only=True).rgb


def turned_slowly(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The upright picture, pixel by pixel, by the table of TIFF 6.0."""
    height, width = pixels.shape[:2]
    upright: dict[tuple[int, int], np.ndarray] = {}
    for row in range(height):
        for column in range(width):
            top, left = row, column
            bottom, right = height - 1 - row, width - 1 - column
            place = {
                1: (top, left),
                2: (top, right),
                3: (bottom, right),
                4: (bottom, left),
                5: (left, top),
                6: (left, bottom),
                7: (right, bottom),
                8: (right, top),
            }[orientation]
            upright[place] = pixels[row, column]
    rows = 1 + max(row for row, _ in upright)
    columns = 1 + max(column for _, column in upright)
    return np.array([[upright[row, column] for column in range(columns)] for row in range(rows)])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("height", "width"), [(3, 5), (6, 4), (1, 7)])
def test_every_orientation_is_undone_pixel_by_pixel(
    height: int, width: int, orientation: int
) -> None:
    pixels = noise(orientation, height, width)
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = decode_pixels(
        encoded(Image.fromarray(pixels), "PNG", exif=exif), LIMIT, None, ordinary_only=True
    )
    np.testing.assert_array_equal(photo.rgb, turned_slowly(pixels, orientation))
    assert (photo.height, photo.width) == photo.rgb.shape[:2]
    assert photo.rgb.flags["C_CONTIGUOUS"]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 100))
def test_the_longer_side_becomes_what_is_allowed(height: int, width: int, most: int) -> None:
    small = shrink(noise(0, height, width), most)
    assert max(small.shape[:2]) == min(most, max(height, width))
    scale = min(1.0, most / max(height, width))
    for side, original in zip(small.shape[:2], (height, width), strict=True):
        assert abs(side - original * scale) <= 0.5 or side == 1


def test_without_a_limit_the_photo_itself_comes_back() -> None:
    pixels = noise(1, 9, 7)
    assert shrink(pixels, None) is pixels
    assert shrink(pixels, 9) is pixels


@given(st.tuples(*[st.integers(0, 255)] * 3), st.integers(2, 60), st.integers(1, 30))
def test_a_plain_picture_stays_plain_when_shrunk(
    colour: tuple[int, int, int], side: int, most: int
) -> None:
    small = shrink(np.full((side, side, 3), colour, np.uint8), most)
    assert np.unique(small.reshape(-1, 3), axis=0).tolist() == [list(colour)]


def test_shrinking_keeps_the_mean_brightness() -> None:
    pixels = noise(3, 128, 128)
    assert shrink(pixels, 16).mean() == pytest.approx(pixels.mean(), abs=1.0)


@settings(max_examples=40, deadline=None)
@given(SEEDS, SIDES, SIDES)
def test_transparency_is_mixed_with_the_background(seed: int, height: int, width: int) -> None:
    rgba = noise(seed, height, width, 4)
    found = decoded(encoded(Image.fromarray(rgba, "RGBA"), "PNG")).astype(int)
    alpha = rgba[..., 3:].astype(float) / 255
    slow = alpha * rgba[..., :3] + (1 - alpha) * BACKGROUND
    assert np.abs(found - slow).max() <= 0.51
    clear = rgba[..., 3] == 0
    assert (found[clear] == BACKGROUND).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS, SIDES, SIDES)
def test_16_bits_are_scaled_to_the_nearest_of_8(seed: int, height: int, width: int) -> None:
    values = np.random.default_rng(seed).integers(0, 65536, (height, width)).astype(np.uint16)
    found = decoded(encoded(Image.fromarray(values), "PNG"))
    assert (found == found[..., :1]).all()
    assert np.abs(found[..., 0] - values / 65535 * 255).max() <= 0.51


@pytest.mark.parametrize("value", [-0.1, 1.1, 1e30, np.nan, np.inf])
def test_floats_of_no_known_white_are_refused(value: float) -> None:
    pixels = np.full((4, 4), 0.5, np.float32)
    pixels[2, 1] = value
    with pytest.raises(ItemRejected) as caught:
        srgb_of(Image.fromarray(pixels))
    assert caught.value.reason == RejectReason.UNSUPPORTED_PIXELS


@pytest.mark.parametrize(
    ("mode", "value", "wanted"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (9, 8, 7, 255), (9, 8, 7)),
        ("LA", (60, 0), (BACKGROUND,) * 3),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
        ("YCbCr", (128, 128, 128), (128, 128, 128)),
        ("HSV", (0, 0, 200), (200, 200, 200)),
        ("F", 1.0, (255, 255, 255)),
        ("I;16", 65535, (255, 255, 255)),
    ],
)
def test_one_colour_of_every_mode(mode: str, value: object, wanted: tuple[int, int, int]) -> None:
    image = Image.new(mode, (5, 3), value)  # type: ignore[arg-type]
    rgb = srgb_of(image)
    assert rgb.shape == (3, 5, 3)
    assert rgb.dtype == np.uint8
    assert np.unique(rgb.reshape(-1, 3), axis=0).tolist() == [list(wanted)]


def test_bands_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.fromarray(noise(4, 40, 30, 4), "RGBA")
    whole = srgb_of(image)
    monkeypatch.setattr("headwater.photos.colour.BAND_PIXELS", 30 * 7)
    np.testing.assert_array_equal(srgb_of(image), whole)
    assert BAND_PIXELS > 1200


def test_only_plain_rgb_is_srgb_as_it_is() -> None:
    assert is_srgb(Image.new("RGB", (2, 2)))
    for mode in ("L", "RGBA", "CMYK", "P"):
        assert not is_srgb(Image.new(mode, (2, 2)))
    keyed = Image.new("RGB", (2, 2))
    keyed.info["transparency"] = (0, 0, 0)
    assert not is_srgb(keyed)


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP", "PPM", "GIF"])
def test_lossless_formats_keep_every_pixel(format_name: str) -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    pixels = np.repeat(grey[..., None], 3, axis=2)
    photo = decode_pixels(
        encoded(Image.fromarray(pixels), format_name), LIMIT, None, ordinary_only=True
    )
    np.testing.assert_array_equal(photo.rgb, pixels)
    assert photo.source_format in (format_name, *FORMATS)
    assert not photo.as_coded


@pytest.mark.parametrize("limit", [1, 23, 24, 25])
def test_the_limit_of_pixels_is_exact(limit: int) -> None:
    data = encoded(Image.fromarray(noise(0, 4, 6)), "PNG")
    if limit >= 24:
        assert decode_pixels(data, limit, None, ordinary_only=True).rgb.shape == (4, 6, 3)
        return
    with pytest.raises(ItemRejected, match="claims 6 x 4 pixels") as caught:
        decode_pixels(data, limit, None, ordinary_only=True)
    assert caught.value.reason == RejectReason.TOO_MANY_PIXELS


def test_a_jpeg_that_needs_nothing_is_as_coded() -> None:
    upright = encoded(Image.fromarray(noise(2, 16, 24)), "JPEG")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(Image.fromarray(noise(2, 16, 24)), "JPEG", exif=exif)
    grey = encoded(Image.fromarray(noise(2, 16, 24)).convert("L"), "JPEG")
    assert decode_pixels(upright, LIMIT, None, ordinary_only=True).as_coded
    assert not decode_pixels(upright, LIMIT, 8, ordinary_only=True).as_coded
    assert not decode_pixels(turned, LIMIT, None, ordinary_only=True).as_coded
    assert not decode_pixels(grey, LIMIT, None, ordinary_only=True).as_coded


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"hello", RejectReason.NOT_AN_IMAGE, "not an image"),
        (b"%PDF-1.7", RejectReason.UNSUPPORTED_FORMAT, "a PDF file"),
        (b"8BPS\0\1", RejectReason.UNSUPPORTED_FORMAT, "a Photoshop file"),
        (b"\xff\xd8\xff\xe0 broken", RejectReason.TRUNCATED, "JPEG"),
        (b"GIF89a", RejectReason.BROKEN_IMAGE, "GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", RejectReason.BROKEN_IMAGE, "WEBP"),
    ],
)
def test_what_is_no_readable_image_is_named(data: bytes, reason: RejectReason, words: str) -> None:
    with pytest.raises(ItemRejected, match=words) as caught:
        decode_pixels(data, LIMIT, None, ordinary_only=True)
    assert caught.value.reason == reason


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200))
def test_an_image_cut_off_anywhere_is_refused_or_whole(kept: int) -> None:
    whole = encoded(Image.fromarray(noise(5, 12, 12)), "PNG")
    data = whole[: len(whole) * kept // 200]
    try:
        rgb = decoded(data)
    except ItemRejected as refused:
        reason = refused.reason
    else:
        reason = None
        np.testing.assert_array_equal(rgb, noise(5, 12, 12))
    assert reason in (
        None,
        RejectReason.TRUNCATED,
        RejectReason.BROKEN_IMAGE,
        RejectReason.NOT_AN_IMAGE,
    )


# Cost.


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_cost_grows_with_the_pixels_and_more_for_costly_formats(width: int, height: int) -> None:
    plain = Image.new("L", (1, 1))
    costs = {}
    for format_name in ("PNG", "WEBP", "JPEG2000"):
        plain.format = format_name
        plain._size = (width, height)
        costs[format_name] = decoding_bytes(plain, (width, height))
    assert costs["PNG"] < costs["WEBP"] < costs["JPEG2000"]
    assert costs["PNG"] == 10 * width * height


@pytest.mark.parametrize(("side", "wanted"), [(2000, 2000), (1000, 1000), (999, 1000), (250, 250)])
def test_a_jpeg_is_reduced_by_the_least_that_is_not_below(side: int, wanted: int) -> None:
    data = encoded(Image.new("RGB", (2000, 1000)), "JPEG")
    with Image.open(io.BytesIO(data)) as image:
        reduce_scale(image, side)
        assert image.size == (wanted, wanted // 2)


def test_other_formats_are_not_reduced() -> None:
    with Image.open(io.BytesIO(encoded(Image.new("RGB", (2000, 1000)), "PNG"))) as image:
        reduce_scale(image, 100)
        assert image.size == (2000, 1000)


def test_a_large_image_is_left_to_a_process_of_its_own() -> None:
    side = int((ORDINARY_BYTES / 10) ** 0.5) + 2
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, side, side, 1, 24, *[0] * 6)
    with pytest.raises(CostlyError):
        decode_pixels(header, side * side, None, ordinary_only=True)


# Segments of JPEG files.


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from([0xE1, 0xE2, 0xED, 0xFE]), st.binary(max_size=30)), max_size=6
    )
)
def test_added_metadata_is_taken_out_again(added: list[tuple[int, bytes]]) -> None:
    plain = without_metadata(encoded(Image.fromarray(noise(1, 8, 8)), "JPEG"))
    assert plain is not None
    noisy = plain[:2] + b"".join(segment(*one) for one in added) + plain[2:] + b"after the end"
    assert without_metadata(noisy) == plain
    np.testing.assert_array_equal(decoded(noisy), decoded(plain))


@given(st.integers(0, 30))
def test_scans_are_counted(count: int) -> None:
    scan = segment(0xDA, b"\1\1\0\0\77\0") + b"\x12\xff\x00\x34"
    assert scan_count(b"\xff\xd8" + scan * count + b"\xff\xd9") == count


def test_more_segments_than_any_encoder_writes_are_odd() -> None:
    many = b"\xff\xd8" + segment(0xFE, b"") * (MAX_SEGMENTS + 1) + b"\xff\xd9"
    assert without_metadata(many) is None
    few = b"\xff\xd8" + segment(0xFE, b"") * 10 + b"\xff\xd9"
    assert without_metadata(few) == b"\xff\xd8\xff\xd9"
