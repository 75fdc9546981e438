"""Worker processes that compute buckets, as many as there are cores, and die with their parent."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import compute_bucket, missing_buckets
from headwater.pipeline.step import Step
from tasks import lifeline
from tasks.console import redirect

# One thread per worker: cores are shared by processes, and sums do not depend on their number.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_TRIES = 2


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def load_step(name: str) -> Step:
    """The step of the module ``tasks.<name>``."""
    step = import_module(f"tasks.{name}").STEP
    assert isinstance(step, Step)
    return step


def _plan(name: str, params: Params, project: Path) -> list[Planned]:
    return missing_buckets(load_step(name), params, project)


def _compute(name: str, params: Params, project: Path, planned: Planned) -> None:
    compute_bucket(load_step(name), params, project, planned)


def _begin(parent: int, log: Path) -> None:
    lifeline.hold(parent)
    # A Ctrl-C is for the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    redirect(log)


class Workers:
    """A pool of ``count`` processes; one that was killed is replaced and its bucket tried again."""

    def __init__(self, params: Params, project: Path, count: int | None = None) -> None:
        self._params = params
        self._project = project
        self._count = count if count is not None else cores()
        # The kernel kills a worker when the thread that started it ends: this one lives on.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="workers")
        self._lock = Lock()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            processes = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=error is None, cancel_futures=True)
            if error is not None:
                for process in processes:
                    process.kill()
                    process.join()
        self._starter.shutdown()

    def missing(self, step: str) -> list[Planned]:
        """Buckets of a step that must be computed."""
        return list(self._run(_plan, step, self._params, self._project))

    def compute(self, planned: Planned) -> None:
        """Compute one bucket and put it into the cache; waits for it."""
        self._run(_compute, planned.step, self._params, self._project, planned)

    def compute_all(self, buckets: list[Planned]) -> Iterator[None]:
        """Compute buckets, as many at once as there are workers; yields after each."""
        with ThreadPoolExecutor(self._count + 1) as waiting:
            futures = [waiting.submit(self.compute, planned) for planned in buckets]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()

    def _run(self, function: Any, *arguments: Any) -> Any:
        for _ in range(_TRIES):
            future, pool = self._submit(function, *arguments)
            try:
                return future.result()
            except BrokenProcessPool:
                with self._lock:
                    if self._pool is pool:
                        self._pool = None
        raise HeadwaterError(
            f"{arguments[0]}: a worker process was killed {_TRIES} times; "
            "most often memory ran out: use a machine with more, or fewer cores (taskset)"
        )

    def _submit(self, function: Any, *arguments: Any) -> tuple[Future[Any], ProcessPoolExecutor]:
        with self._lock:
            return self._starter.submit(self._start_and_submit, function, *arguments).result()

    def _start_and_submit(
        self, function: Any, *arguments: Any
    ) -> tuple[Future[Any], ProcessPoolExecutor]:
        if self._pool is None:
            os.environ.update(_ONE_THREAD)
            self._pool = ProcessPoolExecutor(
                self._count,
                multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(os.getpid(), self._project / ".headwater" / "logs" / "workers.log"),
            )
        try:
            return self._pool.submit(function, *arguments), self._pool
        except (BrokenProcessPool, OSError, ValueError) as error:
            # A worker that dies while ``submit`` starts the next one closes the pipes under it,
            # which CPython reports as an OSError or a ValueError.
            broken: Future[Any] = Future()
            broken.set_exception(BrokenProcessPool(str(error)))
            return broken, self._pool
