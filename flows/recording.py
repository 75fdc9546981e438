"""Letting DVC assemble and record one stage: ``dvc repro --single-item``."""

import secrets
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType

from flows.dvc_locks import mend_rwlock
from flows.dvc_runner import DvcProcess, DvcProcesses, OnEvent, RunStep
from headwater.errors import HeadwaterError, StepFault
from headwater.upkeep.places import check_writable
from tasks.workers import Stopped

LOCKED = ("Unable to acquire lock", "is busy, it is being blocked by")
BROKEN_LOCK = ("Unable to read RWLock-file", "format error")
LOCK_TRIES = 30
STOP_SECONDS = 3.0
# DVC's words for a step that ended by SIGKILL, or whose shell says that it did.
KILLED = ("exited with -9", "exited with 137")
MESSAGE_BYTES = 1 << 20
# How DVC says that a step ended by a fault of ours.
FAULT = f"exited with {StepFault.exit_status}\n"


class Recorder:
    """Runs DVC for stages of ``project``, several at once if asked from several threads.

    Stages are on record with the parameters that there are when it is made, whatever is edited
    later. Its processes end with the block that it is the context of, at once where that raises.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        parameters = (project / "params.yaml").read_text(encoding="utf-8")
        self._processes = DvcProcesses(project, parameters)
        self._lock = Lock()
        self._running: set[DvcProcess] = set()
        self._stopped = False

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stop()
        for process in self._at_work():
            process.kill()
        self._processes.close()

    def record(
        self,
        stage: str,
        on_event: OnEvent,
        again: bool = False,
        niceness: int = 0,
        step: Callable[[], str] | None = None,
    ) -> None:
        """Assemble and record a stage; ``on_event`` is given what its step says.

        again: also when DVC sees no change, or knows the outcome of a former run. niceness: that
        the stage adds to this process's own. step: runs the step in place of its command, and gives
        what it says when it is finished.
        Raises HeadwaterError with the step's own message, or DVC's, when it fails; StepFault for
        a fault of ours, and Stopped once the block has ended.
        """
        options = ["--force"] if again else []
        run_step = None if step is None else partial(_ended, step, on_event)
        for attempt in range(LOCK_TRIES):
            self._refuse_if_stopped(stage)
            status, errors = self._run([*options, stage], on_event, niceness, run_step)
            if status == 0:
                return
            self._refuse_if_stopped(stage)
            if any(text in errors for text in BROKEN_LOCK):
                # A process beside this one was killed while it wrote.
                mend_rwlock(self._project)
            elif not any(text in errors for text in LOCKED):
                if not errors:
                    # A full disk takes no message either.
                    check_writable(self._project, MESSAGE_BYTES)
                failure = StepFault if FAULT in errors else HeadwaterError
                raise failure(explain(stage, errors, status))
            time.sleep(0.1 + secrets.randbelow(100 * (attempt + 2)) / 1000)
        raise HeadwaterError(f"{stage}: DVC's lock is held by another process; run again later")

    def _stop(self) -> None:
        """Ask every DVC process to end, for some seconds at most; their steps end with them."""
        with self._lock:
            self._stopped = True
        end = time.monotonic() + STOP_SECONDS
        while (running := self._at_work()) and time.monotonic() < end:
            # Once is not enough: between two steps of its own DVC does not stop.
            for process in running:
                process.terminate()
            time.sleep(0.1)

    def _refuse_if_stopped(self, stage: str) -> None:
        if self._stopped:
            raise Stopped(f"{stage}: the build was stopped")

    def _at_work(self) -> list[DvcProcess]:
        with self._lock:
            return [process for process in self._running if not process.has_ended()]

    def _run(
        self, arguments: list[str], on_event: OnEvent, niceness: int, run_step: RunStep | None
    ) -> tuple[int, str]:
        log = self._project / ".headwater" / "logs" / f"dvc-{arguments[-1]}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        process = self._processes.take(niceness, log)
        with self._lock:
            self._running.add(process)
            stopped = self._stopped
        if stopped:
            process.kill()
        # Without --quiet, which would hide what DVC says of its lock as well.
        status = process.run(["repro", "--single-item", *arguments], log, on_event, run_step)
        with self._lock:
            self._running.discard(process)
        if not process.has_ended():
            self._processes.give_back(process)
        return status, log.read_text(encoding="utf-8", errors="replace")


def _ended(step: Callable[[], str], on_event: OnEvent) -> tuple[list[str], int]:
    """Run a step as its command does; gives the lines of its error, and its exit status."""
    try:
        on_event({"finished": step()})
    except HeadwaterError as error:
        return str(error).splitlines(), error.exit_status
    return [], 0


def explain(stage: str, errors: str, status: int) -> str:
    """The step's own error lines, else DVC's, without what DVC adds to them."""
    lines = errors.splitlines()
    own = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if own:
        return "\n".join(own)
    of_dvc = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if status == -signal.SIGKILL or any(line.endswith(KILLED) for line in of_dvc):
        return (
            f"{stage}: its process was killed, as the kernel does when memory runs out; end other "
            "programs, or build where there is more memory, and run again"
        )
    return of_dvc[0] if of_dvc else f"{stage}: dvc ended with status {status}"
