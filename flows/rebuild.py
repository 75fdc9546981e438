"""The flow that rebuilds what is out of date: Prefect computes buckets, DVC records stages.

Run it as ``python -m flows``, which starts a Prefect server of its own, or as a deployment (see
``prefect.yaml``). Every stage goes through up to three Prefect tasks: plan (which buckets are
missing), compute (one bucket each, in the shared worker processes) and record (``dvc repro
--single-item``). The bucket cache and DVC decide what is reused, never Prefect's own cache.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.dvc_locks import mend_rwlock
from flows.graph import Stage, changed_stages, read_graph, written
from flows.recording import Recorder
from flows.schedule import Schedule
from flows.screen import Screen, event_to_progress
from flows.soundness import dropped_outputs, sound_changes, sound_inputs
from headwater.build_lock import build_lock
from headwater.config import load_params
from headwater.errors import HeadwaterError
from headwater.pipeline.plan import Planned
from tasks.workers import Workers

THREADS = 256
UNCHANGED = "unchanged"


def _is_ours(task: Any, run: Any, state: State[Any]) -> bool:
    """Retry faults and lost workers, never what the user must mend."""
    return not isinstance(state.result(raise_on_failure=False), HeadwaterError)


class BuildFailed(HeadwaterError):
    """Some stages failed; each said why."""


class _Build:
    """One run of the flow: what its Prefect tasks share."""

    def __init__(
        self, project: Path, graph: dict[str, Stage], workers: Workers, screen: Screen
    ) -> None:
        self.project = project
        self.graph = graph
        self.workers = workers
        self.screen = screen
        self.recorder = Recorder(project)
        self.plans: dict[str, list[Planned]] = {}
        # Stages whose outputs are no longer those of before.
        self.changed: set[str] = set()
        options: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}
        once_more: dict[str, Any] = {"retries": 1, "retry_condition_fn": _is_ours}

        @task(name="plan", task_run_name="plan {stage}", **options)
        def plan(stage: str) -> int:
            self.plans[stage] = workers.missing(stage)
            return len(self.plans[stage])

        @task(name="compute", task_run_name="compute {stage} {number}", **options, **once_more)
        def compute(stage: str, number: int) -> None:
            workers.compute(self.plans[stage][number])

        @task(name="record", task_run_name="record {stage}", **options)
        def record(stage: str) -> str:
            return self._record(stage)

        self.plan, self.compute, self.record = plan, compute, record

    def _record(self, stage: str) -> str:
        text = UNCHANGED

        def on_event(event: dict[str, Any]) -> None:
            nonlocal text
            text = event.get("finished", text)
            event_to_progress(self.screen, stage, event)

        before = written(self.project, self.graph[stage])
        self.recorder.record(stage, on_event)
        # Its step did not run: what there is came from DVC's cache, whatever that holds.
        if text == UNCHANGED and dropped_outputs(self.project, stage, self.screen.say):
            self.recorder.record(stage, on_event)
        after = written(self.project, self.graph[stage])
        if before != after or None in after.values():
            self.changed.add(stage)
        return text


RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=THREADS)


@flow(
    name="rebuild",
    task_runner=RUNNER,
    persist_result=False,
    validate_parameters=False,
)
def rebuild() -> None:
    """Rebuild every stage that is out of date in the current folder.

    Raises BuildFailed when a stage failed, or when DVC sees changes after the last stage.
    """
    project = Path.cwd()
    params = load_params(project / "params.yaml")
    screen = Screen()
    with build_lock(project), Workers(params, project) as workers, screen.live():
        mend_rwlock(project)
        graph = read_graph(project)
        changed, _ = sound_changes(project, screen.say)
        changed = sound_inputs(project, graph, changed, screen.say)
        build = _Build(project, graph, workers, screen)
        try:
            failed = _Walk(build, Schedule(graph, set(changed))).run()
        except BaseException:
            # Whatever ends the flow, Ctrl-C too: what it started must not write on without it.
            build.recorder.kill()
            raise
        if failed:
            raise BuildFailed(f"{len(failed)} of {len(graph)} stages do not hold")
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
                self._screen.fail(name, str(error))
                self._schedule.fail(name)
            else:
                then(result)
        return self._schedule.failed

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

    def _compute(self, name: str, missing: int) -> None:
        self._left[name] = missing
        for number in range(missing):
            self._submit(
                name, partial(self._computed, name, missing), self._build.compute, name, number
            )
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
