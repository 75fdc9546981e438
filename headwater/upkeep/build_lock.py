"""One build at a time in one checkout."""

import fcntl
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from headwater.errors import HeadwaterError

# A step that looks who holds the lock holds it for a moment itself.
_TRIES: Final = 10
_PAUSE_SECONDS: Final = 0.05


@contextmanager
def build_lock(project: Path) -> Iterator[None]:
    """Hold the project's build lock; the kernel releases it when this process ends, however.

    Inside itself, in one process, it changes nothing. Raises HeadwaterError naming the process
    that holds it.
    """
    path = _path(project)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        if not _acquire(file):
            if _holder(file) != str(os.getpid()):
                raise _refused(file)
            yield
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def refuse_other_build(project: Path, chain: Collection[int]) -> None:
    """Raise HeadwaterError when a process other than those of ``chain`` holds the build lock."""
    try:
        file = _path(project).open(encoding="ascii")
    except FileNotFoundError:
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if _holder(file) not in map(str, chain):
                raise _refused(file) from error


def _path(project: Path) -> Path:
    return project / ".headwater" / "build.lock"


def _acquire(file: IO[str]) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _holder(file) == str(os.getpid()):
                return False
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip()


def _refused(file: IO[str]) -> HeadwaterError:
    return HeadwaterError(
        f"another build (process {_holder(file) or 'unknown'}) is running in this folder; "
        "wait until it is done"
    )
