"""DVC processes that are started once and run many commands (``flows.dvc_process``)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from tasks.console import EVENTS

OnEvent = Callable[[dict[str, Any]], None]
# Runs a step, and gives the lines of its error and its exit status.
RunStep = Callable[[], tuple[list[str], int]]


class DvcProcess:
    """A process in ``project`` that runs one command of DVC at a time.

    parameters: text that DVC reads for ``params.yaml``; None for what the file holds.
    """

    def __init__(
        self, project: Path, niceness: int, log: Path, parameters: str | None = None
    ) -> None:
        with log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "flows.dvc_process", str(os.getpid())),
                cwd=project,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                errors="replace",
                # A Ctrl-C is for the flow, which ends this process itself.
                start_new_session=True,
            )
        self.niceness = niceness
        self._parameters = parameters
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, os.nice(0) + niceness)

    def run(
        self, arguments: list[str], log: Path, on_event: OnEvent, run_step: RunStep | None = None
    ) -> int:
        """Exit status of a command, whose errors go to ``log`` and events to ``on_event``.

        run_step: runs the step where DVC would start its command. The status is that of the process
        where it ends before the command does: it ``has_ended`` then.
        """
        assert self._process.stdout is not None
        at_hand = run_step is not None
        command = {"arguments": arguments, "log": str(log), "parameters": self._parameters}
        self._tell({**command, "at_hand": at_hand})
        for line in self._process.stdout:
            if line.startswith("{"):
                event = json.loads(line)
                if "ended" in event:
                    return int(event["ended"])
                if "step" in event and run_step is not None:
                    errors, status = run_step()
                    self._tell({"errors": errors, "status": status})
                else:
                    on_event(event)
        return self._process.wait()

    def _tell(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def has_ended(self) -> bool:
        """True once the process is gone."""
        return self._process.poll() is not None

    def terminate(self) -> None:
        """Ask for an end, which comes at a moment that leaves DVC's files whole."""
        self._process.terminate()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self) -> None:
        """End the process, which runs no command, and let go of it."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


class DvcProcesses:
    """As many processes as commands run at once, each kept for the next command."""

    def __init__(self, project: Path, parameters: str | None = None) -> None:
        self._project = project
        self._parameters = parameters
        self._lock = Lock()
        self._idle: list[DvcProcess] = []
        # The kernel kills a process when the thread that started it ends: this one lives on.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="dvc")

    def take(self, niceness: int, log: Path) -> DvcProcess:
        """A process that runs no command, started where there is none; its errors go to ``log``."""
        with self._lock:
            fitting = [one for one in self._idle if one.niceness == niceness]
            for process in fitting:
                self._idle.remove(process)
                if not process.has_ended():
                    return process
                process.close()
        new = (self._project, niceness, log, self._parameters)
        return self._starter.submit(DvcProcess, *new).result()

    def give_back(self, process: DvcProcess) -> None:
        """Keep a process whose command is done."""
        with self._lock:
            self._idle.append(process)

    def close(self) -> None:
        """End those that run no command."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()
        self._starter.shutdown(wait=False)


def environment() -> dict[str, str]:
    """Environment of a stage: this interpreter is ``python``, and progress comes to the flow."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return {**os.environ, "PATH": path, EVENTS: "1", "DVC_NO_ANALYTICS": "1"}
