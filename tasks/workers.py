"""Workers that compute buckets, several at once; ``tasks.runners`` says where.

Prefect's process runner and loky, as concurrent.futures, give up all jobs of a pool when one of its
processes dies, and do not say which job killed it. Here a death costs its own bucket a try and
names its signal, so that a bucket can be halved until the item that kills is the only one rejected.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from queue import Empty, LifoQueue
from threading import Lock
from types import TracebackType
from typing import Any, TypeVar

from headwater.config import Params
from headwater.errors import HeadwaterError, ItemRejected
from headwater.pipeline.plan import Planned, plan
from headwater.pipeline.run import (
    Rows,
    compute_bucket,
    compute_items,
    items_of_bucket,
    missing_buckets,
    store_bucket,
)
from headwater.pipeline.step import Item, Result, Step
from headwater.upkeep.kept_rows import items_to_retry, kept_rows
from tasks.arrivals import Arrivals
from tasks.runners import PROCESSES, Hand, cores, crew_of
from tasks.worker import WorkerDied

__all__ = ["Stopped", "Workers", "WorkersEnd", "cores", "load_step"]

_TRIES = 2

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


class Stopped(HeadwaterError):
    """The workers were ended while something waited for them."""


class WorkersEnd(HeadwaterError):
    """A job ends the process of every worker that is given it."""


def load_step(name: str) -> Step:
    """The step of the module ``tasks.<name>``."""
    step = import_module(f"tasks.{name}").STEP
    assert isinstance(step, Step)
    return step


def _plan(name: str, params: Params, project: Path) -> list[Planned]:
    return missing_buckets(load_step(name), params, project)


def _plan_all(name: str, params: Params, project: Path) -> list[Planned]:
    return plan(load_step(name), params, project)


def _compute(name: str, params: Params, project: Path, planned: Planned) -> None:
    compute_bucket(load_step(name), params, project, planned)


def _items(name: str, params: Params, project: Path, planned: Planned) -> list[Item]:
    return items_of_bucket(load_step(name), params, project, planned)


def _part(
    name: str, params: Params, project: Path, planned: Planned, items: Sequence[Item]
) -> Rows:
    return compute_items(load_step(name), params, project, planned, items)


def _again(name: str, params: Params, project: Path, planned: Planned) -> list[Item]:
    """Items of a bucket to try again alone, for its other rows stand; none where they do not."""
    step = load_step(name)
    again = items_to_retry(step, project, planned)
    if not again or kept_rows(step, project, planned, params.buckets) is None:
        return []
    return [one for one in items_of_bucket(step, params, project, planned) if one.item in again]


def _complete(name: str, params: Params, project: Path, planned: Planned, rows: Rows) -> None:
    """Store a bucket of rows that stand and those of the items that were tried again."""
    step = load_step(name)
    kept = kept_rows(step, project, planned, params.buckets)
    if kept is None:
        raise HeadwaterError(f"{name}: the table of bucket {planned.bucket} changed; run again")
    store_bucket(step, params, project, planned, _together([kept, rows]))


def _store(name: str, params: Params, project: Path, planned: Planned, rows: Rows) -> None:
    store_bucket(load_step(name), params, project, planned, rows)


class Workers:
    """At most ``count`` workers; one that dies is replaced, and costs its own bucket a try."""

    def __init__(
        self, params: Params, project: Path, count: int | None = None, runner: str = PROCESSES
    ) -> None:
        self._params = params
        self._project = project
        self._log = project / ".headwater" / "logs" / "workers.log"
        self._crew = crew_of(runner, self._log)
        self._lock = Lock()
        self._closed = False
        self._alive: set[Hand] = set()
        self.count = self._crew.count if count is None else count
        self._unstarted = self.count
        # The last one used comes first; None is the place of one that has ended.
        self._idle: LifoQueue[Hand | None] = LifoQueue()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._end(at_once=error is not None):
            worker.close()
        self._crew.dismiss()

    def missing(self, step: str) -> list[Planned]:
        """Buckets of a step that must be computed."""
        return list(self.insist(_plan, step))

    def planned(self, step: str) -> list[Planned]:
        """All buckets of a step."""
        return list(self.insist(_plan_all, step))

    def compute(self, planned: Planned) -> None:
        """Compute one bucket and store it; waits for it.

        Of a bucket that the tables have, but for items to try again, these alone are computed.
        Items that kill the worker, or take all memory, become rejects. Raises StepFault for a
        fault in the step and Stopped when the workers are ended meanwhile.
        """
        if again := self.insist(_again, planned.step, planned):
            self.insist(_complete, planned.step, planned, self._bisect(planned, again))
            return
        for _ in range(_TRIES):
            try:
                self._run(_compute, planned.step, planned)
            except WorkerDied:
                continue
            return
        items = self.insist(_items, planned.step, planned)
        self.insist(_store, planned.step, planned, self._bisect(planned, items))

    def compute_all(self, buckets: list[Planned]) -> Iterator[None]:
        """Compute buckets, as many at once as there are workers; yields after each."""
        with ThreadPoolExecutor(self.count + 1) as waiting:
            futures: list[Future[None]] = []
            try:
                with Arrivals[Future[None]]() as done:
                    for planned in buckets:
                        futures.append(waiting.submit(self.compute, planned))
                        futures[-1].add_done_callback(done.put)
                    for _ in futures:
                        yield done.take().result()
            except (KeyboardInterrupt, GeneratorExit):
                # Else leaving the block waits for the buckets.
                self._end(at_once=True)
                raise
            finally:
                for future in futures:
                    future.cancel()

    def in_order(self, work: Callable[[Job], Outcome], jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Outcomes of ``work``, called in threads that wait for the workers, in the jobs' order.

        Jobs are taken as workers get free, a few ahead.
        """
        pending: deque[Future[Outcome]] = deque()
        with ThreadPoolExecutor(self.count) as waiting:
            try:
                with Arrivals[Future[Outcome]]() as done:
                    for job in jobs:
                        pending.append(waiting.submit(work, job))
                        pending[-1].add_done_callback(done.put)
                        if len(pending) > 2 * self.count:
                            yield _first(pending, done)
                    while pending:
                        yield _first(pending, done)
            except BaseException:
                # Else leaving the block waits for the workers.
                self._end(at_once=True)
                raise
            finally:
                for future in pending:
                    future.cancel()

    def _end(self, at_once: bool) -> list[Hand]:
        """Start no more jobs, and stop those that run if ``at_once``; gives the workers."""
        with self._lock:
            self._closed = True
            if at_once:
                for worker in self._alive:
                    worker.kill()
            # Wakes one that waits for a worker; it puts this back for the next.
            self._idle.put(None)
            return list(self._alive)

    def _bisect(self, planned: Planned, items: Sequence[Item]) -> Rows:
        """Rows of some items of a bucket; one that kills its worker twice, alone, is rejected."""
        for _ in range(_TRIES):
            try:
                rows: Rows = self._run(_part, planned.step, planned, items)
            except WorkerDied as death:
                died = death
            else:
                return rows
            if len(items) > 1:
                middle = len(items) // 2
                halves = [self._bisect(planned, items[:middle])]
                halves.append(self._bisect(planned, items[middle:]))
                return _together(halves)
        result = Result(planned.step)
        result.reject(items[0], ItemRejected(died.reason, str(died)))
        return result.rows

    def insist(self, function: Callable[..., Any], step: str, *arguments: Any) -> Any:
        """Value of a function of step, parameters, project and ``arguments`` in a worker.

        For what no item is to blame for when the worker dies: it is tried again. Raises
        WorkersEnd when that dies too, and what the function raises.
        """
        for _ in range(_TRIES):
            try:
                return self._run(function, step, *arguments)
            except WorkerDied as death:
                died = death
        advice = (
            "Use a machine with more memory, or fewer cores (taskset)"
            if died.for_memory
            else f"Mend what ends it; its last words may stand in {self._log}"
        )
        raise WorkersEnd(f"{step}: a worker process ended {_TRIES} times: {died} {advice}")

    def _run(self, function: Callable[..., Any], step: str, *arguments: Any) -> Any:
        worker = self._place()
        try:
            worker = self._started(worker)
            return worker.run(function, step, self._params, self._project, *arguments)
        except WorkerDied:
            with self._lock:
                self._alive.discard(worker)
            worker = None
            raise
        finally:
            self._idle.put(worker)

    def _place(self) -> Hand | None:
        """An idle worker; None where another is to be started.

        That is only where none becomes idle in the time that starting one takes.
        """
        if self._alive:
            with suppress(Empty):
                return self._idle.get(timeout=self._crew.start_seconds)
        with self._lock:
            if self._unstarted:
                self._unstarted -= 1
                return None
        return self._idle.get()

    def _started(self, worker: Hand | None) -> Hand:
        with self._lock:
            if self._closed:
                raise Stopped("the build was stopped")
            if worker is None:
                worker = self._crew.hire()
                self._alive.add(worker)
            return worker


def _first(pending: deque[Future[Outcome]], done: Arrivals[Future[Outcome]]) -> Outcome:
    """Outcome of the first of the futures, all of which are put into ``done``; waits for it."""
    while not pending[0].done():
        done.take()
    return pending.popleft().result()


def _together(parts: Sequence[Rows]) -> Rows:
    tables = {table for part in parts for table in part}
    return {table: [row for part in parts for row in part.get(table, [])] for table in tables}
