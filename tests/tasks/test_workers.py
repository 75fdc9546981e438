"""Workers compute what is asked, pass errors on, and are replaced when they die."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from headwater.config import Params, load_params
from headwater.errors import HeadwaterError, ItemRejected, StepFault
from tasks.lifeline import EXIT_STATUS
from tasks.worker import START, WorkerDied
from tasks.workers import Stopped, Workers, cores, load_step

PROJECT = Path(__file__).resolve().parents[2]


def _kill_once(name: str, params: Params, project: Path, flag: Path) -> str:
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def _kill_always(name: str, params: Params, project: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _segfault(name: str, params: Params, project: Path) -> None:
    ctypes.string_at(0)


def _fill_memory(name: str, params: Params, project: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    bytearray(8 << 30)


def _end(name: str, params: Params, project: Path) -> None:
    os._exit(3)


def _reject(name: str, params: Params, project: Path) -> None:
    raise ItemRejected("no_face", "There is no face.")


def _fault(name: str, params: Params, project: Path) -> None:
    raise RuntimeError("the plug is out")


def _threads(name: str, params: Params, project: Path) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def _process(name: str, params: Params, project: Path) -> int:
    return os.getpid()


def _count(name: str, params: Params, project: Path, counter: Path) -> None:
    with counter.open("a") as file:
        file.write("started\n")
    while not counter.with_name("end").exists():
        time.sleep(0.01)


def _die_with_a_child(name: str, params: Params, project: Path) -> None:
    """Leave a forked process that holds all that this one had open."""
    if os.fork() == 0:
        time.sleep(45)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def _fork(name: str, params: Params, project: Path, number: int) -> int:
    """Answer twice, once in a forked process."""
    os.fork()
    return number


def _tensor(name: str, params: Params, project: Path, number: int) -> Any:
    import torch

    return torch.full((2,), number)


def _leave(name: str, params: Params, project: Path) -> int:
    threading.Thread(target=time.sleep, args=(600,)).start()
    return subprocess.Popen((sys.executable, "-c", "import time; time.sleep(600)")).pid


def _wait(name: str, params: Params, project: Path) -> None:
    time.sleep(600)


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """One worker, of a process that has more threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    return Workers(load_params(PROJECT / "params.yaml"), tmp_path, 1)


@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
def test_workers_are_replaced_refuse_the_hopeless_and_pass_errors_on(
    workers: Workers, tmp_path: Path
) -> None:
    with workers:
        assert workers.insist(_kill_once, "photos", tmp_path / "killed") == "photos"
        with pytest.raises(HeadwaterError, match=r"photos: a worker .* 2 times: .* more memory"):
            workers.insist(_kill_always, "photos")
        with pytest.raises(HeadwaterError, match=r"status 3\. Mend what ends it; .*workers\.log"):
            workers.insist(_end, "photos")
        with pytest.raises(HeadwaterError, match="no face"):
            workers._run(_reject, "photos")
        assert workers._run(_threads, "photos") == "1"
        assert workers._run(_process, "photos") == workers._run(_process, "photos")


@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
def test_death_of_a_worker_is_seen_although_a_child_of_it_lives_on(workers: Workers) -> None:
    with workers:
        workers.insist(_process, "photos")
        started = time.monotonic()
        with pytest.raises(WorkerDied, match="was killed"):
            workers._run(_die_with_a_child, "photos")
        assert time.monotonic() - started < 30


@pytest.mark.fault("no answer is taken for that to another question")
def test_a_job_that_forks_has_one_outcome(workers: Workers) -> None:
    with workers:
        assert [workers.insist(_fork, "photos", number) for number in range(6)] == list(range(6))


@pytest.mark.slow
def test_tensors_are_passed_by_value_however_many_are_kept(workers: Workers) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with workers:
        workers.insist(_process, "photos")
        open_files = len(list(Path("/proc/self/fd").iterdir()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files + 30, hard))
        try:
            kept = [workers.insist(_tensor, "photos", number) for number in range(60)]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [one.tolist() for one in kept] == [[number] * 2 for number in range(60)]


@pytest.mark.fault("a step ends although code from outside left threads and processes at work")
def test_a_worker_ends_with_the_threads_and_processes_left_in_it(workers: Workers) -> None:
    started = time.monotonic()
    with workers:
        child = workers.insist(_leave, "photos")
    assert time.monotonic() - started < 60
    assert not psutil.pid_exists(child)


@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
@pytest.mark.parametrize(
    ("function", "reason", "message"),
    [
        (_segfault, "crashed", r"crashed \(SIGSEGV\)"),
        (_kill_always, "crashed", "was killed; most often memory ran out"),
        (_end, "crashed", "ended with status 3"),
        (_fill_memory, "out_of_memory", "not enough memory"),
    ],
)
def test_death_of_a_worker_is_told_by_its_kind(
    workers: Workers, function: Callable[..., Any], reason: str, message: str
) -> None:
    with workers:
        with pytest.raises(WorkerDied, match=message) as died:
            workers._run(function, "photos")
        assert died.value.reason == reason
        assert workers._run(_threads, "photos") == "1"


