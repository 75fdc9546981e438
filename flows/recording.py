"""Letting DVC assemble and record one stage: ``dvc repro --single-item``."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from headwater.errors import HeadwaterError
from headwater.places import check_writable
from tasks.console import EVENTS

LOCKED = ("Unable to acquire lock", "is busy, it is being blocked by")
LOCK_TRIES = 30
MESSAGE_BYTES = 1 << 20

OnEvent = Callable[[dict[str, Any]], None]


class Recorder:
    """Starts DVC for stages of ``project``, several at once if asked from several threads."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._lock = Lock()
        self._running: set[subprocess.Popen[str]] = set()

    def record(self, stage: str, on_event: OnEvent) -> None:
        """Assemble and record a stage; ``on_event`` is given what its step says.

        Raises HeadwaterError with the step's own message, or DVC's, when it fails.
        """
        for attempt in range(LOCK_TRIES):
            status, errors = self._run(stage, on_event)
            if status == 0:
                return
            if not any(text in errors for text in LOCKED):
                if not errors:
                    # A full disk takes no message either.
                    check_writable(self._project, MESSAGE_BYTES)
                raise HeadwaterError(explain(stage, errors, status))
            time.sleep(0.1 + secrets.randbelow(100 * (attempt + 2)) / 1000)
        raise HeadwaterError(f"{stage}: DVC's lock is held by another process; run again later")

    def kill(self) -> None:
        """End every DVC process; their steps end with them."""
        with self._lock:
            for process in self._running:
                process.kill()

    def _run(self, stage: str, on_event: OnEvent) -> tuple[int, str]:
        log = self._project / ".headwater" / "logs" / f"dvc-{stage}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        # Without --quiet, which would hide what DVC says of its lock as well.
        dvc = ("flows.dvc_process", str(os.getpid()), "repro", "--single-item", stage)
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
            with self._lock:
                self._running.add(process)
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
    return of_dvc[0] if of_dvc else f"{stage}: dvc ended with status {status}"
