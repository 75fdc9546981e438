"""One image may cost a share of memory and time: beyond it a reject; large honest photos decode."""

import io
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from headwater.apart import MEMORY_BYTES, OutOfTimeError
from headwater.artifacts.images import MAX_SIDE_PX, decode_picture, decode_png, encode_png
from headwater.errors import HeadwaterError, ItemRejected
from headwater.photos import decode
from headwater.photos.colour import BACKGROUND, BAND_PIXELS, srgb_of
from headwater.photos.cost import LARGE_FILE_BYTES, MAX_EXIF_SEGMENTS, MAX_SCANS
from headwater.photos.decode import decode_photo
from headwater.photos.jpeg import scan_count
from headwater.photos.pixels import decode_pixels, shrink
from headwater.reject_reasons import PASSING, RejectReason


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file with compressed ``rows``."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for body in (b"IHDR" + header, b"IDAT" + rows, b"IEND"):
        data += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data


def smooth(width: int, height: int) -> Image.Image:
    """A large picture of soft colours without symmetries."""
    y, x = np.mgrid[:30, :40]
    small = np.stack([x * 6, y * 8, 255 - x * 3 - y * 3], axis=2).astype(np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def refused(data: bytes, **options: int) -> RejectReason:
    with pytest.raises(ItemRejected) as caught:
        decode_photo(data, **options)
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message
    return RejectReason(caught.value.reason)


def with_scans(data: bytes, more: int) -> bytes:
    """The progressive JPEG with its last scan ``more`` times again."""
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * more + data[-2:]


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_a_jpeg_of_hundreds_of_scans_is_refused_and_an_honest_one_is_not() -> None:
    honest = encoded(smooth(64, 48), "JPEG", progressive=True)
    assert 5 < scan_count(honest) < 20
    assert decode_photo(honest).rgb.shape == (48, 64, 3)
    assert scan_count(with_scans(honest, 50)) == scan_count(honest) + 50
    assert refused(with_scans(honest, MAX_SCANS)) == RejectReason.TOO_EXPENSIVE


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_a_jpeg_of_hundreds_of_exif_segments_is_refused_before_they_are_joined() -> None:
    plain = encoded(smooth(64, 48), "JPEG")
    content = b"Exif\0\0" + bytes(60_000)
    segment = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
    assert decode_photo(plain[:2] + segment * MAX_EXIF_SEGMENTS + plain[2:]).rgb.shape[1] == 64
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    many = plain[:2] + segment * 900 + plain[2:]
    assert refused(many) == RejectReason.TOO_EXPENSIVE
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # In the process that decodes.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5.0


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_a_jpeg_2000_of_100_megapixels_is_refused_by_its_header() -> None:
    small = encoded(smooth(64, 48), "JPEG2000")
    sizes = (struct.pack(">II", 48, 64), struct.pack(">II", 64, 48))
    large = small.replace(sizes[0], struct.pack(">II", 10_000, 10_000)).replace(
        sizes[1], struct.pack(">II", 10_000, 10_000)
    )
    assert Image.open(io.BytesIO(large)).size == (10_000, 10_000)
    assert refused(large) == RejectReason.TOO_EXPENSIVE


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_an_image_above_what_pillow_itself_allows_is_judged_by_our_limit() -> None:
    data = png(14_000, 13_000, 8, 2, b"")
    assert refused(data, max_pixels=180_000_000) == RejectReason.TOO_MANY_PIXELS
    assert refused(data, max_pixels=190_000_000) == RejectReason.TOO_EXPENSIVE


def test_an_ordinary_photo_keeps_every_pixel_at_any_limit() -> None:
    data = encoded(smooth(1500, 1000), "JPEG", quality=90)
    whole = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode_photo(data).rgb, whole)
    reduced = decode_photo(data, max_side_px=300)
    np.testing.assert_array_equal(reduced.rgb, shrink(whole, 300))
    assert (reduced.width, reduced.height, reduced.as_coded) == (1500, 1000, False)
    assert decode_photo(data, max_side_px=1500).as_coded


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_a_large_photo_is_decoded_at_a_smaller_scale() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = smooth(9000, 6000)
    photo = decode_photo(encoded(picture, "JPEG", quality=85, exif=exif), max_side_px=400)
    assert (photo.width, photo.height) == (6000, 9000)
    assert photo.rgb.shape == (400, 267, 3)
    assert not photo.as_coded
    upright = picture.transpose(Image.Transpose.ROTATE_270).resize((267, 400))
    assert np.abs(photo.rgb.astype(int) - np.asarray(upright)).mean() < 1.5


