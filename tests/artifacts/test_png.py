"""PNG files of our own writing: what every reader reads, in the same bytes, not much larger."""

import io
import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from headwater.artifacts.png import png_bytes
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo


def filters(data: bytes, row_bytes: int) -> list[int]:
    """The filter of each row of a file with a single chunk of pixels."""
    start = data.index(b"IDAT") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big")
    return list(zlib.decompress(data[start : start + size])[:: row_bytes + 1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7, 3), (700, 1, 3), (300, 400, 3), (301, 977)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pillow_and_opencv_read_every_pixel(shape: tuple[int, ...], kind: type) -> None:
    """Noise below stripes and ramps, so that every filter is taken, over several blocks."""
    if kind is np.uint16 and len(shape) == 3:
        shape = shape[:2]
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    picture = (rows * 3 + columns * 5).astype(kind) * kind(np.iinfo(kind).max // 255)
    picture[::7] = (columns[::7] % 2 * 200).astype(kind)
    noise = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape[:2], kind)
    picture = np.where(rows > shape[0] // 2, noise, picture)
    if len(shape) == 3:
        picture = np.stack([picture, picture[::-1], noise], axis=2)
    data = png_bytes(picture)
    with Image.open(io.BytesIO(data)) as image:
        image.verify()
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.array(image).astype(kind), picture)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded[..., ::-1] if len(shape) == 3 else decoded, picture)


def test_rows_take_the_filter_that_leaves_least() -> None:
    noise = np.random.default_rng(1).integers(0, 255, 90).astype(np.uint8)
    same_columns = np.tile(noise, (90, 1))
    coarse = cv2.resize(np.add.outer(noise[::9], noise[::9] // 2), (90, 90))
    up, left, average = (
        filters(png_bytes(np.stack([grey] * 3, axis=2)), 270)
        for grey in (same_columns, same_columns.T, coarse)
    )
    assert set(up[1:]) == {2}
    assert set(left[1:]) == {1}
    assert 3 in average


def test_masks_and_labels_are_not_filtered() -> None:
    """They are a quarter smaller than with filters, and half as long in writing."""
    disc = np.hypot(*(np.mgrid[:300, :300] - 150)) < 90
    mask = (disc * 255).astype(np.uint8)
    assert set(filters(png_bytes(mask), 300)) == {0}
    assert len(png_bytes(mask)) < 0.8 * len(pillow_bytes(mask))


def pillow_bytes(picture: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1, compress_type=3)
    return buffer.getvalue()


def test_photos_take_a_twelfth_more_than_pillows_files_at_most() -> None:
    for portrait in PORTRAITS:
        photo = decode_photo(portrait.data()).rgb
        assert len(png_bytes(photo)) < 13 / 12 * len(pillow_bytes(photo))
