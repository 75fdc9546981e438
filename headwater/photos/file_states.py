"""States of files, by which a file that was read before is known to hold what it held then.

DVC decides by less whether a folder of photos has changed at all. A photo that is decoded is read,
and held against the hash that it is listed with, all the same.
"""

import stat
import time
from pathlib import Path
from typing import Final, Protocol

# Some file systems count whole seconds: what was just written may be written again unseen.
SETTLED_SECONDS: Final = 3.0


class Memory(Protocol):
    """Texts by name, which outlive the process."""

    def recall(self, name: str) -> list[str] | None:
        """The texts of a name; None for one that is not known."""

    def learn(self, name: str, texts: list[str]) -> None:
        """Know a name from now on."""


def state_of(path: Path) -> str | None:
    """Device, inode, size and times of the regular file that a path leads to, as one word.

    Another content has another one: nobody sets the time of change of a file's own entry, as
    ``cp -p`` does the other. None for all else, and for a file that changed a moment ago, or in
    the future of this machine's clock.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    changed_ns = max(found.st_mtime_ns, found.st_ctime_ns)
    if not stat.S_ISREG(found.st_mode) or time.time_ns() - changed_ns < SETTLED_SECONDS * 1e9:
        return None
    times = f"{found.st_mtime_ns}:{found.st_ctime_ns}"
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{times}"
