"""Files that builds leave for later ones, and those that killed processes left.

They are removed by age and, least recently used first, down to a size. A later build makes again
what it misses.
"""

import os
import shutil
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headwater.pipeline.cache import NOTE, is_key
from headwater.upkeep.recorded import objects_of

BUCKET, CHECKPOINT, MODEL, LOG = "bucket", "checkpoint", "head model", "log"
REST = "temporary file"
# A process that is not ours, as `dvc push`, may be writing the younger ones.
REST_SECONDS = 3600.0


@dataclass(frozen=True)
class Leftover:
    """A file or folder that goes as a whole.

    size: in bytes. used: when it was last read or written, in seconds since 1970.
    """

    kind: str
    path: Path
    size: int
    used: float


@dataclass(frozen=True)
class Pruned:
    """Leftovers that were removed and that stay, and the problems with removing others."""

    removed: tuple[Leftover, ...]
    left: tuple[Leftover, ...]
    problems: tuple[str, ...]


def leftovers_of(project: Path, cache: Path) -> list[Leftover]:
    """Everything that builds of ``project`` left, with the buckets in the folder ``cache``."""
    home = project / ".headwater"
    folders = {folder.resolve(): folder for folder in (home / "cache", cache)}
    return [
        *(found for folder in folders.values() for found in buckets_in(folder)),
        *_each(CHECKPOINT, (p for system in _folders(home / "checkpoints") for p in _in(system))),
        *_each(MODEL, _in(home / "models")),
        *_each(LOG, _in(home / "logs")),
        *_each(REST, (path for path in _in(home) if path.name == "other_heads")),
        *_each(REST, _in(home / "experiments")),
        *_each(REST, _broken_off(home, but=set(folders))),
        *_each(
            REST, (p for part in _folders(objects_of(project).folder) for p in _temporary(part))
        ),
    ]


def buckets_in(cache: Path) -> list[Leftover]:
    """The buckets of a cache's folder, and what killed processes left there."""
    keys = (p for part in _folders(cache) for p in _folders(part) if is_key(p.name))
    return [*_each(BUCKET, keys), *_each(REST, _broken_off(cache))]


def to_remove(
    leftovers: Iterable[Leftover], keep: int, older_than: float, now: float, spare: float
) -> list[Leftover]:
    """The leftovers to remove, least recently used first.

    keep: bytes that may stay. older_than: age in seconds above which none stays. now: seconds since
    1970. spare: age in seconds up to which all stay.
    """
    ordered = sorted(leftovers, key=lambda leftover: (leftover.used, leftover.path))
    going = [one for one in ordered if one.kind == REST and now - one.used > REST_SECONDS]
    total = size_of(ordered) - size_of(going)
    for leftover in ordered:
        age = now - leftover.used
        if leftover.kind != REST and age > spare and (total > keep or age > older_than):
            going.append(leftover)
            total -= leftover.size
    return going


def remove(leftovers: Sequence[Leftover], going: Sequence[Leftover]) -> Pruned:
    """Remove those of ``leftovers`` that are ``going``."""
    removed, problems = [], []
    for leftover in going:
        try:
            # One may have gone with the folder that it lay in.
            with suppress(FileNotFoundError):
                _remove(leftover.path)
        except OSError as error:
            problems.append(f"{leftover.path}: cannot be removed ({error.strerror})")
        else:
            removed.append(leftover)
    gone = set(removed)
    left = tuple(leftover for leftover in leftovers if leftover not in gone)
    return Pruned(tuple(removed), left, tuple(problems))


def counted(leftovers: Iterable[Leftover]) -> str:
    """Leftovers by kind, for people."""
    counts = Counter(leftover.kind for leftover in leftovers)
    return ", ".join(
        f"{number} {kind}" + "s" * (number != 1) for kind, number in sorted(counts.items())
    )


def size_of(leftovers: Iterable[Leftover]) -> int:
    """Bytes of all of them."""
    return sum(leftover.size for leftover in leftovers)


def _remove(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink()
        return
    # Without its note a bucket is missing at once, not damaged for a while.
    (path / NOTE).unlink(missing_ok=True)
    shutil.rmtree(path)


def _in(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _folders(folder: Path) -> list[Path]:
    """Folders in a folder, without links, which may lead to another's."""
    return [path for path in _in(folder) if path.is_dir() and not path.is_symlink()]


def _temporary(folder: Path) -> list[Path]:
    return [path for path in _in(folder) if _is_temporary(path.name)]


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def _broken_off(top: Path, but: Collection[Path] = ()) -> Iterator[Path]:
    """Temporary files and folders below ``top``, outside the folders ``but``."""
    for folder, inner, names in os.walk(top):
        yield from (Path(folder, name) for name in sorted(inner + names) if _is_temporary(name))
        inner[:] = [
            name
            for name in inner
            if not _is_temporary(name) and Path(folder, name).resolve() not in but
        ]


def _each(kind: str, paths: Iterable[Path]) -> Iterator[Leftover]:
    for path in paths:
        if kind != REST and _is_temporary(path.name):
            continue
        try:
            yield _measured(kind, path)
        except OSError:
            # Another process removed it meanwhile.
            continue


def _measured(kind: str, path: Path) -> Leftover:
    """A leftover's size and last use; a bucket's is its note's, which reading it sets."""
    statuses = {path: path.lstat()}
    if stat.S_ISDIR(statuses[path].st_mode):
        for folder, _, names in os.walk(path):
            inside = [Path(folder, name) for name in names if not _is_temporary(name)]
            statuses |= {file: file.lstat() for file in inside}
    files = {file: status for file, status in statuses.items() if stat.S_ISREG(status.st_mode)}
    used = max(status.st_mtime for status in (files or statuses).values())
    if kind == MODEL:
        # Written once and read for as long as its code stays the same.
        used = max(used, statuses[path].st_atime)
    if kind == BUCKET and (note := files.get(path / NOTE)):
        used = note.st_mtime
    return Leftover(kind, path, sum(status.st_size for status in files.values()), used)
