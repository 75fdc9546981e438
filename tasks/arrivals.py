"""Values from threads for the main thread, which is interrupted only while it waits for one.

Python raises KeyboardInterrupt between any two instructions of the main thread, also where a future
or an event holds its lock, for which other threads then wait for ever. And a signal that arrives
just before a wait without a timeout does not end it.
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
    """A queue of values from threads, and a context that defers SIGINT in the main thread.

    Within the block a SIGINT raises KeyboardInterrupt from ``take``, within half a second, or at
    the end of the block.
    """

    def __init__(self) -> None:
        # None wakes ``take``; a SimpleQueue may be filled from a signal handler.
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
        """Add a value."""
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
