"""MAT-files: the wanted numbers, and a sentence for everything else within bounds of memory."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from headwater.artifacts.mat_files import read_mat
from headwater.errors import HeadwaterError

WANTED = {"points": (3, None)}
POINTS = np.arange(12.0).reshape(3, 4)


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def array_header(array_class: int, shape: tuple[int, ...], name: str) -> bytes:
    """Flags, dimensions and name of a level 5 array, as its format describes them."""
    flags = element(6, struct.pack("<II", array_class, 0))
    return flags + element(5, struct.pack(f"<{len(shape)}i", *shape)) + element(1, name.encode())


def file_of(*elements: bytes) -> bytes:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    return header + b"".join(elements)


def test_numbers_of_the_other_byte_order_and_stored_as_smaller_ones_are_read(
    tmp_path: Path,
) -> None:
    """By hand: MATLAB stores doubles that are whole numbers as bytes, short names in their tag."""
    content = struct.pack(">II", 6, 8) + struct.pack(">II", 6, 0)
    content += struct.pack(">II", 5, 8) + struct.pack(">ii", 3, 2)
    content += struct.pack(">HH", 2, 1) + b"ab\0\0"
    content += struct.pack(">II", 2, 6) + bytes([1, 2, 3, 4, 5, 6, 0, 0])
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(">H", 0x0100) + b"MI"
    path = tmp_path / "a.mat"
    path.write_bytes(header + struct.pack(">II", 14, len(content)) + content)
    np.testing.assert_array_equal(read_mat(path, {"ab": (3, 2)})["ab"], [[1, 4], [2, 5], [3, 6]])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int16, np.uint32])
def test_the_wanted_numbers_are_read_and_nothing_else(
    packed: bool, kind: type, tmp_path: Path
) -> None:
    path = tmp_path / "a.mat"
    other = {"note": "text", "cells": np.array([[1], "x"], dtype=object)}
    savemat(path, {"points": POINTS.astype(kind), **other}, do_compression=packed)
    found = read_mat(path, WANTED)
    assert list(found) == ["points"]
    assert found["points"].dtype == np.float64
    np.testing.assert_array_equal(found["points"], POINTS)


def bomb(path: Path) -> None:
    """Tens of kilobytes that unpack to twice as much as may be read."""
    path.write_bytes(file_of(element(15, zlib.compress(bytes(2**25), 9))))


def many_elements(path: Path) -> None:
    path.write_bytes(file_of(*(element(1, b"") for _ in range(1000))))


def many_packed_elements(path: Path) -> None:
    path.write_bytes(file_of(element(15, zlib.compress(element(1, b"") * 1000))))


def boundless_cells(path: Path) -> None:
    path.write_bytes(file_of(element(14, array_header(1, (3, 2**30), "points"))))


def boundless_numbers(path: Path) -> None:
    content = array_header(6, (3, 2**30), "points") + element(9, bytes(16))
    path.write_bytes(file_of(element(14, content)))


def single_bytes(path: Path) -> None:
    """Whole numbers that take less than the bound as they are stored, and more as doubles."""
    savemat(path, {"points": np.zeros((3, 2**20), np.int8)}, do_compression=True)


def twice(path: Path) -> None:
    savemat(path, {"points": POINTS})
    path.write_bytes(path.read_bytes() + path.read_bytes()[128:])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: savemat(path, {"other": POINTS}), "holds 0 arrays points"),
        (lambda path: savemat(path, {"points": POINTS.T}), "is numbers 4 x 3 instead of numbers 3"),
        (lambda path: savemat(path, {"points": "abc"}), "points is no numbers 1 x 3"),
        (lambda path: savemat(path, {"points": {"x": 1}}), "points is no numbers 1 x 1"),
        (lambda path: savemat(path, {"points": POINTS * np.nan}), "not finite"),
        (lambda path: savemat(path, {"points": POINTS * 1j}), "points is no numbers 3 x 4"),
        (lambda path: savemat(path, {"points": POINTS}, format="4"), "no MAT-file of level 5"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"), "no MAT-file of level 5"),
        (lambda path: path.write_bytes(b""), "no MAT-file of level 5"),
        (lambda path: path.write_bytes(file_of()[:100]), "cannot be read"),
        (lambda path: path.write_bytes(file_of(element(15, b"no zlib"))), "cannot be read"),
        (lambda path: path.write_bytes(file_of(element(14, b"no header"))), "cut off"),
        (lambda path: path.write_bytes(file_of(element(14, bytes(80)))), "has no header"),
        (bomb, "unpacks to more than"),
        (many_elements, "holds more than 256 elements"),
        (many_packed_elements, "holds more than 256 elements"),
        (boundless_cells, "points is no numbers 3 x 1073741824 instead"),
        (boundless_numbers, "not of the size that its header states"),
        (single_bytes, "points has more than 2097152 numbers"),
        (twice, "holds 2 arrays points"),
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "cannot be read"),
    ],
)
def test_anything_else_is_refused_in_a_sentence_that_names_the_file(
    write: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.mat"
    write(path)
    with pytest.raises(HeadwaterError, match=message) as refused:
        read_mat(path, WANTED)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_larger_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"points": POINTS})
    with pytest.raises(HeadwaterError, match="at most 100 are read"):
        read_mat(path, WANTED, 100)


def test_damaged_files_are_refused_or_sound(tmp_path: Path) -> None:
    """Every third byte of a small file changed in turn: sound numbers, or a sentence."""
    path = tmp_path / "a.mat"
    savemat(path, {"points": POINTS})
    whole = path.read_bytes()
    for place in range(116, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            shape = read_mat(path, WANTED)["points"].shape
        except HeadwaterError:
            continue
        assert shape[0] == 3
