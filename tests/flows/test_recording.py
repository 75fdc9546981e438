"""Recording while another DVC works, and what is said of a stage that failed."""

import fcntl
from threading import Timer

import pytest

from flows.recording import Recorder, explain
from tests.flows.conftest import ToyProject

DVC_ENDING = "ERROR: failed to reproduce 'x': failed to run: python -m tasks.x, exited with 2"


def test_own_error_lines_are_kept_and_dvcs_left_out() -> None:
    errors = f"chatter\nerror: x: too many rejects\nerror: see data/x\n{DVC_ENDING}\n"
    assert explain("x", errors, 255) == "x: too many rejects\nsee data/x"


def test_without_them_dvc_speaks() -> None:
    assert explain("x", f"chatter\n{DVC_ENDING}\n", 255) == DVC_ENDING.removeprefix("ERROR: ")


def test_silent_end_is_named_by_its_status() -> None:
    assert explain("x", "", 137) == "x: dvc ended with status 137"


def test_a_lock_that_another_dvc_holds_is_waited_for(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC itself gives up after three seconds, which a busy machine takes to read a graph."""
    monkeypatch.setattr("os.environ", toy.environment())
    lock = toy.path / ".dvc" / "tmp" / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        Timer(6.0, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        Recorder(toy.path).record("numbers", lambda event: None)
    assert any((toy.path / "data" / "numbers").iterdir())
