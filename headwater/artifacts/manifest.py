"""Manifests: the SHA-256 and size of every file in a step's folder, written last.

A manifest's text is the only one possible for its content and holds its own checksum, so that one
changed bit anywhere, in a file or in the manifest, is found.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from headwater.artifacts.atomic import write_text
from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.errors import HeadwaterError

# Hidden, so that a folder of photos with a manifest is still a folder of photos.
MANIFEST = ".manifest.json"

FileEntry = tuple[str, int]


class DamagedManifest(HeadwaterError):
    """A manifest is not what was written."""


def write_manifest(folder: Path) -> Path:
    """Write the manifest of ``folder`` over all files below it; returns the manifest's path.

    The last thing that a step does: a folder without a manifest is unfinished. Temporary files
    that a killed run left are removed first.
    """
    for leftover in folder.rglob(".*.tmp"):
        leftover.unlink()
    path = folder / MANIFEST
    write_text(path, _text({name: _entry(folder / name) for name in files_below(folder)}))
    return path


def read_manifest(folder: Path) -> dict[str, FileEntry]:
    """SHA-256 and size by path relative to ``folder``.

    Raises DamagedManifest when it cannot be read, or differs from what was written by one bit.
    """
    path = folder / MANIFEST
    try:
        text = path.read_bytes().decode()
        content = json.loads(text)
        entries = {
            str(name): (str(sha), int(size)) for name, (sha, size) in content["files"].items()
        }
        intact = text == _text(entries)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        intact = False
    if not intact:
        raise DamagedManifest(f"{path}: is damaged; rebuild its step")
    return entries


def problems_with_files(folder: Path) -> list[tuple[Path, str]]:
    """Differences between ``folder`` and its manifest: (file, fault) in order of names.

    Raises DamagedManifest.
    """
    entries = read_manifest(folder)
    problems = []
    present = set(files_below(folder))
    for name in sorted(present | set(entries)):
        path = folder / name
        if name not in present:
            problems.append((path, "is missing"))
        elif name not in entries:
            problems.append((path, "was not written by the step"))
        elif (found := _size_first(path, entries[name])) is not None:
            problems.append((path, found))
    return problems


def files_below(folder: Path) -> list[str]:
    """Relative paths of all files below ``folder`` but the manifest itself, sorted."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / MANIFEST
    )


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file of any size as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entry(path: Path) -> FileEntry:
    return sha256_of_file(path), path.stat().st_size


def _size_first(path: Path, entry: FileEntry) -> str | None:
    sha256, size = entry
    try:
        if (found := path.stat().st_size) != size:
            return f"has {found} bytes instead of {size}"
        return None if sha256_of_file(path) == sha256 else "is not as it was written"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _text(entries: dict[str, FileEntry]) -> str:
    files: dict[str, Any] = {name: list(entries[name]) for name in sorted(entries)}
    content = {"checksum": sha256_hex(canonical_json(files).encode()), "files": files}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
