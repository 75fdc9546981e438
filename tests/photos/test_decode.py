"""Odd, broken and hostile photos: each is decoded rightly or refused with its reason."""

import io
import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from headwater.errors import ItemRejected
from headwater.photos.builtin import PORTRAITS
from headwater.photos.colour import BACKGROUND
from headwater.photos.decode import USUAL_MAX_PIXELS, decode_photo
from headwater.reject_reasons import RejectReason

Pixels = NDArray[np.uint8]


def picture(height: int = 24, width: int = 36) -> Pixels:
    """A smooth picture without symmetries."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 2], axis=2).astype(np.uint8)


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def png(pixels: Pixels, **options: object) -> bytes:
    return encoded(Image.fromarray(pixels), "PNG", **options)


def refused(data: bytes, **options: int) -> ItemRejected:
    with pytest.raises(ItemRejected) as caught:
        decode_photo(data, **options)
    assert caught.value.message.endswith((".", ")"))
    assert "\n" not in caught.value.message
    return caught.value


def png_chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def test_plain_png_keeps_every_pixel() -> None:
    photo = decode_photo(png(picture()))
    np.testing.assert_array_equal(photo.rgb, picture())
    assert (photo.width, photo.height, photo.source_format) == (36, 24, "PNG")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_undone(orientation: int, format_name: str) -> None:
    """A picture stored turned as the tag says comes back upright, as Pillow's own undoing does."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    redo = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    upright = Image.fromarray(picture())
    stored = upright
    if orientation in undo:
        stored = upright.transpose(redo.get(orientation, undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format_name == "WEBP" else {}
    photo = decode_photo(encoded(stored, format_name, exif=exif, **options))
    np.testing.assert_array_equal(photo.rgb, picture())
    assert (photo.width, photo.height) == (36, 24)


def test_broken_exif_leaves_the_pixels_as_they_are() -> None:
    data = encoded(
        Image.fromarray(picture()), "PNG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff\x01"
    )
    np.testing.assert_array_equal(decode_photo(data).rgb, picture())


def test_impossible_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    np.testing.assert_array_equal(decode_photo(png(picture(), exif=exif)).rgb, picture())


def test_cmyk_jpeg_has_its_colours() -> None:
    data = encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=98)
    photo = decode_photo(data)
    assert photo.source_mode == "CMYK"
    assert np.abs(photo.rgb.astype(int) - picture()).mean() < 4


def test_lab_tiff_has_its_colours() -> None:
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(Image.fromarray(picture()), to_lab)
    assert lab is not None
    photo = decode_photo(encoded(lab, "TIFF"))
    assert photo.source_mode == "LAB"
    assert np.abs(photo.rgb.astype(int) - picture()).mean() < 4


def test_palette_grey_and_bilevel_are_converted() -> None:
    few = (picture() // 64) * 64
    palette = Image.fromarray(few).convert("P", palette=Image.Palette.ADAPTIVE)
    np.testing.assert_array_equal(
        decode_photo(encoded(palette, "PNG")).rgb, np.asarray(palette.convert("RGB"))
    )
    grey = picture()[..., 0]
    np.testing.assert_array_equal(decode_photo(png(grey)).rgb, np.dstack([grey] * 3))
    bilevel = Image.fromarray(grey).convert("1")
    assert set(np.unique(decode_photo(encoded(bilevel, "PNG")).rgb)) == {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_shows_the_background(mode: str) -> None:
    alpha = np.tile(np.linspace(0, 255, 36).round().astype(np.uint8), (24, 1))
    image = Image.fromarray(picture()).convert("L" if mode == "LA" else "RGB")
    colour = np.asarray(image.convert("RGB"), dtype=float)
    image.putalpha(Image.fromarray(alpha))
    weight = alpha[..., None] / 255
    expected = colour * weight + BACKGROUND * (1 - weight)
    rgb = decode_photo(encoded(image, "PNG")).rgb
    assert np.abs(rgb - expected).max() <= 0.51


def test_transparent_palette_colour_shows_the_background() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([200, 10, 10, 10, 200, 10])
    data = encoded(image, "GIF", transparency=0)
    assert (decode_photo(data).rgb == BACKGROUND).all()


def test_sixteen_bits_are_scaled_over_their_full_range() -> None:
    ramp = np.linspace(0, 65535, 24 * 36).round().astype(np.uint16).reshape(24, 36)
    expected = np.rint(ramp / 257.0)
    for data in (
        encoded(Image.fromarray(ramp), "PNG"),
        encoded(Image.fromarray(ramp), "TIFF"),
        b"P5 36 24 65535\n" + ramp.astype(">u2").tobytes(),
    ):
        np.testing.assert_array_equal(decode_photo(data).rgb, np.dstack([expected] * 3))


def test_sixteen_bit_colour_is_scaled_to_within_one_level() -> None:
    deep = picture().astype(np.uint16) * 257
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in deep)
    data = (
        png_header(36, 24, depth=16)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )
    assert np.abs(decode_photo(data).rgb.astype(int) - picture()).max() <= 1


def test_float_pixels_need_a_known_range() -> None:
    share = np.linspace(0, 1, 24 * 36, dtype=np.float32).reshape(24, 36)
    rgb = decode_photo(encoded(Image.fromarray(share), "TIFF")).rgb
    np.testing.assert_array_equal(rgb[..., 0], np.rint(share * 255))
    unknown = encoded(Image.fromarray(share * 90), "TIFF")
    assert refused(unknown).reason == RejectReason.UNSUPPORTED_PIXELS
    share[3, 3] = np.nan
    nan = encoded(Image.fromarray(share), "TIFF")
    assert refused(nan).reason == RejectReason.UNSUPPORTED_PIXELS


def swapped_profile() -> bytes:
    """Profile of a colour space with sRGB's curves whose red and green primaries are swapped."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    for entry in range(132, 132 + 12 * count, 12):
        if profile[entry : entry + 4] == b"rXYZ":
            profile[entry : entry + 4] = b"gXYZ"
        elif profile[entry : entry + 4] == b"gXYZ":
            profile[entry : entry + 4] = b"rXYZ"
    return (
        bytes(profile).replace(b"s\x00R\x00G\x00B", b"t\x00S\x00H\x00C").replace(b"sRGB", b"tSHC")
    )


def test_colour_profile_is_converted_to_srgb() -> None:
    flat = np.full((8, 8, 3), (200, 60, 30), dtype=np.uint8)
    rgb = decode_photo(png(flat, icc_profile=swapped_profile())).rgb
    assert np.abs(rgb[0, 0].astype(int) - (60, 200, 30)).max() <= 3


def test_srgb_and_broken_profiles_change_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"no profile at all", srgb[:200]):
        np.testing.assert_array_equal(
            decode_photo(png(picture(), icc_profile=profile)).rgb, picture()
        )


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (12, 10), colour) for colour in ("red", "lime", "blue")]
    for format_name in ("GIF", "WEBP", "TIFF", "PNG"):
        data = encoded(frames[0], format_name, save_all=True, append_images=frames[1:])
        photo = decode_photo(data)
        assert photo.rgb[..., 0].min() > 240, format_name
        assert photo.rgb[..., 1:].max() < 15, format_name


def test_content_decides_and_not_the_name() -> None:
    assert decode_photo(png(picture())).source_format == "PNG"
    assert refused(b"<html><body>404 not found</body></html>").reason == RejectReason.NOT_AN_IMAGE


def test_empty_and_truncated_files() -> None:
    assert refused(b"").reason == RejectReason.EMPTY_FILE
    whole = encoded(Image.fromarray(picture(200, 300)), "JPEG")
    assert refused(whole[: len(whole) // 2]).reason == RejectReason.TRUNCATED
    whole = png(np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    assert refused(whole[: len(whole) // 2]).reason == RejectReason.TRUNCATED


def test_known_formats_that_are_not_read_are_named() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.full((4, 4, 3), np.nan, dtype=np.float32))
    assert "NumPy" in refused(buffer.getvalue()).message
    assert refused(buffer.getvalue()).reason == RejectReason.UNSUPPORTED_FORMAT


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
@pytest.mark.parametrize(
    "data",
    [
        png_header(50_000, 50_000) + png_chunk(b"IDAT", zlib.compress(bytes(1000))),
        b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;",
        png_header(12_000, 12_000) + png_chunk(b"IDAT", zlib.compress(bytes(1000))),
    ],
)
def test_bombs_are_refused_by_their_header(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    problem = refused(data)
    assert problem.reason == RejectReason.TOO_MANY_PIXELS
    limits = [int(number) for number in re.findall(r"\d{7,}", problem.message)]
    assert limits == [USUAL_MAX_PIXELS], problem.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_pixel_limit_is_the_callers() -> None:
    data = png(picture())
    assert refused(data, max_pixels=36 * 24 - 1).reason == RejectReason.TOO_MANY_PIXELS
    assert decode_photo(data, max_pixels=36 * 24).width == 36


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_text_that_unpacks_to_gigabytes_is_refused() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "x" * 3_000_000, zip=True)
    assert refused(png(picture(), pnginfo=text)).reason == RejectReason.DECOMPRESSION_BOMB


@pytest.mark.parametrize("size", [(1, 1), (4000, 2), (2, 4000)])
def test_extreme_shapes(size: tuple[int, int]) -> None:
    photo = decode_photo(encoded(Image.new("RGB", size, (9, 90, 9)), "PNG"))
    assert photo.rgb.shape == (size[1], size[0], 3)


FUZZED = [
    encoded(
        Image.fromarray(picture()), "JPEG", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00"
    ),
    png(picture(), icc_profile=swapped_profile()),
    encoded(Image.fromarray(picture()).convert("P"), "GIF"),
    encoded(Image.fromarray(picture()), "TIFF", compression="tiff_lzw"),
    encoded(Image.fromarray(picture()), "WEBP"),
    encoded(Image.fromarray(picture()), "BMP"),
    encoded(Image.fromarray(picture()), "PPM"),
    encoded(Image.fromarray(picture()), "JPEG2000"),
]


@settings(max_examples=300, deadline=None)
@given(
    which=st.integers(0, len(FUZZED) - 1),
    edits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.floats(0.05, 1),
)
def test_damaged_files_are_decoded_or_refused(
    which: int, edits: list[tuple[float, int]], cut: float
) -> None:
    """No damage gets past as another error, a warning, or pixels of the wrong kind."""
    data = bytearray(FUZZED[which])
    for position, value in edits:
        data[int(position * len(data))] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            photo = decode_photo(bytes(data[: max(1, int(cut * len(data)))]), max_pixels=1_000_000)
        except ItemRejected as rejected:
            RejectReason(rejected.reason)
            return
    assert photo.rgb.shape == (photo.height, photo.width, 3)
    assert photo.rgb.dtype == np.uint8


def test_builtin_portraits_decode() -> None:
    sizes = [decode_photo(portrait.data()).rgb.shape for portrait in PORTRAITS]
    assert sizes == [(512, 512, 3), (600, 512, 3)]


EXPECTED_OF_BAD_IMAGES: dict[str, RejectReason | tuple[int, int]] = {
    "16bit.cropped.tif": (64, 64),
    "black.png": (640, 480),
    "bomb_30000x30000.png": RejectReason.TOO_MANY_PIXELS,
    "broken.png": RejectReason.BROKEN_IMAGE,
    "broken_data_stream.png": RejectReason.BROKEN_IMAGE,
    "decompression_bomb.gif": RejectReason.TOO_MANY_PIXELS,
    "face_16bit_rgb.png": (256, 256),
    "face_cut.jpg": (282, 260),
    "face_grey_alpha.png": (256, 256),
    "face_upside_down.jpg": (512, 512),
    "face_with_nan.npy": RejectReason.UNSUPPORTED_FORMAT,
    "hopper.Lab.tif": (128, 128),
    "hopper_16bit.pgm": (128, 128),
    "hopper_bad_exif.jpg": (500, 500),
    "hopper_gray.jpg": (128, 128),
    "hopper_orientation_3.jpg": (128, 128),
    "hopper_orientation_6.jpg": (128, 128),
    "iss634.gif": (245, 245),
    "many_faces.jpg": (1200, 900),
    "no_face_cat.png": (451, 300),
    "one_pixel.png": (1, 1),
    "pil_sample_cmyk.jpg": (100, 100),
    "png_decompression_dos.png": RejectReason.DECOMPRESSION_BOMB,
    "png_named.jpg": (128, 128),
    "strip_4000x2.png": (4000, 2),
    "text_named.jpg": RejectReason.NOT_AN_IMAGE,
    "tiny_face.jpg": (1600, 1200),
    "transparent.png": (200, 150),
    "truncated_image.png": RejectReason.TRUNCATED,
    "truncated_jpeg.jpg": RejectReason.TRUNCATED,
    "zero_bytes.jpg": RejectReason.EMPTY_FILE,
    "zero_width.gif": RejectReason.BROKEN_IMAGE,
}


def test_the_folder_of_bad_images(shared_data: Path) -> None:
    folder = shared_data / "bad" / "images"
    found: dict[str, RejectReason | tuple[int, int]] = {}
    for path in folder.iterdir():
        if path.name == "README.md":
            continue
        try:
            photo = decode_photo(path.read_bytes())
            found[path.name] = (photo.width, photo.height)
        except ItemRejected as rejected:
            found[path.name] = RejectReason(rejected.reason)
    assert found == EXPECTED_OF_BAD_IMAGES


def test_turned_photos_of_the_folder_show_the_same_picture(shared_data: Path) -> None:
    folder = shared_data / "bad" / "images"
    names = ("hopper_orientation_3.jpg", "hopper_orientation_6.jpg", "hopper.Lab.tif")
    three, six, lab = (
        decode_photo((folder / name).read_bytes()).rgb.astype(float) for name in names
    )
    assert np.abs(three - six).mean() < 6
    assert np.abs(three - lab).mean() < 12
