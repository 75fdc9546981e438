"""One build at a time in one checkout."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import HeadwaterError


@contextmanager
def build_lock(project: Path) -> Iterator[None]:
    """Hold the project's build lock; the kernel releases it when this process ends, however.

    Raises HeadwaterError naming the process that holds it.
    """
    path = project / ".headwater" / "build.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise HeadwaterError(
                f"another build (process {file.read().strip() or 'unknown'}) is running in this "
                "folder; wait until it is done"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
