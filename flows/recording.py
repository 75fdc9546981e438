"""Letting DVC assemble and record one stage: ``dvc repro --single-item``."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from flows.dvc_locks import mend_rwlock
from headwater.errors import HeadwaterError, StepFault
from headwater.upkeep.places import check_writable
from tasks.console import EVENTS
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

OnEvent = Callable[[dict[str, Any]], None]


class Recorder:
    """Starts DVC for stages of ``project``, several at once if asked from several threads."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._lock = Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def record(self, stage: str, on_event: OnEvent, again: bool = False, niceness: int = 0) -> None:
        """Assemble and record a stage; ``on_event`` is given what its step says.

        again: also when DVC sees no change, or knows the outcome of a former run. niceness: that
        the stage adds to this process's own.
        Raises HeadwaterError with the step's own message, or DVC's, when it fails; StepFault for
        a fault of ours, and Stopped after ``kill``.
        """
        options = ["--force"] if again else []
        for attempt in range(LOCK_TRIES):
            status, errors = self._run([*options, stage], on_event, niceness)
            if status == 0:
                return
            if self._stopped:
                raise Stopped(f"{stage}: the build was stopped")
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

    def kill(self) -> None:
        """Stop every DVC process, at the latest after some seconds; their steps end with them."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        end = time.monotonic() + STOP_SECONDS
        while running and time.monotonic() < end:
            # Once is not enough: between two steps of its own DVC does not stop.
            for process in running:
                process.terminate()
            time.sleep(0.1)
            running = [process for process in running if process.poll() is None]
        for process in running:
            process.kill()

    def _run(self, arguments: list[str], on_event: OnEvent, niceness: int) -> tuple[int, str]:
        log = self._project / ".headwater" / "logs" / f"dvc-{arguments[-1]}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        # Without --quiet, which would hide what DVC says of its lock as well.
        dvc = ("flows.dvc_process", str(os.getpid()), "repro", "--single-item", *arguments)
        with log.open("w+", encoding="utf-8", errors="replace") as errors:
            process = subprocess.Popen(
                (sys.executable, "-m", *dvc),
                cwd=self._project,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                errors="replace",
                # A Ctrl-C is for the flow, which ends this process itself.
                start_new_session=True,
            )
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, process.pid, os.nice(0) + niceness)
            with self._lock:
                self._running.add(process)
                stopped = self._stopped
            if stopped:
                process.kill()
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("{"):
                    on_event(json.loads(line))
            status = process.wait()
            with self._lock:
                self._running.discard(process)
            errors.seek(0)
            return status, errors.read()


def environment() -> dict[str, str]:
    """Environment of a stage: this interpreter is ``python``, and progress comes to the flow."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return {**os.environ, "PATH": path, EVENTS: "1", "DVC_NO_ANALYTICS": "1"}


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
