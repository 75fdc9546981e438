"""Runners of buckets: a build's own processes, its threads, or the workers of a Dask cluster.

The outcome is the same to the byte. Processes are the default: a bucket that crashes or takes all
memory costs itself alone, and Python's lock slows nobody. Threads share one process, which a crash
ends with its build. A cluster takes more machines, which see the project's folder at the same path;
a worker of it that dies costs its bucket, which another computes.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from headwater.artifacts.modules import is_edited
from headwater.errors import HeadwaterError
from headwater.evaluation.attempt import in_one_line
from headwater.reject_reasons import RejectReason
from headwater.threads import ONE_THREAD
from tasks.worker import Worker, WorkerDied, answer, job_of, settled

PROCESSES: Final = "processes"
THREADS: Final = "threads"
DASK: Final = "dask://"
# A cluster's workers may be starting as well.
JOIN_SECONDS: Final = 60
# Processor time in which a new process loads the detector of faces and its models.
START_SECONDS: Final = 2.0
_OURS: Final = frozenset({"headwater", "tasks"})


class Hand(Protocol):
    """A worker that computes one bucket at a time."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Value of a function; raises what it raises, and WorkerDied when that ended it."""

    def close(self) -> None:
        """Let it end."""

    def kill(self) -> None:
        """End it at once; whoever waits for its job is told so."""


@dataclass(frozen=True)
class Crew:
    """Hands of one kind. hire: another one. count: how many are of use. dismiss: the last call.

    start_seconds: processor time that each takes before it computes.
    """

    hire: Callable[[], Hand]
    count: int
    dismiss: Callable[[], object]
    start_seconds: float = 0.0


def crew_of(runner: str, log: Path) -> Crew:
    """The crew that a setting ``runner`` names; faults of steps go into the log.

    Raises HeadwaterError when there is no such cluster, or nobody in it.
    """
    if runner.startswith(DASK):
        return _cluster(runner.removeprefix(DASK), log)
    if runner == THREADS:
        # Before the steps' modules import what reads it.
        os.environ.update(ONE_THREAD)
        return Crew(lambda: _Thread(log), cores(), lambda: None)
    # The kernel kills a worker when the thread that started it ends: this one lives on.
    starter = ThreadPoolExecutor(1, thread_name_prefix="workers")

    def hire() -> Hand:
        os.environ.update(ONE_THREAD)
        return starter.submit(Worker, log).result()

    return Crew(hire, cores(), starter.shutdown, START_SECONDS)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


class _Thread:
    """Computes in the thread that waits for it."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        done = answer(job_of(function, arguments), self._log)
        return settled(done, function, arguments[0])

    def close(self) -> None:
        pass

    def kill(self) -> None:
        """Nothing ends a thread: its bucket is computed to its end, or dies with the process."""


def _cluster(address: str, log: Path) -> Crew:
    try:
        from distributed import Client
    except ImportError as error:
        raise HeadwaterError(
            f"params.yaml: runner is {DASK}{address}, which needs the package distributed: "
            ".venv/bin/python -m pip install -c constraints.txt -e '.[dask]'"
        ) from error
    try:
        client = Client(f"tcp://{address}", timeout=JOIN_SECONDS, set_as_default=False)
        client.wait_for_workers(1, timeout=JOIN_SECONDS)
    except OSError as error:
        raise HeadwaterError(
            f"params.yaml: runner is {DASK}{address}, but no cluster with a worker answers there "
            f"({error}); start it, or name another"
        ) from error
    return Crew(lambda: _Remote(client, log), sum(client.nthreads().values()), client.close)


class _Remote:
    """Waits for a Dask cluster to compute."""

    def __init__(self, client: Any, log: Path) -> None:
        self._client = client
        self._log = log
        self._future: Any = None

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        from distributed import CancelledError, KilledWorker

        step, job = arguments[0], job_of(function, arguments)
        self._future = self._client.submit(_answer_of_cluster, job, self._log, pure=False)
        try:
            done = self._future.result()
        except KilledWorker as error:
            said = "The workers of the cluster that computed it ended."
            raise WorkerDied(RejectReason.CRASHED, said, False) from error
        except CancelledError as error:
            raise HeadwaterError(f"{step}: the build was stopped") from error
        except HeadwaterError:
            raise
        except Exception as error:
            raise HeadwaterError(
                f"{step}: the cluster cannot compute it ({in_one_line(error)}); start its workers "
                "in the project's folder with its environment"
            ) from error
        return settled(done, function, step)

    def close(self) -> None:
        pass

    def kill(self) -> None:
        """Forget the job; a bucket that is being computed is computed to its end."""
        if self._future is not None:
            self._future.cancel()


def _answer_of_cluster(job: bytes, log: Path) -> bytes:
    """The outcome of a job, in a process that may be older than the code.

    Raises HeadwaterError where a module was edited since it was loaded, whose outcome would be kept
    as that of the code as it is now.
    """
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name.partition(".")[0] in _OURS and is_edited(Path(file)):
            raise HeadwaterError(f"{file}: was edited; start the cluster's workers again")
    return answer(job, log)
