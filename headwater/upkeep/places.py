"""Folders that a build writes into, and sentences for what the operating system refuses there."""

import errno
import getpass
import os
import tempfile
from pathlib import Path
from typing import Final

from headwater.errors import HeadwaterError

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_CLOSED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


def refusal(error: OSError, place: Path | None = None) -> str:
    """One sentence: the path that an operation failed on, why, and what mends it.

    place: the path, where the error does not name it.
    """
    path = error.filename or place
    reason = error.strerror or str(error)
    named = f"{path}: {reason}" if path else reason
    if error.errno in _FULL:
        return f"{named}; free some space there and run again"
    if error.errno in _CLOSED:
        return f"{named}; give this user the right to write there and run again"
    return named


def check_writable(folder: Path, size: int = 4096) -> None:
    """Make a folder if there is none, and write a file of ``size`` bytes that leaves no trace.

    Raises HeadwaterError naming the folder, when it is read-only or its disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(size))
            file.flush()
    except OSError as error:
        error.filename = str(folder)
        raise HeadwaterError(refusal(error)) from error


def check_name(project: Path) -> None:
    """Refuse a project path with braces, on which DVC fails after a stage has run.

    Raises HeadwaterError.
    """
    if braces := {"{", "}"} & set(str(project)):
        raise HeadwaterError(
            f"{project}: DVC cannot work in a folder whose path holds {min(braces)!r}; "
            "move or rename it"
        )


def name_user() -> None:
    """Give a user whom the system does not name, as in a container, their number as a name.

    DVC asks for one.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = str(os.getuid())
