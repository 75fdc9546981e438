"""A JPEG without its metadata: the same pixels, and nothing of what it said besides."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from headwater.errors import ItemRejected
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.photos.jpeg import differ_in_header_alone, without_metadata

SECRET = b"48.2082 N, 16.3738 E"
NOISE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()  # ImageDescription
    buffer = io.BytesIO()
    Image.fromarray(NOISE).convert(mode).save(
        buffer, "JPEG", exif=exif, comment=SECRET, xmp=SECRET, **options
    )
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_pixels_stay_and_metadata_goes(mode: str, progressive: bool, subsampling: int) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"restart_marker_blocks": 2, "icc_profile": srgb}
    data = jpeg(mode, progressive=progressive, subsampling=subsampling, **options)
    assert SECRET in data
    bare = without_metadata(data + b"a film of the moment")
    assert bare is not None
    assert SECRET not in bare
    assert b"a film" not in bare
    np.testing.assert_array_equal(pixels(bare), pixels(data))
    assert without_metadata(bare) == bare


@pytest.mark.parametrize("progressive", [False, True])
def test_files_that_differ_in_their_headers_alone(progressive: bool) -> None:
    data = jpeg(progressive=progressive)
    bare = without_metadata(data)
    assert bare is not None
    assert differ_in_header_alone(data, bare)
    assert differ_in_header_alone(data + b"a film of the moment", bare)
    assert differ_in_header_alone(bare, bare)
    remark = b"\xff\xfe\x00\x08remark"
    late = data[:-2] + remark + data[-2:]
    assert without_metadata(late) == bare
    assert not differ_in_header_alone(late, bare)
    assert not differ_in_header_alone(data[:-40] + bytes(8) + data[-32:], bare)
    assert not differ_in_header_alone(data, data[:20])
    assert not differ_in_header_alone(b"", bare)


def test_camera_files() -> None:
    (portrait,) = (p for p in PORTRAITS if p.name.endswith(".jpg"))
    bare = without_metadata(portrait.data())
    assert bare is not None
    np.testing.assert_array_equal(pixels(bare), pixels(portrait.data()))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_files_are_odd_or_end(data: st.DataObject) -> None:
    whole = jpeg()
    cut = data.draw(st.integers(0, len(whole)))
    damaged = bytearray(whole[:cut])
    for _ in range(data.draw(st.integers(0, 4)) if cut else 0):
        damaged[data.draw(st.integers(0, cut - 1))] = data.draw(st.integers(0, 255))
    bare = without_metadata(bytes(damaged))
    assert bare is None or (len(bare) <= cut and bare.endswith(b"\xff\xd9"))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd8\xff\xd9", b"\x89PNG\r\n"])
def test_odd_files(data: bytes) -> None:
    assert without_metadata(data) is None


def test_as_coded_is_upright_srgb_jpeg(shared_data: Path) -> None:
    for path in sorted((shared_data / "bad" / "images").glob("*.jp*g")):
        try:
            photo = decode_photo(path.read_bytes())
        except ItemRejected:
            continue
        if photo.as_coded:
            np.testing.assert_array_equal(photo.rgb, pixels(path.read_bytes()))