def test_a_large_file_gives_the_same_pixels_apart() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3500, 3500, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(pixels), "PNG", compress_level=0)
    assert len(data) > LARGE_FILE_BYTES
    photo = decode_photo(data)
    np.testing.assert_array_equal(photo.rgb, pixels)
    here = decode_pixels(data, 10**8, 700, ordinary_only=True)
    apart = decode_photo(data, max_side_px=700)
    np.testing.assert_array_equal(apart.rgb, here.rgb)
    assert (apart.width, apart.height, apart.source_mode) == (3500, 3500, "RGB")
    assert refused(data[:-4000]) == RejectReason.TRUNCATED


def test_bands_are_as_good_as_the_whole() -> None:
    side = int(BAND_PIXELS**0.5) + 52
    image = smooth(side, side)
    image.putalpha(Image.linear_gradient("L").resize((side, side)))
    rgba = np.asarray(image).astype(int)
    alpha = rgba[..., 3:]
    whole = (rgba[..., :3] * alpha + BACKGROUND * (255 - alpha) + 127) // 255
    np.testing.assert_array_equal(srgb_of(image), whole)


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
def test_every_photo_that_is_stored_can_be_read_again() -> None:
    largest = encode_png(np.zeros((MAX_SIDE_PX, MAX_SIDE_PX), np.uint8), "photo")
    assert decode_png(largest).shape == (MAX_SIDE_PX, MAX_SIDE_PX)
    wider = encode_png(np.zeros((1, MAX_SIDE_PX + 1, 3), np.uint8), "photo")
    with pytest.raises(HeadwaterError, match=r"photo\.png: 8193 x 1 is too large"):
        decode_picture(wider)


# Prints the most memory, bytes, of the processes that decode, and writes the pixels. In a new
# process: the kernel counts to a child also what its parent had taken when it started it.
_DECODED = """
import resource
import sys
from pathlib import Path
import numpy as np
from headwater.photos.decode import decode_photo
data = Path(sys.argv[1]).read_bytes()
photo = decode_photo(data, max_pixels=190_000_000, max_side_px=512)
np.savez(sys.argv[2], rgb=photo.rgb, size=(photo.width, photo.height))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def decoded_and_bytes(folder: Path, data: bytes) -> tuple[Any, int]:
    """Pixels of at most 512 px and full size of a photo, and the memory that decoding took."""
    (folder / "photo").write_bytes(data)
    names = (str(folder / "photo"), str(folder / "decoded.npz"))
    done = subprocess.run(
        (sys.executable, "-c", _DECODED, *names), capture_output=True, text=True, check=True
    )
    return np.load(folder / "decoded.npz"), int(done.stdout)


@pytest.mark.fault("an image above the limits is one reject, within a bound on memory and time")
@pytest.mark.slow
def test_costly_images_stay_within_their_share(tmp_path: Path) -> None:
    """16-bit PNG with transparency of 100 megapixels, and a JPEG of 182."""
    side = 10_000
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + 8 * side)) for _ in range(side)) + packer.flush()
    deep, deep_bytes = decoded_and_bytes(tmp_path, png(side, side, 16, 6, rows))
    assert (deep["rgb"] == BACKGROUND).all()
    grey = encoded(Image.new("L", (14_000, 13_000), 90), "JPEG")
    photo, photo_bytes = decoded_and_bytes(tmp_path, grey)
    assert photo["size"].tolist() == [14_000, 13_000]
    assert np.abs(photo["rgb"].astype(int) - 90).max() <= 1
    for taken in (deep_bytes, photo_bytes):
        assert 0 < taken < MEMORY_BYTES + 2**27


@pytest.mark.fault("a trouble that passes is never kept as a result")
def test_too_little_memory_here_is_no_property_of_the_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded(smooth(40, 30), "PNG")

    def refuse(self: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(PngImageFile, "load", refuse)
        there = decode_photo(data)
    np.testing.assert_array_equal(there.rgb, decode_photo(data).rgb)


@pytest.mark.fault("a trouble that passes is never kept as a result")
def test_time_tells_of_the_machine_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_slow(*arguments: object) -> bytes:
        raise OutOfTimeError

    monkeypatch.setattr(decode, "run_apart", too_slow)
    monkeypatch.setattr(decode, "LARGE_FILE_BYTES", 0)
    with pytest.raises(ItemRejected) as refused:
        decode_photo(encoded(smooth(9, 9), "PNG"))
    assert refused.value.reason in PASSING
