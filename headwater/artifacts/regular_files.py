"""Bytes of regular files, within a size and a time: a name may lead to a pipe, or hang for ever."""

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from headwater.errors import HeadwaterError

READ_SECONDS: Final = 60.0
T = TypeVar("T")


class NotRegularError(OSError):
    """A pipe, socket, device or folder."""


class TooLargeError(OSError):
    """A file of more bytes than the limit; ``size`` of them."""

    def __init__(self, size: int) -> None:
        super().__init__(f"it has {size} bytes")
        self.size = size


def regular_bytes(path: Path, max_bytes: int, seconds: float = READ_SECONDS) -> bytes:
    """Bytes of the regular file that ``path`` leads to.

    Raises NotRegularError, TooLargeError, TimeoutError when reading takes longer than ``seconds``,
    and otherwise what the system says as OSError.
    """
    return within(seconds, lambda: _read(path, max_bytes))


def read_file(path: Path, max_bytes: int) -> bytes:
    """As ``regular_bytes``; raises HeadwaterError that names the file and its fault."""
    try:
        return regular_bytes(path, max_bytes)
    except FileNotFoundError as error:
        raise HeadwaterError(f"{path}: there is no such file") from error
    except TooLargeError as error:
        raise HeadwaterError(f"{path}: {error}; at most {max_bytes} are read") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise HeadwaterError(f"{path}: cannot be read ({reason})") from error


def read_json(path: Path, max_bytes: int) -> Any:
    """Content of a JSON file; raises HeadwaterError as ``read_file``, also for no JSON."""
    try:
        return json.loads(read_file(path, max_bytes).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise HeadwaterError(f"{path}: is not JSON ({error})") from error


def within(seconds: float, act: Callable[[], T]) -> T:
    """Result or error of ``act``; TimeoutError when that takes longer than ``seconds``.

    It runs in a thread, which stays behind when it hangs: no signal ends a read that the system
    never answers.
    """
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(act())
        except Exception as error:  # noqa: BLE001 (raised again below)
            errors.append(error)

    thread = threading.Thread(target=run, name="reader", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"nothing came within {seconds:g} seconds")
    return results[0]


def _read(path: Path, max_bytes: int) -> bytes:
    # A device is not even opened: that alone may do something.
    _check_regular(path.stat())
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        _check_regular(status)
        if status.st_size > max_bytes:
            raise TooLargeError(status.st_size)
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLargeError(len(data))
    return data


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError("it is a pipe, socket, device or folder")
