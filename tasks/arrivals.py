"""Values from threads for the main thread, which hears an interrupt only where it takes one.

Python raises KeyboardInterrupt between any two calls of the main thread: also where a future or an
event has taken its lock and not yet given it back, for which all others then wait for ever. And a
signal that comes after Python's last look for one wakes no wait without an end.
"""

import signal
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.5


class Arrivals(Generic[T]):
    """Values from threads, in the order in which they ``put`` them; a context of one block.

    In the main thread a SIGINT within the block raises KeyboardInterrupt from ``take``, at once or
    within half a second, or else at the end of the block.
    """

    def __init__(self) -> None:
        # None wakes who waits: a SimpleQueue takes it from a signal's handler, too.
        self._values: SimpleQueue[T | None] = SimpleQueue()
        self._interrupted = False
        self._before: Any = signal.SIG_IGN

    def __enter__(self) -> "Arrivals[T]":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
        if callable(self._before):
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if callable(self._before):
            signal.signal(signal.SIGINT, self._before)
        self._raise_if_interrupted()

    def put(self, value: T) -> None:
        """Hand over a value."""
        self._values.put(value)

    def take(self) -> T:
        """The next value; waits for it."""
        value: T | None = None
        while value is None:
            self._raise_if_interrupted()
            with suppress(Empty):
                value = self._values.get(timeout=LOOK_SECONDS)
        return value

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True
        self._values.put(None)

    def _raise_if_interrupted(self) -> None:
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt
