"""Whatever work on hostile bytes does, its process ends at its bounds and the caller goes on."""

import time
from pathlib import Path

import pytest

from headwater.apart import CrashedError, OutOfTimeError, run_apart

PROJECT = Path(__file__).resolve().parents[1]


def run(kind: str, data: bytes = b"") -> bytes:
    return run_apart("tests.hostile_work", (kind,), data)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))


def test_what_stays_within_is_answered() -> None:
    assert run("modest", b"x" * 10) == b"x" * 10 + b"%d" % 2**27


def test_memory_beyond_the_bound_is_not_given() -> None:
    assert run("greedy") == b"no memory"


def test_endless_work_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(OutOfTimeError):
        run("spin")
    assert time.monotonic() - started < 60


def test_a_crash_is_the_child_s_alone() -> None:
    with pytest.raises(CrashedError):
        run("crash")


def test_code_in_the_current_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resource.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    assert run("greedy") == b"no memory"
