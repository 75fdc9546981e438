"""The flow that rebuilds what is out of date: Prefect computes buckets, DVC records stages.

Run it as ``python -m flows``, which starts a Prefect server of its own, or as a deployment (see
``prefect.yaml``). Every stage goes through up to three Prefect tasks: plan (which buckets are
missing), compute (one bucket each, in the shared worker processes) and record (``dvc repro
--single-item``). The bucket cache and DVC decide what is reused, never Prefect's own cache.
"""

import sys
import traceback
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.dvc_locks import mend_rwlock
from flows.graph import Stage, changed_stages, read_graph, written
from flows.left import items_left
from flows.outside import read_otherwise
from flows.packages import of_other_packages
from flows.recording import Recorder
from flows.run_page import run_log, say_what_holds
from flows.schedule import Schedule
from flows.screen import Screen, event_to_progress
from flows.soundness import dropped_outputs, sound_changes, sound_inputs
from headwater.config import load_params
from headwater.errors import HeadwaterError, StepFault
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import forget_aside
from headwater.upkeep.build_lock import build_lock
from tasks.workers import Stopped, Workers

THREADS = 256
UNCHANGED = "unchanged"


class BuildFailed(HeadwaterError):
    """Some stages failed; each said why."""


class BuildFault(BuildFailed):
    """Some stages failed by a fault of ours."""

    exit_status = StepFault.exit_status


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


class _Build:
    """One run of the flow: what its Prefect tasks share."""

    def __init__(
        self,
        project: Path,
        graph: dict[str, Stage],
        workers: Workers,
        screen: Screen,
        again: Collection[str],
    ) -> None:
        self.project = project
        self.graph = graph
        self.workers = workers
        # Stages to run though DVC may see no change: items to try again, other files outside.
        self.again = again
        self.screen = screen
        self.recorder = Recorder(project)
        self.plans: dict[str, dict[int, Planned]] = {}
        # Stages whose outputs are no longer those of before.
        self.changed: set[str] = set()
        options: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}

        @task(name="plan", task_run_name="plan {stage}", **options)
        def plan(stage: str) -> Any:
            return _ended(self._plan, stage)

        @task(name="compute", task_run_name="compute {stage} bucket {bucket}", **options)
        def compute(stage: str, bucket: int) -> Any:
            return _ended(workers.compute, self.plans[stage][bucket])

        @task(name="record", task_run_name="record {stage}", **options)
        def record(stage: str) -> Any:
            return _ended(self._record, stage)

        self.plan, self.compute, self.record = plan, compute, record

    def _plan(self, stage: str) -> list[int]:
        self.plans[stage] = {plan.bucket: plan for plan in self.workers.missing(stage)}
        return list(self.plans[stage])

    def _record(self, stage: str) -> str:
        text = UNCHANGED

        def on_event(event: dict[str, Any]) -> None:
            nonlocal text
            text = event.get("finished", text)
            event_to_progress(self.screen, stage, event)

        before = written(self.project, self.graph[stage])
        self.recorder.record(stage, on_event, again=stage in self.again)
        # Its step did not run: what there is came from DVC's cache, whatever that holds.
        if text == UNCHANGED and dropped_outputs(self.project, stage, self.screen.say):
            self.recorder.record(stage, on_event)
        after = written(self.project, self.graph[stage])
        if before != after or None in after.values():
            self.changed.add(stage)
        return text


RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=THREADS)


@flow(name="rebuild", task_runner=RUNNER, persist_result=False)
def rebuild() -> None:
    """Rebuild every stage that is out of date in the current folder.

    Raises BuildFailed when a stage failed, or when DVC sees changes after the last stage.
    """
    project = Path.cwd()
    params = load_params(project / "params.yaml")
    screen = Screen(run_log())
    with build_lock(project), Workers(params, project) as workers, screen.live():
        mend_rwlock(project)
        graph = read_graph(project)
        again = {*items_left(project), *read_otherwise(project, params)}
        again |= of_other_packages(project, params)
        forget_aside(project)
        changed, _ = sound_changes(project, screen.say)
        changed = sound_inputs(project, graph, changed, screen.say)
        build = _Build(project, graph, workers, screen, again)
        walk = _Walk(build, Schedule(graph, {*changed, *again}))
        try:
            failed = walk.run()
        except BaseException:
            # Whatever ends the flow, Ctrl-C too: what it started must not write on without it.
            build.recorder.kill()
            raise
        say_what_holds(project, screen)
        if failed:
            failure = BuildFault if walk.faults else BuildFailed
            raise failure(f"{len(failed)} of {len(graph)} stages do not hold")
        if left := changed_stages(project):
            raise BuildFailed(f"changed while they were built: {', '.join(left)}; run again")


class _Walk:
    """Runs stages as soon as those that they need hold."""

    def __init__(self, build: _Build, schedule: Schedule) -> None:
        self._build = build
        self._schedule = schedule
        self._screen = build.screen
        self._done: SimpleQueue[tuple[str, PrefectFuture[Any], Callable[[Any], None]]]
        self._done = SimpleQueue()
        self._left: dict[str, int] = {}
        self.faults = False

    def run(self) -> set[str]:
        """Run all that is to do; returns the stages that do not hold."""
        while self._schedule.open():
            for stage in self._schedule.ready():
                self._start(stage)
            name, future, then = self._done.get()
            if name in self._schedule.failed:
                continue
            try:
                result = future.result()
            except HeadwaterError as error:
                self._fail(name, error)
            except Exception as error:  # noqa: BLE001  it ends its stage, and no other
                message = f"{name}: unexpected {type(error).__name__}: {error}"
                self._fail(name, StepFault(message, traceback.format_exc()))
            else:
                then(result)
        return self._schedule.failed

    def _fail(self, name: str, error: HeadwaterError) -> None:
        details = error.details if isinstance(error, StepFault) else ""
        self.faults |= isinstance(error, StepFault)
        sys.stderr.write(details)
        self._screen.fail(name, str(error), details)
        self._schedule.fail(name)

    def _submit(
        self, name: str, then: Callable[[Any], None], what: Task[..., Any], *arguments: Any
    ) -> None:
        future = what.submit(*arguments)
        future.add_done_callback(lambda future: self._done.put((name, future, then)))

    def _start(self, stage: Stage) -> None:
        name = stage.name
        self._screen.start(name)
        if stage.bucketed:
            self._submit(name, partial(self._compute, name), self._build.plan, name)
        else:
            self._record(name)

    def _compute(self, name: str, missing: list[int]) -> None:
        self._left[name] = len(missing)
        for bucket in missing:
            then = partial(self._computed, name, len(missing))
            self._submit(name, then, self._build.compute, name, bucket)
        if not missing:
            self._record(name)

    def _computed(self, name: str, missing: int, _: None) -> None:
        self._left[name] -= 1
        self._screen.progress(name, missing - self._left[name], missing, "buckets")
        if not self._left[name]:
            self._record(name)

    def _record(self, name: str) -> None:
        self._submit(name, partial(self._finish, name), self._build.record, name)

    def _finish(self, name: str, text: str) -> None:
        self._schedule.finished(name, changed=name in self._build.changed)
        self._screen.finish(name, text)
