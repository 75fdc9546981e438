"""Photo folders with entries that DVC cannot hash.

The step ``photos`` turns a broken link, a pipe, an unreadable file or a name that is not UTF-8 into
a reject, but DVC, which hashes the folder to see whether it changed, fails on the first of them (or
waits for ever on a pipe). In the processes of a flow it passes over them.
"""

import os
import stat
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from dvc.ignore import DvcIgnoreFilter

from headwater.artifacts.regular_files import within

PROBE_SECONDS = 10.0


@cache
def pass_over_odd_entries() -> None:
    """From now on DVC, in this process, does not see entries that it cannot hash."""
    keep = DvcIgnoreFilter.__call__

    def keep_hashable(
        self: DvcIgnoreFilter, root: str, dirs: list[str], files: list[str], **options: Any
    ) -> tuple[list[str], list[str]]:
        named = [name for name in dirs if _is_text(name)]
        return keep(self, root, named, hashable(root, files), **options)

    DvcIgnoreFilter.__call__ = keep_hashable


def hashable(root: str, names: Iterable[str]) -> list[str]:
    """Names of the regular files that can be read and whose name is text."""
    try:
        with os.scandir(root) as entries:
            there = {entry.name: entry for entry in entries}
    except OSError:
        return []
    return [
        name for name in names if _is_text(name) and name in there and _can_be_read(there[name])
    ]


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _can_be_read(entry: os.DirEntry[str]) -> bool:
    try:
        if entry.is_symlink():
            return within(PROBE_SECONDS, lambda: _gives_a_byte(Path(entry.path)))
        # Known of the listing: to ask for each of many files takes longer than DVC's own look.
        return entry.is_file(follow_symlinks=False) and os.access(entry.path, os.R_OK)
    except OSError:
        return False


def _gives_a_byte(path: Path) -> bool:
    """True for a link to a regular file that can be read now, or that is empty.

    Some files outside the folder (of a kernel, of a mounted service) never answer a read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.read(descriptor, 1)
    finally:
        os.close(descriptor)
    return True
