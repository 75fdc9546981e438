"""The flow that rebuilds what is out of date: Prefect computes buckets, DVC records stages.

Run it as ``python -m flows``, which starts a Prefect server of its own, or as a deployment (see
``prefect.yaml``). Every stage of ``dvc.yaml`` is a Prefect task that waits for the stages it reads
from (``wait_for``), so that the run's page shows the graph; the buckets that it lacks are tasks
inside it, in the shared worker processes, and then DVC records it (``dvc repro --single-item``).
The bucket cache and DVC decide what is reused, never Prefect's own cache. Prefect's form of a run
shows what ``Args`` of a flow's docstring says of its parameters.
"""

from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.settings import PREFECT_API_URL
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.build import Build
from flows.dvc_locks import mend_rwlock
from flows.graph import changed_stages, read_graph
from flows.left import PAGE, items_left, unheld
from flows.outside import read_otherwise
from flows.packages import of_other_packages
from flows.recording import Recorder
from flows.review import check_leavable, leave, send_build
from flows.run_page import run_branch, run_log, say_what_holds, show_review
from flows.screen import Screen
from flows.server_watch import end_without_server
from flows.soundness import sound_changes, sound_inputs
from flows.systems import drop_unbuilt
from headwater.config import load_params
from headwater.errors import HeadwaterError, StepFault
from headwater.pipeline.run import forget_aside
from headwater.upkeep.build_lock import build_lock
from tasks.workers import Workers

# Kind of its branches in Git, and name of the flow.
KIND = "rebuild"
# A stage holds a thread while it waits for others: there are more than stages.
THREADS = 256


class BuildFailed(HeadwaterError):
    """Some stages failed; each said why."""


class BuildFault(BuildFailed):
    """Some stages failed by a fault of ours."""

    exit_status = StepFault.exit_status


RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=THREADS)


@flow(name=KIND, task_runner=RUNNER, persist_result=False)
def rebuild(review: bool = True, push: bool = True) -> None:
    """Rebuild every stage that is out of date in the current folder, as params.yaml has it.

    Raises BuildFailed when a stage failed, or when DVC sees changes after the last stage.

    Args:
        review: Leave data that changed on a Git branch named after the run.
        push: Send what is left for review to the DVC remote, and its branch to Git's origin,
            where there are such.
    """
    project = Path.cwd()
    params, recorder = load_params(project / "params.yaml"), Recorder(project)
    end_without_server(PREFECT_API_URL.value() or "")
    if review:
        # Before hours of a build that could not be left.
        check_leavable(project, KIND, push)
    screen = Screen(run_log())
    with (
        build_lock(project),
        Workers(params, project, runner=params.runner) as workers,
        screen.live(),
    ):
        mend_rwlock(project)
        drop_unbuilt(project, params)
        graph = read_graph(project)
        again = {*items_left(project), *read_otherwise(project, params)}
        again |= of_other_packages(project, params)
        forget_aside(project)
        changed, _ = sound_changes(project, screen.say)
        changed = sound_inputs(project, graph, changed, screen.say)
        build = Build(project, graph, workers, screen, changed, again, params, recorder)
        failed = build.run()
        say_what_holds(project, screen)
        if failed:
            failure = BuildFault if build.faults else BuildFailed
            waiting = [name for name in failed if name not in build.failed]
            reported = (project / PAGE).exists()
            raise failure(unheld(build.failed, waiting, len(graph), reported))
        if left := changed_stages(project):
            raise BuildFailed(f"changed while they were built: {', '.join(left)}; run again")
        if review:
            branch = run_branch(KIND)
            send = partial(send_build, project) if push else None
            if kept := leave(project, branch, f"Rebuild {branch}", send):
                show_review(kept, project, screen)
