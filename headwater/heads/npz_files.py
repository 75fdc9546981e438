"""Arrays of an ``.npz`` file, whose form is checked before a number of them is read."""

import io
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from headwater.artifacts.regular_files import read_file
from headwater.errors import READER_ERRORS, HeadwaterError

MAX_BYTES: Final = 2**28
# Largest length of a free dimension: of identity modes, expressions and their names.
MAX_FREE: Final = 256
MAX_NAME: Final = 100

# A module that does not declare what it exports.
npy: Any = numpy_format

Shape = tuple[int | None, ...]


def read_arrays(
    path: Path, wanted: Mapping[str, tuple[Shape, str]], about: str
) -> dict[str, NDArray[Any]]:
    """Arrays by key. wanted: their shape, None for a free length, and kinds of dtype ("f", "iu").

    A header tells the shape, so that a small file cannot unpack to a large array. Raises
    HeadwaterError that begins with ``about`` and names file and key; also for numbers that are not
    finite.
    """
    data = read_file(path, MAX_BYTES)
    if data[:6] == npy.MAGIC_PREFIX:
        raise HeadwaterError(f"{about}: {path} is a single array, not an .npz file.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = set(archive.namelist())
            missing = sorted(key for key in wanted if f"{key}.npy" not in inside)
            if missing:
                raise HeadwaterError(f"{about}: {path} lacks the key(s) {', '.join(missing)}.")
            return {
                key: _array(archive, key, shape, kinds, f"{about}: {path}, key '{key}'")
                for key, (shape, kinds) in wanted.items()
            }
    # NumPy tokenizes headers that are no Python literals.
    except (TokenError, *READER_ERRORS) as error:
        reason = str(error) or type(error).__name__
        raise HeadwaterError(f"{about}: {path} is no readable .npz file ({reason}).") from error


def _array(
    archive: zipfile.ZipFile, key: str, wanted: Shape, kinds: str, where: str
) -> NDArray[Any]:
    with archive.open(f"{key}.npy") as stream:
        read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        shape, _, dtype = read_header[npy.read_magic(stream)](stream)
    if not _fits(shape, wanted):
        text = " x ".join("any" if n is None else str(n) for n in wanted)
        raise HeadwaterError(f"{where} has shape {shape}, expected {text}.")
    if dtype.kind not in kinds or dtype.itemsize > (4 * MAX_NAME if kinds == "U" else 8):
        raise HeadwaterError(f"{where} holds {dtype}, which is not read; save it as plain numbers.")
    with archive.open(f"{key}.npy") as stream:
        array = np.ascontiguousarray(npy.read_array(stream, allow_pickle=False))
    if dtype.kind == "U" and (array.view(f"{dtype.str[0]}u4") > sys.maxunicode).any():
        raise HeadwaterError(f"{where} holds names that are no text.")
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise HeadwaterError(f"{where} holds values that are not finite.")
    return array


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(
        1 <= n <= MAX_FREE if w is None else n == w for w, n in zip(wanted, shape, strict=True)
    )
