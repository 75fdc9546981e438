"""Processes end with their build, and not with what merely started it."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.lifeline import belongs, build_chain

PROJECT = Path(__file__).resolve().parents[2]

PARTS_OF_A_BUILD = (
    ["make", "repro"],
    ["/usr/bin/make", "-j2"],
    ["/home/me/a b/.venv/bin/python", "/home/me/a b/.venv/bin/dvc", "repro"],
    ["python", "-m", "dvc", "repro"],
    ["python", "-m", "flows"],
    ["python", "-X", "utf8", "-m", "flows.dvc_process", "repro"],
    ["python3", "-m", "tasks.train", "glvd"],
)
OTHERS = (
    [],
    ["-bash"],
    ["sh", "-c", "nohup make repro"],
    ["python", "-m", "pytest", "tests/flows"],
    ["python", "-m"],
    ["sshd: me"],
    ["vim", "notes.txt", "make"],
)


@dataclass
class FakeProcess:
    """Process as ``build_chain`` reads it."""

    pid: int
    arguments: list[str]

    def cmdline(self) -> list[str]:
        return self.arguments


@pytest.mark.parametrize("arguments", PARTS_OF_A_BUILD)
def test_parts_of_a_build_are_known(arguments: list[str]) -> None:
    assert belongs(arguments)


@pytest.mark.parametrize("arguments", OTHERS)
def test_others_are_not(arguments: list[str]) -> None:
    assert not belongs(arguments)


@given(st.lists(st.sampled_from([*PARTS_OF_A_BUILD, *OTHERS]), max_size=8))
def test_chain_ends_with_the_farthest_part_of_the_build(ancestors: list[list[str]]) -> None:
    fakes = [FakeProcess(pid, arguments) for pid, arguments in enumerate(ancestors, start=100)]
    chain = build_chain(cast("list[psutil.Process]", fakes))
    rest = ancestors[len(chain) :]
    assert [process.pid for process in chain] == [fake.pid for fake in fakes[: len(chain)]]
    assert not any(map(belongs, rest))
    assert not chain or belongs(chain[-1].cmdline())


CHILD = (
    "import time; from tasks.lifeline import hold; "
    "hold(); print('held', flush=True); time.sleep(60)"
)


def start(tmp_path: Path, name: str, between: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    """Start a script ``name`` that starts, through ``between``, a child that holds on."""
    script = tmp_path / name
    child = f"{between}'{sys.executable}' -c \"{CHILD}\"; true"
    script.write_text(f"import subprocess\nsubprocess.run(['sh', '-c', {child!r}])\n")
    process = subprocess.Popen(
        (sys.executable, str(script)),
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    *_, held = psutil.Process(process.pid).children(recursive=True)
    return process, held


def ends(process: psutil.Process, seconds: float) -> bool:
    """True when a process ends within ``seconds``."""
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.fault(
    "kill -9 of any process leaves none running, and the next build has the same bytes"
)
def test_grandchild_ends_with_make(tmp_path: Path) -> None:
    process, held = start(tmp_path, "make", "")
    process.kill()
    assert ends(held, 5)
    process.wait()


def test_child_outlives_a_shell_that_is_no_part_of_a_build(tmp_path: Path) -> None:
    script = tmp_path / "login"
    script.write_text(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {CHILD!r}])\n"
    )
    # Started through a shell that ends at once: the tests themselves may run below make.
    launcher = subprocess.Popen(
        ("sh", "-c", '"$0" "$1" & echo $!', sys.executable, str(script)),
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    shell = psutil.Process(int(launcher.stdout.readline()))
    launcher.wait()
    assert launcher.stdout.readline() == "held\n"
    (held,) = shell.children(recursive=True)
    shell.kill()
    assert not ends(held, 1.5)
    held.kill()


@pytest.mark.fault(
    "kill -9 of any process leaves none running, and the next build has the same bytes"
)
def test_stage_without_its_dvc_ends_at_once() -> None:
    done = subprocess.run(
        (sys.executable, "-c", CHILD),
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "DVC_STAGE": "photos"},
        capture_output=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (137, b"")
