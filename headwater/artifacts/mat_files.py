"""Arrays of numbers from MATLAB's files (MAT-file, level 5), within bounds of size and memory.

Read here rather than by scipy, whose reader ends the process on some damaged files.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.regular_files import read_file
from headwater.errors import READER_ERRORS, HeadwaterError

MAX_BYTES: Final = 2**24
_LEVEL_5: Final = b"MATLAB 5.0 MAT-file"
_HEADER: Final = 128
_ORDER: Final = {b"IM": "<", b"MI": ">"}
# Types of data elements, by the format's numbers.
_INT8, _INT32, _UINT32, _MATRIX, _DEFLATED = 1, 5, 6, 14, 15
_NUMBERS: Final = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
# Classes of numeric arrays: double, single, and integers of 8 to 64 bits.
_CLASSES: Final = range(6, 16)
# Flag of a complex array.
_COMPLEX: Final = 0x800
# Most elements of a file, and of each packed element; published files hold some ten.
_MOST_ELEMENTS: Final = 256
# Largest magnitude of a number; more would overflow in sums and products of them.
_LARGEST: Final = 1e12

# The length of each axis; None where it may be any.
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class _Array:
    """An array as its header states it. numbers: type and bytes of its elements, if it is real."""

    name: str
    shape: tuple[int, ...]
    numbers: tuple[int, bytes] | None


def read_mat(
    path: Path, wanted: Mapping[str, Shape], max_bytes: int = MAX_BYTES
) -> dict[str, NDArray[np.float64]]:
    """The wanted arrays of real numbers by name, float64.

    max_bytes: most bytes of the file, of all that it unpacks to, and of each wanted array. Raises
    HeadwaterError, which names the file, where it cannot be read or is larger, and where an array
    is missing, is not real and finite, has numbers beyond 1e12, or has another shape.
    """
    data = read_file(path, max_bytes)
    if not data.startswith(_LEVEL_5):
        raise HeadwaterError(
            f"{path}: is no MAT-file of level 5; name a file as it was published, or save it with "
            "MATLAB's -v7"
        )
    try:
        order = _order(data)
        stated = list(_arrays(data[_HEADER:], order, max_bytes))
        most = max_bytes // np.float64().itemsize
        found = {name: _one(stated, name, shape, order, most) for name, shape in wanted.items()}
    except READER_ERRORS as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HeadwaterError(
            f"{path}: cannot be read ({reason}); name a file as it was published, and whole"
        ) from error
    return found


def _order(data: bytes) -> str:
    order = _ORDER.get(data[_HEADER - 2 : _HEADER])
    if order is None:
        raise ValueError("its header is cut off")
    return order


def _one(
    stated: list[_Array], name: str, wanted: Shape, order: str, most: int
) -> NDArray[np.float64]:
    """The array of this name, of at most ``most`` numbers.

    Raises ValueError where it is missing or not as wanted.
    """
    named = [one for one in stated if one.name == name]
    if len(named) != 1:
        raise ValueError(f"it holds {len(named)} arrays {name}")
    [array] = named
    fits = len(array.shape) == len(wanted) and all(
        want is None or have == want for have, want in zip(array.shape, wanted, strict=True)
    )
    if array.numbers is None or not fits:
        form, own = (
            " x ".join("any" if one is None else str(one) for one in shape)
            for shape in (wanted, array.shape)
        )
        what = "no numbers" if array.numbers is None else "numbers"
        raise ValueError(f"{name} is {what} {own} instead of numbers {form}")
    kind, content = array.numbers
    values = np.frombuffer(content, f"{order}{_NUMBERS[kind]}")
    if len(values) != prod(array.shape):
        raise ValueError(f"{name} is not of the size that its header states")
    if len(values) > most:
        # Stored as single bytes, they would take eight times as much as the file.
        raise ValueError(f"{name} has more than {most} numbers")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds numbers that are not finite")
    if np.abs(values.astype(np.float64)).max(initial=0.0) > _LARGEST:
        raise ValueError(f"{name} holds numbers beyond {_LARGEST:g}")
    return values.astype(np.float64).reshape(array.shape, order="F")


def _arrays(data: bytes, order: str, most: int) -> Iterator[_Array]:
    """All arrays of a file. Raises ValueError where they unpack to more than ``most`` bytes."""
    total = 0
    for kind, content in _elements(data, order):
        if kind == _DEFLATED:
            unpacked = zlib.decompressobj().decompress(content, most + 1 - total)
        else:
            unpacked = struct.pack(f"{order}II", kind, len(content)) + content
        total += len(unpacked)
        if total > most:
            raise ValueError(f"it unpacks to more than {most} bytes")
        for inner, matrix in _elements(unpacked, order):
            if inner == _MATRIX:
                yield _array(matrix, order)


def _array(matrix: bytes, order: str) -> _Array:
    """The array of a matrix element, which holds flags, dimensions, a name, and the numbers."""
    parts = list(_elements(matrix, order, most=4))
    if [kind for kind, _ in parts[:3]] != [_UINT32, _INT32, _INT8] or len(parts[0][1]) != 8:
        raise ValueError("an array has no header")
    flags = int(np.frombuffer(parts[0][1], f"{order}u4")[0])
    shape = tuple(int(one) for one in np.frombuffer(parts[1][1], f"{order}i4"))
    name = parts[2][1].decode("latin-1")
    real = (flags & 0xFF) in _CLASSES and not flags & _COMPLEX and min(shape, default=-1) >= 0
    numbers = parts[3] if real and len(parts) == 4 and parts[3][0] in _NUMBERS else None
    return _Array(name, shape, numbers)


def _elements(data: bytes, order: str, most: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Type and content of the first ``most`` data elements of a file or of another element."""
    place = count = 0
    while place < len(data) and count != most:
        if place + 8 > len(data):
            raise ValueError("it is cut off")
        kind, size = struct.unpack_from(f"{order}II", data, place)
        start = place + 8
        place = start + size + (0 if kind == _DEFLATED else -size % 8)
        if kind >> 16:
            # An element of up to four bytes is stored in its tag.
            kind, size = kind & 0xFFFF, min(kind >> 16, 4)
            start, place = start - 4, start
        if start + size > len(data):
            raise ValueError("it is cut off")
        count += 1
        if count > _MOST_ELEMENTS:
            raise ValueError(f"it holds more than {_MOST_ELEMENTS} elements")
        yield kind, data[start : start + size]
