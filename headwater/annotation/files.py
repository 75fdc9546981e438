"""An annotation on disk: ``parts.npz`` with votes and parts, and a person's corrections as JSON."""

import io
import json
import os
import reprlib
from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.regular_files import read_file
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import Part
from headwater.heads.npz_files import read_arrays

ABOUT: Final = "face parts"
PARTS, CORRECTIONS = "parts.npz", "corrections.json"
MAX_CORRECTIONS: Final = 2**22
_NAMES: Final = {part.name.lower(): part for part in Part}


def write_annotation(
    path: Path, votes: NDArray[np.float32], labels: NDArray[np.uint8], made_of: str
) -> None:
    """Write votes (V, 9) and part ids (V,); equal content gives equal bytes.

    made_of: SHA-256 of all that the votes depend on.
    """
    file = io.BytesIO()
    np.savez_compressed(file, votes=votes, labels=labels, made_of=np.array([made_of]))
    write_bytes(path, file.getvalue())


def kept_votes(path: Path, vertices: int, made_of: str) -> NDArray[np.float32] | None:
    """Votes (V, 9) of a file of ``write_annotation``; None where they depend on something else."""
    if not path.is_file():
        return None
    try:
        arrays = read_arrays(path, {**_form(vertices), "made_of": ((1,), "U")}, ABOUT)
    except HeadwaterError:
        return None
    return np.asarray(arrays["votes"], np.float32) if arrays["made_of"][0] == made_of else None


def _form(vertices: int) -> dict[str, tuple[tuple[int | None, ...], str]]:
    return {"votes": ((vertices, len(Part)), "f"), "labels": ((vertices,), "u")}


def corrected(labels: NDArray[np.uint8], corrections: Path) -> tuple[NDArray[np.uint8], int]:
    """Part ids (V,) with the corrections of a person, and how many vertices these name.

    The file holds lists of vertex numbers by part: ``{"nose": [12, 40], "none": [7]}``. Raises
    HeadwaterError for any other content.
    """
    if not os.path.lexists(corrections):
        return labels, 0
    content = _read_once(corrections)
    if not isinstance(content, dict):
        raise HeadwaterError(f'{corrections}: no lists of vertices by part, as {{"nose": [12]}}')
    changed, named = labels.copy(), np.zeros(len(labels), np.bool_)
    for name, numbers in content.items():
        if name not in _NAMES:
            raise HeadwaterError(
                f"{corrections}: {name[:40]!r} is no part; use {', '.join(_NAMES)}"
            )
        rows = _vertices(numbers, len(labels), f"{corrections}, {name}")
        if named[rows].any():
            twice = rows[named[rows]][0]
            raise HeadwaterError(f"{corrections}: vertex {twice} is named for two parts")
        named[rows], changed[rows] = True, _NAMES[name]
    return changed, int(named.sum())


def _read_once(path: Path) -> Any:
    """Content of a JSON file, no key of which stands twice: JSON does not say which one counts."""

    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, times in Counter(key for key, _ in pairs).most_common(1):
            if times > 1:
                raise ValueError(f"the key {reprlib.repr(key)} is there twice")
        return dict(pairs)

    try:
        text = read_file(path, MAX_CORRECTIONS).decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=checked)
    except (ValueError, RecursionError) as error:
        raise HeadwaterError(f"{path}: is not JSON ({error})") from error


def _vertices(numbers: Any, count: int, where: str) -> NDArray[np.int64]:
    whole = isinstance(numbers, list) and all(type(number) is int for number in numbers)
    if not whole or any(not 0 <= number < count for number in numbers):
        raise HeadwaterError(f"{where}: needs a list of vertex numbers from 0 to {count - 1}")
    return np.unique(np.array(numbers, np.int64))