@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
def test_job_beside_one_that_kills_its_worker_is_not_run_again(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    params = load_params(PROJECT / "params.yaml")
    with Workers(params, tmp_path, 2) as workers, ThreadPoolExecutor(1) as beside:
        innocent = beside.submit(workers.insist, _count, "masks", counter)
        while not counter.exists():
            time.sleep(0.01)
        with pytest.raises(WorkerDied):
            workers._run(_segfault, "photos")
        assert not innocent.done()
        (tmp_path / "end").touch()
        innocent.result()
    assert counter.read_text() == "started\n"


def test_no_worker_is_started_where_one_is_about_to_be_free(tmp_path: Path) -> None:
    params = load_params(PROJECT / "params.yaml")
    with Workers(params, tmp_path, 4) as workers, ThreadPoolExecutor(4) as waiting:
        first = workers.insist(_process, "photos")
        jobs = [waiting.submit(workers.insist, _process, "photos") for _ in range(12)]
        assert {job.result() for job in jobs} == {first}


@pytest.mark.fault("a fault of one item fails its stage alone and is named")
def test_fault_names_the_step_and_leaves_its_traceback_in_the_log(
    workers: Workers, tmp_path: Path
) -> None:
    log = tmp_path / ".headwater" / "logs" / "workers.log"
    with workers, pytest.raises(StepFault) as fault:
        workers._run(_fault, "photos")
    assert str(fault.value) == (
        f"photos: unexpected RuntimeError: the plug is out (details in {log})"
    )
    assert 'raise RuntimeError("the plug is out")' in log.read_text()
    assert "Traceback" in fault.value.details


@pytest.mark.fault("a build that is stopped ends at once and quietly")
def test_all_who_wait_are_told_when_the_workers_are_stopped(workers: Workers) -> None:
    with ThreadPoolExecutor(8) as waiting:
        futures = [waiting.submit(workers.insist, _wait, "photos") for _ in range(8)]
        while not workers._alive:
            time.sleep(0.01)
        workers.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        for future in futures:
            with pytest.raises(Stopped):
                future.result(timeout=10)


INTERRUPTED = """
import os, signal, sys, threading, time
from pathlib import Path
import tasks.workers as pool
from headwater.config import load_params
from tests.tasks.test_workers import _wait

class Buckets(list):
    def __iter__(self):
        yield "first"
        threading.Timer(0.2, {interrupt}).start()
        time.sleep({seconds})
        yield "second"

if __name__ == "__main__":
    pool.Workers.compute = lambda self, planned: self.insist(_wait, "numbers")
    project = Path(sys.argv[1])
    try:
        with pool.Workers(load_params(project / "params.yaml"), project, 1) as workers:
            list(workers.compute_all(Buckets()))
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.fault("a build that is stopped ends at once and quietly")
@pytest.mark.parametrize(
    ("interrupt", "seconds"),
    [
        ("lambda: os.kill(os.getpid(), signal.SIGINT)", 1.0),
        # As one that comes when Python has just looked for signals: it wakes no wait.
        ("lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)", 0.0),
    ],
    ids=["while it hands out buckets", "unseen by the wait for them"],
)
def test_a_build_that_is_stopped_ends_at_once(
    tmp_path: Path, interrupt: str, seconds: float
) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED.format(interrupt=interrupt, seconds=seconds))
    (tmp_path / "params.yaml").write_bytes((PROJECT / "params.yaml").read_bytes())
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = (sys.executable, str(script), str(tmp_path))
    # Else it waits for ten minutes; a busy machine takes half a minute to start it.
    done = subprocess.run(command, env=environment, timeout=120, check=False)
    assert done.returncode == 130


@pytest.mark.fault(
    "kill -9 of any process leaves none running, and the next build has the same bytes"
)
def test_a_worker_whose_parent_died_while_it_starts_loads_none_of_its_code(tmp_path: Path) -> None:
    """Loading it takes seconds, in which it would be left over."""
    arguments = ("1", "0", str(tmp_path / "log"), json.dumps([str(PROJECT), *sys.path]))
    done = subprocess.run(
        (sys.executable, "-X", "importtime", "-c", START, *arguments),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == EXIT_STATUS
    assert "tasks.lifeline" in done.stderr
    assert "headwater.errors" not in done.stderr


def test_pool_that_computed_nothing_ends(workers: Workers) -> None:
    with workers:
        pass


def test_steps_are_found_by_name() -> None:
    assert load_step("photos").name == "photos"
    assert cores() >= 1
