"""Worker processes that each stay on one core."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Any

from headwater.threads import ONE_THREAD


def _pin(core: int) -> None:
    os.sched_setaffinity(0, {core})


class PinnedWorkers:
    """One process per core of ``cores``, started at first use and kept until the end."""

    def __init__(self, cores: Sequence[int]) -> None:
        os.environ.update(ONE_THREAD)  # before a worker imports anything that starts threads
        context = multiprocessing.get_context("spawn")
        self._pools = [
            ProcessPoolExecutor(1, mp_context=context, initializer=_pin, initargs=(core,))
            for core in cores
        ]

    def __enter__(self) -> "PinnedWorkers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pool in self._pools:
            pool.shutdown()

    def run(self, function: Callable[..., int], items: Sequence[Any], workers: int) -> int:
        """Sum of ``function(part)`` over equal parts of ``items``, on the first ``workers``."""
        futures = [
            pool.submit(function, list(items[number::workers]))
            for number, pool in enumerate(self._pools[:workers])
        ]
        return sum(future.result() for future in futures)


def usable_cores() -> list[int]:
    """Numbers of the cores that this process may use, the first two."""
    return sorted(os.sched_getaffinity(0))[:2]
