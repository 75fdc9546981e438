"""Names of result folders: safe on every file system, whatever the photo is called."""

import itertools
import json
import unicodedata
from pathlib import Path, PurePosixPath
from typing import Final

from headwater.reconstruct.summary import summary_csv

CAMERA_FILE: Final = "camera.json"
MAX_BYTES: Final = 100
_HASH_DIGITS: Final = 8
_RESERVED: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)


def summary_path(out: Path) -> Path:
    """File for the table of outcomes below ``out``: of an earlier run, or a free name.

    A table of the same name that this command did not write is left alone.
    """
    names = itertools.chain(["summary.csv"], (f"summary-{n}.csv" for n in itertools.count(2)))
    return next(path for name in names if _is_ours(path := out / name))


def _is_ours(path: Path) -> bool:
    """True where there is nothing, or a table of outcomes."""
    header = summary_csv([]).encode()
    try:
        with path.open("rb") as file:
            return file.read(len(header)) == header
    except FileNotFoundError:
        return not path.is_symlink()
    except OSError:
        return False


class FolderNames:
    """Hands out a folder below ``out`` for each head; never one that holds another head."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._taken: set[str] = set()

    def take(self, photo_name: str, sha256: str) -> str:
        """Folder for the head of a photo with this printable name and content.

        A name that is taken, in this run or by other content of an earlier one, gets the first
        digits of the content's hash.
        """
        name = safe_name(photo_name)
        if name.casefold() in self._taken or not self._free(name, sha256):
            name = f"{name}-{sha256[:_HASH_DIGITS]}"
        while name.casefold() in self._taken:
            name += "-"
        self._taken.add(name.casefold())
        return name

    def _free(self, name: str, sha256: str) -> bool:
        """True when the folder is absent, or holds the results of this very content."""
        folder = self._out / name
        if not folder.exists() and not folder.is_symlink():
            return True
        try:
            record = json.loads((folder / CAMERA_FILE).read_text(encoding="utf-8"))
            return bool(record["views"][0]["sha256"] == sha256)
        except (OSError, ValueError, LookupError, TypeError):
            return False


def safe_name(photo_name: str) -> str:
    """Letters, digits, ``-``, ``_`` and ``.`` of a photo's name without its ending.

    Folders on the way become part of the name; anything else becomes a single ``-``.
    """
    path = PurePosixPath(unicodedata.normalize("NFC", photo_name))
    text = "/".join((*path.parts[:-1], path.stem))
    kept = "".join(c if c.isalnum() or c in "_." else "-" for c in text)
    name = "-".join(part for part in kept.split("-") if part).strip("-.")
    name = name.encode()[:MAX_BYTES].decode(errors="ignore").strip("-.") or "photo"
    return f"{name}-photo" if name.split(".")[0].casefold() in _RESERVED else name
