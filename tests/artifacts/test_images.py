"""Image columns: PNG bytes that keep every pixel."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headwater.artifacts.images import MAX_SIDE_PX, decode_planes, decode_png, encode_png
from headwater.errors import HeadwaterError

SIDE = st.integers(1, 9)


@st.composite
def pictures(draw: st.DrawFn) -> np.ndarray:
    kind = draw(st.sampled_from([np.uint8, np.uint16]))
    shape = (draw(SIDE), draw(SIDE))
    if kind is np.uint8 and draw(st.booleans()):
        shape = (*shape, 3)
    return draw(hnp.arrays(kind, shape))


@given(pictures())
@settings(max_examples=60, deadline=None)
def test_png_keeps_every_pixel(picture: np.ndarray) -> None:
    value = encode_png(picture, "name")
    assert value["path"] == "name.png"
    found = decode_png(value)
    assert found.dtype == picture.dtype
    np.testing.assert_array_equal(found, picture)
    assert encode_png(found, "name") == value


@given(pictures())
@settings(max_examples=60, deadline=None)
def test_planes_are_the_colours_of_every_pixel(picture: np.ndarray) -> None:
    value = encode_png(picture, "name")
    planes = decode_planes(value)
    apart = [picture] if picture.ndim == 2 else [picture[..., band] for band in range(3)]
    np.testing.assert_array_equal(planes, np.stack(apart))
    assert planes.dtype == (np.uint8 if picture.dtype == np.uint8 else np.int32)
    assert planes.flags.c_contiguous
    assert planes.flags.writeable


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [(MAX_SIDE_PX + 1, 1, "8193 x 1 is too large"), (2**20, 2**20, "has a side of more than")],
)
def test_planes_of_too_large_a_picture_are_refused(width: int, height: int, words: str) -> None:
    data = encode_png(np.zeros((1, 1, 3), np.uint8), "large")["bytes"]
    start = data.index(b"IHDR")
    header = b"IHDR" + struct.pack(">II", width, height) + data[start + 12 : start + 17]
    end = struct.pack(">I", zlib.crc32(header)) + data[start + 21 :]
    with pytest.raises(HeadwaterError, match=rf"large\.png: {words}"):
        decode_planes({"bytes": data[:start] + header + end, "path": "large.png"})


def test_masks_are_0_and_255() -> None:
    mask = np.array([[True, False]])
    np.testing.assert_array_equal(decode_png(encode_png(mask, "mask")), [[255, 0]])


def test_sliced_arrays_are_as_good_as_whole_ones() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        decode_png(encode_png(picture[::-1, ::2], "x")), picture[::-1, ::2]
    )


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.int8])
def test_other_types_are_refused(kind: type) -> None:
    with pytest.raises(HeadwaterError, match="depth: images are"):
        encode_png(np.zeros((2, 2), kind), "depth")
