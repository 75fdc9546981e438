"""A step as a command: ``python -m tasks.<step>``, which is what DVC runs.

Exit status 0 when the step holds, 2 for a problem that the user can mend (one line, no traceback),
1 for a fault of ours (one line; the traceback is in the step's log), 130 when interrupted.
With HEADWATER_DEBUG set, tracebacks and the libraries' chatter are shown.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn

from headwater.artifacts.modules import refuse_edited
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.faces.system_libraries import check_system_libraries
from headwater.pipeline.cache_place import check_cache, owner_of
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import Summary, assemble, compute_bucket, forget_aside
from headwater.pipeline.step import Step
from headwater.systems.settings import check_systems
from headwater.upkeep.build_lock import refuse_other_build
from headwater.upkeep.places import check_name, refusal
from headwater.upkeep.step_lock import step_at_work
from tasks import lifeline
from tasks.console import DEBUG, VOICE, Unread, counts, finished, progress, under_flow
from tasks.recorded_code import refuse_other_code
from tasks.workers import Workers, load_step

# Long trainings, which themselves check that no code was edited before all of it was loaded.
TRAININGS: Final = frozenset({"train", "parser", "generator"})
ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], None]


def run(step: Step) -> NoReturn:
    """Compute the missing buckets of a step, assemble its tables, and exit."""
    command(lambda: build(step, Path.cwd()))


def build(step: Step, project: Path) -> str:
    """Compute the missing buckets of a step and assemble its tables; returns the counts."""
    params = load_params(project / "params.yaml")
    check_system_libraries()
    notice = check_cache(params, project)
    if not under_flow():
        # A flow has just computed what lies there.
        forget_aside(project, step.name)

    def compute(missing: list[Planned]) -> Iterator[None]:
        if not missing:
            return
        if notice and not under_flow():
            VOICE.say(notice)
        with (
            progress(step.name, len(missing)) as advance,
            Workers(params, project, runner=params.runner) as workers,
        ):
            for _ in workers.compute_all(missing):
                advance()
                yield

    return _counted(step, params, project, assemble(step, params, project, compute))


def assembled(name: str, params: Params, project: Path) -> str:
    """Assemble the tables of a step for the flow, as its command does; returns the counts.

    For a process that has the step's code loaded. Buckets that are damaged are computed in it.
    """
    step = load_step(name)
    refuse_other_code(name, project, name)

    def compute(missing: list[Planned]) -> Iterator[None]:
        for planned in missing:
            compute_bucket(step, params, project, planned)
            yield

    with step_at_work(owner_of(project)):
        try:
            summary = assemble(step, params, project, compute)
        except OSError as error:
            raise HeadwaterError(f"{name}: {refusal(error, project)}") from error
        refuse_edited()
    return _counted(step, params, project, summary)


def _counted(step: Step, params: Params, project: Path, summary: Summary) -> str:
    if not step.is_wanted(params, project):
        return "nothing: no system of the build trains on it"
    return counts(summary.items, summary.rejects)


def command(main: Callable[[], str | None]) -> NoReturn:
    """Run a step's ``main`` and exit; the text that it returns stands in the step's line."""
    chain = lifeline.hold()
    name, project = stage_name(sys.argv), Path.cwd()
    try:
        check_name(project)
        refuse_other_build(project, chain)
        quieten(name, project / ".headwater" / "logs" / f"{name}.log")
    except HeadwaterError as error:
        VOICE.complain(str(error))
        sys.exit(2)
    try:
        status = status_of(main, name)
    except Exception:  # noqa: BLE001  the hook says it
        sys.excepthook(*sys.exc_info())
        status = 1
    lifeline.end(status)


def system_name() -> str:
    """The system that the command line names. Raises HeadwaterError when it names none or more."""
    from headwater.systems import SYSTEMS

    if len(sys.argv) != 2:
        step = Path(sys.argv[0]).stem
        raise HeadwaterError(f"name one system: python -m tasks.{step} <{'|'.join(SYSTEMS)}>")
    return sys.argv[1]


def quieten(name: str, log: Path) -> None:
    """Send chatter and tracebacks of this process into ``log``, unless HEADWATER_DEBUG is set."""
    if DEBUG not in os.environ:
        VOICE.alone(log)
        sys.excepthook = fault_in_one_line(name, log)


def stage_name(arguments: Sequence[str]) -> str:
    """Name of the stage that a command line runs, as in ``train@glvd``."""
    return "@".join((Path(arguments[0]).stem, *arguments[1:2]))


def status_of(main: Callable[[], str | None], name: str) -> int:
    """Run ``main``, say in one line how it ended, and give the exit status."""
    started = time.perf_counter()
    try:
        check_systems(load_params(Path("params.yaml")), Path.cwd())
        refuse_other_code(name.partition("@")[0], Path.cwd())
        with step_at_work(owner_of(Path.cwd())):
            text = main()
            if name.partition("@")[0] not in TRAININGS:
                refuse_edited()
        finished(name, text or "", time.perf_counter() - started)
    except HeadwaterError as error:
        VOICE.complain(str(error))
        return error.exit_status
    except OSError as error:
        traceback.print_exc()
        VOICE.complain(f"{name}: {refusal(error, Path.cwd())}")
        return 2
    except KeyboardInterrupt as stop:
        if not isinstance(stop, Unread):
            VOICE.complain(f"{name}: was stopped; run it again")
        return 130
    return 0


def fault_in_one_line(name: str, log: Path) -> ExceptHook:
    """Hook for a fault of ours: the traceback goes into the log, one line to the user."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exception(kind, error, trace, file=file)
        VOICE.complain(f"{name}: unexpected {kind.__name__}: {error} (details in {log})")

    return hook
