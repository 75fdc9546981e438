"""The stages of a build as Prefect tasks, each after those that it reads from."""

import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.states import Cancelled, Completed, Failed

from flows.graph import Stage, written
from flows.left import items_left
from flows.outside import refuse_missing
from flows.recording import Recorder
from flows.screen import Screen, event_to_progress
from flows.soundness import dropped_outputs
from headwater.config import Params
from headwater.errors import HeadwaterError, StepFault
from headwater.pipeline.plan import Planned
from tasks.arrivals import Arrivals
from tasks.command import assembled
from tasks.runners import PROCESSES
from tasks.workers import Stopped, Workers

UNCHANGED = "unchanged"
# Added by a system to that of the one before it in ``build``.
NICENESS = 8


class Build:
    """One run over the stages of ``dvc.yaml``. failed: the failed ones, in the file's order.

    changed: stages that DVC sees changed. again: stages to run whatever DVC sees, for items to try
    again, other files outside or other packages. A stage is run when it is one of these, or when
    one that it reads from was run and gave other outputs than before.

    params: with the systems in their order. Each gives way to those before it, and buckets to
    stages: the longest way through the graph is a system's training and its evaluation, of one core
    each, which would else share theirs with work that has time.
    """

    def __init__(
        self,
        project: Path,
        graph: Mapping[str, Stage],
        workers: Workers,
        screen: Screen,
        changed: Collection[str],
        again: Collection[str],
        params: Params,
        recorder: Recorder,
    ) -> None:
        self.faults = False
        self.failed: list[str] = []
        self._project = project
        self._graph = graph
        self._workers = workers
        self._screen = screen
        self._changed = changed
        self._again = again
        self._params = params
        self._systems = list(params.build)
        self._recorder = recorder
        self._plans: dict[str, dict[int, Planned]] = {}
        # Stages whose outputs are no longer those of before.
        self._moved: set[str] = set()
        self._stopped = False
        options: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}

        @task(name="stage", task_run_name="{name}", **options)
        def stage(name: str) -> Any:
            return self._holds(name)

        @task(name="compute", task_run_name="compute {stage} bucket {bucket}", **options)
        def compute(stage: str, bucket: int) -> Any:
            return _ended(workers.compute, self._plans[stage][bucket])

        self._stage: Task[..., Any] = stage
        self._compute: Task[..., Any] = compute

    def run(self) -> list[str]:
        """Run all that is to do; returns the stages that do not hold."""
        futures: dict[str, Any] = {}
        # Whatever ends the flow, Ctrl-C too: what it started must not write on without it.
        with self._recorder:
            try:
                with Arrivals[Any]() as done:
                    for name, stage in self._graph.items():
                        needs = [futures[need] for need in sorted(stage.needs)]
                        futures[name] = self._stage.submit(name, wait_for=needs)
                        futures[name].add_done_callback(done.put)
                    for _ in futures:
                        done.take().wait()
            except BaseException:
                self._stopped = True
                raise
        return [name for name, future in futures.items() if not future.state.is_completed()]

    def _holds(self, name: str) -> Any:
        """The state that the task of a stage ends in."""
        if self._stopped:
            return Cancelled(message="the build was stopped")
        if name not in {*self._changed, *self._again} and not self._moved & self._graph[name].needs:
            return Completed(name="UpToDate", message="nothing that it reads has changed")
        self._screen.start(name)
        try:
            # Before DVC removes the outputs of the stage, which may be good ones.
            refuse_missing(self._project, self._params, {name})
            if self._graph[name].bucketed:
                self._compute_missing(name)
            text = self._record(name)
        except HeadwaterError as error:
            return self._failed(name, error)
        except Exception as error:  # noqa: BLE001  it ends its stage, and no other
            message = f"{name}: unexpected {type(error).__name__}: {error}"
            return self._failed(name, StepFault(message, traceback.format_exc()))
        self._screen.finish(name, text)
        return Completed(message=text)

    def _failed(self, name: str, error: HeadwaterError) -> Any:
        if self._stopped:
            return Cancelled(message=str(error))
        details = error.details if isinstance(error, StepFault) else ""
        self.failed.append(name)
        self.faults |= isinstance(error, StepFault)
        sys.stderr.write(details)
        self._screen.fail(name, str(error), details)
        return Failed(message=str(error))

    def _compute_missing(self, name: str) -> None:
        self._plans[name] = {one.bucket: one for one in self._workers.missing(name)}
        futures = [self._compute.submit(name, bucket) for bucket in self._plans[name]]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            self._screen.progress(name, done, len(futures), "buckets")

    def _record(self, name: str) -> str:
        text = UNCHANGED

        def on_event(event: dict[str, Any]) -> None:
            nonlocal text
            text = event.get("finished", text)
            event_to_progress(self._screen, name, event)

        before = written(self._project, self._graph[name])
        system = name.partition("@")[2]
        place = self._systems.index(system) if system in self._systems else 0
        record = partial(
            self._recorder.record,
            name,
            on_event,
            niceness=place * NICENESS,
            step=self._at_hand(name),
        )
        record(again=name in self._again)
        # Its step did not run: what there is came from DVC's cache, whatever that holds.
        if text == UNCHANGED and dropped_outputs(self._project, name, self._screen.say):
            record()
        elif text == UNCHANGED and name in items_left(self._project):
            # That of a build which left items, and whose next try was cut short.
            record(again=True)
        after = written(self._project, self._graph[name])
        if before != after or None in after.values():
            self._moved.add(name)
        return text

    def _at_hand(self, name: str) -> Callable[[], str] | None:
        """A function that assembles a stage's tables in a worker process; None without buckets."""
        if not self._graph[name].bucketed or self._params.runner != PROCESSES:
            return None
        step = self._graph[name].module.partition(".")[2]
        return partial(self._workers.insist, assembled, step)


def _ended(function: Callable[..., Any], *arguments: Any) -> Any:
    """Value of a function, or the state of a task that did not succeed.

    Of an exception Prefect would log the traceback, which tells a user nothing.
    """
    try:
        return function(*arguments)
    except Stopped as error:
        return Cancelled(message=str(error))
    except HeadwaterError as error:
        return Failed(message=str(error), data=error)
