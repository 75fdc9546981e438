"""One process that runs functions for its parent, and dies with it."""

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

from headwater.errors import HeadwaterError, StepFault
from headwater.reject_reasons import RejectReason
from tasks import lifeline
from tasks.console import redirect
from tasks.lifeline import WATCH_SECONDS

# Buckets give way to stages, which others wait for longer.
NICENESS = 5


class WorkerDied(Exception):
    """A worker ended before its job did; the message says how, ``reason`` is that of a reject."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Worker:
    """A process with one job at a time.

    The kernel kills it when the thread that made it ends, so that must be one that lives on.
    """

    def __init__(self, log: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, os.getpid(), log))
        self._process.start()
        theirs.close()

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Value of a function; raises what it raises, and WorkerDied when the process ends."""
        try:
            self._ours.send((function, arguments))
            self._wait()
            outcome = self._ours.recv()
        except (EOFError, OSError):
            self._process.join()
            raise WorkerDied(RejectReason.CRASHED, _ending(self._process.exitcode)) from None
        if isinstance(outcome, MemoryError):
            self.kill()
            raise WorkerDied(RejectReason.OUT_OF_MEMORY, "There was not enough memory.")
        if isinstance(outcome, HeadwaterError):
            raise outcome
        return outcome

    def _wait(self) -> None:
        """Wait for an outcome. Raises EOFError when there is none to come."""
        while True:
            # A process that it forked may hold its ends of pipe and sentinel open when it dies.
            ready = wait([self._ours, self._process.sentinel], WATCH_SECONDS)
            if self._ours in ready:
                return
            if ready or not self._process.is_alive():
                if self._ours.poll():
                    return
                raise EOFError

    def close(self) -> None:
        """Let the process end."""
        self._ours.close()
        self._process.join()

    def kill(self) -> None:
        """End the process at once; whoever waits for its job is told so."""
        self._process.kill()


def _ending(status: int | None) -> str:
    if status is None or status >= 0:
        return f"The process that computed it ended with status {status}."
    if status == -signal.SIGKILL:
        return "The process that computed it was killed; most often memory ran out."
    return f"The process that computed it crashed ({signal.Signals(-status).name})."


def _serve(jobs: Connection, parent: int, log: Path) -> NoReturn:
    lifeline.hold(parent)
    os.nice(NICENESS)
    # A Ctrl-C is for the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    redirect(log)
    while True:
        try:
            function, arguments = jobs.recv()
        except EOFError:
            lifeline.end(0)
        outcome = _outcome(function, arguments, log)
        try:
            jobs.send(outcome)
        except Exception as error:  # noqa: BLE001  pickle raises whatever an object does
            place = f"{arguments[0]}: the result of {function.__name__}"
            jobs.send(_logged(f"{place} cannot be passed to another process: {error}", log))


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...], log: Path) -> Any:
    """Value of the function, or the error to raise; a fault's traceback goes into the log."""
    try:
        return function(*arguments)
    except MemoryError:
        traceback.print_exc()
        return MemoryError()
    except StepFault as fault:
        return _logged(str(fault), log)
    except HeadwaterError as error:
        # Errors with fields of their own need not survive the way.
        return HeadwaterError(str(error))
    except Exception as error:  # noqa: BLE001  whatever it is, the parent raises it
        return _logged(f"{arguments[0]}: unexpected {type(error).__name__}: {error}", log)


def _logged(message: str, log: Path) -> StepFault:
    """The fault that is being handled, whose traceback now stands in the log."""
    details = traceback.format_exc()
    sys.stderr.write(details)
    sys.stderr.flush()
    return StepFault(f"{message} (details in {log})", details)
