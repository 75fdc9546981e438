"""A step's command: one line when it ends, the right exit status, and no chatter."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from headwater.systems import SYSTEMS
from headwater.upkeep.build_lock import build_lock

PROJECT = Path(__file__).resolve().parents[2]
STEP = """
import os, sys
from headwater.errors import HeadwaterError
from tasks.command import command

def main():
    print("python chatter")
    os.write(1, b"C chatter")
    os.write(2, b"C chatter")
    {body}

if __name__ == "__main__":
    command(main)
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a step whose ``main`` is the given lines, in a folder with the project's parameters."""
    (tmp_path / "params.yaml").write_text((PROJECT / "params.yaml").read_text())

    def run(*body: str, step: str = "toy", **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / f"{step}.py").write_text(STEP.format(body="\n    ".join(body)))
        return subprocess.run(
            (sys.executable, f"{step}.py", "glvd"),
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_finished_step_says_one_line(run: Run, tmp_path: Path) -> None:
    done = run("return '3 items'")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["toy@glvd", "3", "items", done.stdout.split()[-2], "s"]
    log = (tmp_path / ".headwater" / "logs" / "toy@glvd.log").read_text()
    assert log.count("chatter") == 3


@pytest.mark.fault("a step ends although code from outside left threads and processes at work")
@pytest.mark.parametrize(
    ("last", "status"),
    [("return '3 items'", 0), ("raise HeadwaterError('x')", 2), ("raise RuntimeError('x')", 1)],
)
def test_a_step_ends_with_the_threads_and_processes_left_in_it(
    run: Run, tmp_path: Path, last: str, status: int
) -> None:
    left = (
        "import subprocess, threading, time",
        "threading.Thread(target=time.sleep, args=(600,)).start()",
        "child = subprocess.Popen((sys.executable, '-c', 'import time; time.sleep(600)'))",
        "open('child', 'w').write(str(child.pid))",
    )
    done = run(*left, last)
    assert done.returncode == status
    assert len((done.stdout + done.stderr).splitlines()) == 1
    assert not psutil.pid_exists(int((tmp_path / "child").read_text()))


@pytest.mark.fault("old weights are never taken for those of new code")
def test_code_that_is_edited_after_it_was_counted_fails_the_step(run: Run, tmp_path: Path) -> None:
    counted = (
        "from pathlib import Path",
        "from headwater.artifacts.code import Home, code_of_object",
        "code_of_object(Home('method', Path().resolve()), ())",
    )
    (tmp_path / "method.py").write_text("RATE = 1")
    for path in (tmp_path, *tmp_path.iterdir()):
        os.utime(path, (0, 0))
    look = ("os.utime('toy.py', (0, 0))", *counted)
    assert run(*look, "return ''").returncode == 0
    done = run(*look, "Path('method.py').write_text('RATE = 2')", "return ''")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("method.py: was edited while it was in use; run again\n")
    # All code of a training was loaded long before it ends.
    edit = "Path('method.py').write_text('RATE = 3'); os.utime('generator.py', (0, 0))"
    assert run(*look, edit, "return ''", step="generator").returncode == 0


def test_users_error_is_one_line_without_traceback(run: Run) -> None:
    done = run("raise HeadwaterError('photos: no such folder; give another')")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: photos: no such folder; give another\n"


@pytest.mark.fault("a full disk is one sentence")
def test_full_disk_is_one_line_that_names_the_path(run: Run) -> None:
    done = run("raise OSError(28, 'No space left on device', 'data/x')")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: toy@glvd: data/x: No space left on device; free some space there and run again\n"
    )


@pytest.mark.fault("of two builds at once the second is refused in one line")
def test_step_beside_a_build_that_it_does_not_belong_to_refuses(run: Run, tmp_path: Path) -> None:
    code = (
        "import os; from headwater.upkeep.build_lock import build_lock; from pathlib import Path\n"
    )
    hold = f"{code}with build_lock(Path()): print(os.getpid(), flush=True); input()"
    with subprocess.Popen(
        (sys.executable, "-c", hold),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as build:
        assert build.stdout is not None
        pid = build.stdout.readline().strip()
        done = run("return 'not to be reached'")
        build.communicate("\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: another build (process {pid}) is running in this folder; wait until it is done\n"
    )
    assert run("return ''").returncode == 0


def test_step_of_the_build_that_holds_the_lock_runs(run: Run, tmp_path: Path) -> None:
    with build_lock(tmp_path):
        assert run("return ''").returncode == 0


@pytest.mark.fault("a step of a system without its name is one sentence")
@pytest.mark.parametrize("arguments", [(), ("glvd", "lvd")])
@pytest.mark.parametrize("step", ["train", "evaluate"])
def test_step_of_a_system_asks_for_one_name(
    tmp_path: Path, step: str, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "params.yaml").write_text((PROJECT / "params.yaml").read_text())
    done = subprocess.run(
        (sys.executable, "-m", f"tasks.{step}", *arguments),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: name one system: python -m tasks.{step} <{'|'.join(SYSTEMS)}>\n"


def test_fault_is_one_line_and_its_traceback_in_the_log(run: Run, tmp_path: Path) -> None:
    done = run("{}['nothing']")
    log = tmp_path / ".headwater" / "logs" / "toy@glvd.log"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: toy@glvd: unexpected KeyError: 'nothing' (details in {log})\n"
    assert "Traceback" in log.read_text()


def test_fault_shows_its_traceback_for_debugging(run: Run) -> None:
    done = run("{}['nothing']", HEADWATER_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "python chatter" in done.stdout


def test_interrupt_is_said_in_a_line_and_a_reader_that_went_away_in_none(run: Run) -> None:
    done = run("raise KeyboardInterrupt")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error: toy@glvd: was stopped; run it again\n"
    gone = ("from tasks.console import Unread", "raise Unread")
    done = run(*gone)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_wrong_parameters_are_refused_before_the_step_runs(run: Run, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(re.sub(r"subjects: \d+", "subjects: many", params.read_text(), count=1))
    done = run("os.write(9, b'')")
    assert done.returncode == 2
    assert done.stderr.startswith("error: params.yaml: synthesize.subjects is 'many', but: ")
    assert len(done.stderr.splitlines()) == 1


def test_progress_goes_to_a_flow_and_not_to_a_file(run: Run) -> None:
    lines = (
        "from tasks.console import progress",
        "with progress('toy', 2) as advance:",
        "    advance()",
        "    advance(note='loss 1')",
        "return 'done'",
    )
    assert len(run(*lines).stdout.splitlines()) == 1
    assert run(*lines, HEADWATER_EVENTS="1").stdout.splitlines() == [
        '{"done": 0, "total": 2, "note": ""}',
        '{"done": 1, "total": 2, "note": ""}',
        '{"done": 2, "total": 2, "note": "loss 1"}',
        '{"finished": "done"}',
    ]
