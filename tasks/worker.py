"""One process that runs functions for its parent, and dies with it."""

import json
import os
import pickle  # noqa: TID251  of one's own processes, as multiprocessing does
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Final, NoReturn

from headwater.errors import HeadwaterError, StepFault
from headwater.evaluation.attempt import alone, in_one_line
from headwater.reject_reasons import RejectReason
from tasks import lifeline
from tasks.console import redirect
from tasks.lifeline import WATCH_SECONDS

# Buckets give way to stages, which others wait for longer.
NICENESS = 5
# After which a process whose pipe has ended is taken to live on.
ENDING_SECONDS = 5.0
# Tied to its parent before it loads what takes seconds; and not with the parent's main module, as
# multiprocessing starts a process, which takes seconds more.
START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[4]); "
    "from tasks.lifeline import hold; hold(int(sys.argv[1])); "
    "from tasks.worker import serve; serve(int(sys.argv[2]), sys.argv[3])"
)


class WorkerDied(Exception):
    """A worker ended before its job did; the message says how.

    reason: that of a reject. for_memory: more memory would have helped, most probably.
    """

    def __init__(self, reason: RejectReason, message: str, for_memory: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.for_memory = for_memory


class Worker:
    """A process with one job at a time.

    The kernel kills it when the thread that made it ends, so that must be one that lives on.
    """

    def __init__(self, log: Path) -> None:
        self._ours, theirs = Pipe()
        arguments = (str(os.getpid()), str(theirs.fileno()), str(log), json.dumps(sys.path))
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-c", START, *arguments),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Value of a function; raises what it raises, and WorkerDied when the process ends."""
        job = job_of(function, arguments)
        try:
            self._ours.send_bytes(job)
            self._wait()
            done = self._ours.recv_bytes()
        except (EOFError, OSError):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDING_SECONDS)
            self.kill()
            status = self._process.wait()
            killed = status == -signal.SIGKILL
            raise WorkerDied(RejectReason.CRASHED, _ending(status), killed) from None
        try:
            return settled(done, function, arguments[0])
        except WorkerDied:
            self.kill()
            raise

    def _wait(self) -> None:
        """Wait for an outcome. Raises EOFError when there is none to come."""
        # A process that it forked may hold its end of the pipe open when it dies.
        while not self._ours.poll(WATCH_SECONDS):
            if self._process.poll() is not None and not self._ours.poll():
                raise EOFError

    def close(self) -> None:
        """Let the process end."""
        self._ours.close()
        self._process.wait()

    def kill(self) -> None:
        """End the process at once; whoever waits for its job is told so."""
        self._process.kill()


def job_of(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """A call as bytes, whose first argument is the name of its step."""
    return pickle.dumps((arguments[0], pickle.dumps((function, arguments))))


def settled(done: bytes, function: Callable[..., Any], step: str) -> Any:
    """Value of a call that is ``done``.

    Raises what the call raised, and WorkerDied for lack of memory.
    """
    try:
        outcome = _read(done)
    except Exception as error:
        place = f"{step}: the result of {function.__name__} cannot be read here"
        raise StepFault(f"{place}: {in_one_line(error)}; mend its code") from error
    if isinstance(outcome, MemoryError):
        raise WorkerDied(RejectReason.OUT_OF_MEMORY, "There was not enough memory.", True)
    if isinstance(outcome, HeadwaterError):
        raise outcome
    return outcome


def _ending(status: int) -> str:
    if status >= 0:
        return f"The process that computed it ended with status {status}."
    if status == -signal.SIGKILL:
        return "The process that computed it was killed; most often memory ran out."
    return f"The process that computed it crashed ({signal.Signals(-status).name})."


def serve(descriptor: int, log_path: str) -> NoReturn:
    """Run the jobs that come through the pipe of that descriptor until it ends."""
    jobs, log = Connection(descriptor), Path(log_path)
    os.nice(NICENESS)
    # A Ctrl-C is for the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    redirect(log)
    while True:
        try:
            job = jobs.recv_bytes()
        except EOFError:
            lifeline.end(0)
        with alone():
            done = answer(job, log)
        jobs.send_bytes(done)


def answer(job: bytes, log: Path) -> bytes:
    """The pickled outcome of a pickled job.

    By value: torch would else pass its tensors by open files, of which a process may have so many.
    """
    step, work = _read(job)
    try:
        function, arguments = _read(work)
    except Exception as error:  # noqa: BLE001  pickle raises whatever an object does
        said = f"{step}: what was passed to another process cannot be read there"
        return pickle.dumps(_logged(f"{said}: {in_one_line(error)}", log))
    try:
        return pickle.dumps(_outcome(function, arguments, log))
    except Exception as error:  # noqa: BLE001
        place = f"{step}: the result of {function.__name__}"
        said = f"{place} cannot be passed to another process: {error}"
        return pickle.dumps(_logged(said, log))


def _read(pickled: bytes) -> Any:
    return pickle.loads(pickled)  # noqa: S301  from the other end of our pipe


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
