"""Steps at work in one checkout, and those who must not disturb them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from headwater.errors import HeadwaterError


@contextmanager
def step_at_work(project: Path) -> Iterator[None]:
    """Mark that a step is at work in ``project``, beside others; ends with the process, however.

    Waits while ``no_step_at_work`` holds. Raises HeadwaterError when the mark cannot be made.
    """
    with _opened(project) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def no_step_at_work(project: Path) -> Iterator[None]:
    """Hold steps off; raises HeadwaterError when one is at work."""
    with _opened(project) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HeadwaterError(
                f"{project.resolve()}: a step is at work in this folder; wait until it is done"
            ) from error
        yield


def _opened(project: Path) -> IO[bytes]:
    path = project / ".headwater" / "steps.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError as error:
        raise HeadwaterError(
            f"{path}: cannot be written ({error.strerror}); let this user write there"
        ) from error
