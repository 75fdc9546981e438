"""``kill -9`` of any process of a build: nothing is left running, and the next build is right."""

import random
import re
import signal
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from flows.__main__ import STOPPED
from tasks.lifeline import command_line
from tests.flows.conftest import ToyProject, files

MAKE = ("make", "--silent", "repro")
FLOW = (sys.executable, "-m", "flows")
DVC = (sys.executable, "-m", "dvc", "repro", "--quiet")
SECONDS = 0.4
PATIENCE_SECONDS = 120.0
RANDOM_MOMENTS = 50


def find(project: ToyProject, words: str) -> psutil.Process | None:
    """The first process of the project whose command line holds ``words``."""
    for process in sorted(project.processes(), key=lambda process: process.pid):
        if words in " ".join(command_line(process)):
            return process
    return None


def wait_for(project: ToyProject, words: str) -> psutil.Process:
    """Wait until the project has such a process."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (process := find(project, words)) is None:
        assert time.monotonic() < deadline, f"no process {words!r} appeared"
        time.sleep(0.02)
    return process


def assert_rebuilds(project: ToyProject, built: ToyProject) -> None:
    """Nothing runs any more, and DVC alone completes the build."""
    assert project.left_over() == []
    project.wait_for_locks()
    done = project.dvc("repro")
    assert done.returncode == 0, done.stderr
    assert project.bytes() == built.bytes()


@pytest.mark.fault(
    "kill -9 of any process leaves none running, and the next build has the same bytes"
)
@pytest.mark.parametrize(
    ("command", "victim", "while_there_is"),
    [
        (MAKE, "make", "tasks.worker"),
        pytest.param(DVC, "dvc repro", "tasks.worker", marks=pytest.mark.slow),
        pytest.param(MAKE, "-m flows", "flows.dvc_process", marks=pytest.mark.slow),
        pytest.param(MAKE, "-m flows", "flows.server_process", marks=pytest.mark.slow),
        pytest.param(MAKE, "flows.dvc_process", "flows.dvc_process", marks=pytest.mark.slow),
        pytest.param(MAKE, "flows.server_process", "flows.dvc_process", marks=pytest.mark.slow),
        pytest.param(MAKE, "-m tasks.", "-m tasks.", marks=pytest.mark.slow),
        pytest.param(DVC, "-m tasks.", "tasks.worker", marks=pytest.mark.slow),
    ],
)
def test_killed_build_leaves_no_process_and_can_be_completed(
    copy_of_built: Callable[[], ToyProject],
    built: ToyProject,
    command: tuple[str, ...],
    victim: str,
    while_there_is: str,
) -> None:
    """In a clean clone of which the record was committed; the flow completes it."""
    project = copy_of_built()
    project.forget(record=False)
    process = project.start(*command, seconds=SECONDS)
    wait_for(project, while_there_is)
    wait_for(project, victim).kill()
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode != 0
    assert project.left_over() == []
    project.wait_for_locks()
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert project.bytes() == built.bytes()


@pytest.mark.fault(
    "kill -9 of any process leaves none running, and the next build has the same bytes"
)
def test_flow_whose_make_was_killed_while_it_started_ends_at_once(built: ToyProject) -> None:
    done = built.run(sys.executable, "-m", "flows", "1")
    assert (done.returncode, done.stdout) == (137, "")


@pytest.mark.fault(
    "kill -9 of any process leaves none running, and the next build has the same bytes"
)
def test_killed_worker_is_replaced(
    copy_of_built: Callable[[], ToyProject], built: ToyProject
) -> None:
    project = copy_of_built()
    project.forget()
    process = project.start(sys.executable, "-m", "tasks.numbers", seconds=SECONDS)
    wait_for(project, "tasks.worker").kill()
    _, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, error) == (0, "")
    assert files(project.path / "data" / "numbers") == files(built.path / "data" / "numbers")


@pytest.mark.fault(
    "kill -9 at 50 random moments leaves no process, and the next build has the same bytes"
)
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(RANDOM_MOMENTS))
def test_any_process_may_be_killed_at_any_moment(
    copy_of_built: Callable[[], ToyProject], built: ToyProject, seed: int
) -> None:
    chance = random.Random(seed)
    project = copy_of_built()
    project.forget()
    process = project.start(*(MAKE if seed % 2 else DVC), seconds=SECONDS)
    time.sleep(chance.uniform(0, 15))
    if victims := project.processes():
        chance.choice(victims).kill()
    process.communicate(timeout=PATIENCE_SECONDS)
    assert_rebuilds(project, built)


@pytest.mark.slow
@pytest.mark.fault("a killed status or retry leaves no process, and the build as it was")
@pytest.mark.parametrize(
    ("victim", "status", "said"),
    [
        ("headwater.cli", -9, ""),
        ("flows.status", 2, "error: status: its process was ended (SIGKILL), "),
        # A worker is replaced.
        ("tasks.worker", 0, ""),
    ],
)
def test_killed_status_leaves_no_process_and_changes_nothing(
    copy_of_built: Callable[[], ToyProject], victim: str, status: int, said: str
) -> None:
    project = copy_of_built()
    project.set(seed=8)
    before = project.bytes()
    process = project.start(sys.executable, "-m", "headwater.cli", "status")
    wait_for(project, "tasks.worker")
    wait_for(project, victim).kill()
    out, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == status
    assert error.startswith(said)
    assert len(error.splitlines()) == bool(said)
    assert out.startswith("numbers: 4 of 4 buckets: ") == (status == 0)
    assert project.left_over() == []
    assert project.bytes() == before


@pytest.mark.fault("a build that is stopped ends at once and quietly")
@pytest.mark.parametrize(
    ("command", "signal_number", "status"),
    [
        (MAKE, signal.SIGINT, -signal.SIGINT),
        pytest.param(MAKE, signal.SIGHUP, -signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(MAKE, signal.SIGTERM, -signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(FLOW, signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(FLOW, signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_stopped_build_says_so_loses_nothing_and_leaves_no_process(
    copy_of_built: Callable[[], ToyProject],
    built: ToyProject,
    command: tuple[str, ...],
    signal_number: int,
    status: int,
) -> None:
    """Make alone is told, or the build itself. DVC alone then builds the bytes of the flow."""
    project = copy_of_built()
    project.forget()
    process = project.start(*command, seconds=60)
    wait_for(project, "tasks.worker")
    process.send_signal(signal_number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == status
    words = [line for line in error.splitlines() if not re.match(r"make(\[\d+\])?: ", line)]
    assert words == [f"error: {STOPPED}"]
    log = (project.path / ".headwater" / "logs" / "rebuild.log").read_text()
    assert "Traceback" not in log
    assert_rebuilds(project, built)


@pytest.mark.slow
@pytest.mark.fault("a build that is stopped ends at once and quietly")
def test_build_whose_output_nobody_reads_ends_quietly(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    done = project.run("sh", "-c", f"'{sys.executable}' -m flows | true")
    assert (done.stdout, done.stderr) == ("", "")
    project.forget()
    done = project.run("sh", "-c", f"'{sys.executable}' -m flows | head -1")
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
    assert project.left_over() == []


@pytest.mark.fault("a build that is stopped ends at once and quietly")
def test_interrupted_step_ends_at_once(toy: ToyProject) -> None:
    process = toy.start(sys.executable, "-m", "tasks.numbers", seconds=600)
    wait_for(toy, "tasks.worker")
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, error) == (130, "error: numbers: was stopped; run it again\n")
    assert toy.left_over() == []
