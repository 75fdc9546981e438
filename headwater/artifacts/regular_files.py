"""Bytes of regular files, within a size and a time: a name may lead to a pipe, or hang for ever."""

import json
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
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


def regular_bytes(path: Path, max_bytes: int) -> bytes:
    """Bytes of the regular file that ``path`` leads to.

    Raises NotRegularError, TooLargeError, TimeoutError when reading takes longer than
    ``READ_SECONDS``, and otherwise what the system says as OSError.
    """
    return within(READ_SECONDS, lambda: bytes_of_file(path, max_bytes))


def read_file(path: Path, max_bytes: int) -> bytes:
    """Bytes of a regular file; raises HeadwaterError that names the file and its fault."""
    try:
        return regular_bytes(path, max_bytes)
    except FileNotFoundError as error:
        raise HeadwaterError(f"{path}: there is no such file") from error
    except TooLargeError as error:
        raise HeadwaterError(f"{path}: {error}; at most {max_bytes} are read") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise HeadwaterError(f"{path}: cannot be read ({reason})") from error


def existing_path(project: Path, named: str) -> Path | None:
    """The path that a setting names, if it exists: absolute or relative to the project, or from ~.

    None where there is no such path, and where none can have that name.
    """
    try:
        path = project / Path(named).expanduser()
        path.stat()
    except (OSError, RuntimeError, ValueError):  # RuntimeError: no such user
        return None
    return path


def files_in(folder: Path) -> list[Path]:
    """Everything in a folder, by name; nothing where there is none.

    Raises HeadwaterError where it cannot be read, which ``Path.glob`` passes over.
    """
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise HeadwaterError(f"{folder}: cannot be read ({error.strerror or error})") from error


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
    [outcome] = each_within(seconds, [act])
    if isinstance(outcome, TimeoutError):
        raise outcome
    return outcome


def each_within(seconds: float, acts: Sequence[Callable[[], T]]) -> Iterator[T | TimeoutError]:
    """Results of ``acts`` in their order, in one thread for as long as none of them hangs.

    A TimeoutError stands for one that takes longer than ``seconds``. Raises what an act raises.
    """
    done = 0
    while done < len(acts):
        answers: SimpleQueue[Callable[[], T]] = SimpleQueue()
        left = threading.Event()
        work = (acts[done:], answers, left)
        threading.Thread(target=_answer_all, args=work, name="reader", daemon=True).start()
        try:
            while done < len(acts) and not left.is_set():
                done += 1
                try:
                    answer = answers.get(timeout=seconds)
                except Empty:
                    left.set()
                    yield TimeoutError(f"nothing came within {seconds:g} seconds")
                else:
                    yield answer()
        finally:
            left.set()


def _answer_all(
    acts: Sequence[Callable[[], T]], answers: "SimpleQueue[Callable[[], T]]", left: threading.Event
) -> None:
    for act in acts:
        if left.is_set():
            return
        answers.put(_outcome(act))


def _outcome(act: Callable[[], T]) -> Callable[[], T]:
    """A function that returns or raises what ``act`` did."""
    try:
        result = act()
    except Exception as problem:  # noqa: BLE001 (raised again by whoever waits)
        error = problem

        def fail() -> T:
            raise error

        return fail
    return lambda: result


def bytes_of_file(path: Path, max_bytes: int) -> bytes:
    """Bytes of the regular file that ``path`` leads to, however long reading takes.

    Raises as ``regular_bytes``.
    """
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
