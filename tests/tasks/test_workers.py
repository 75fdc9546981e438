"""Workers compute what is asked, pass errors on, and are replaced when they are killed."""

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from headwater.config import load_params
from headwater.errors import HeadwaterError, ItemRejected
from tasks.workers import Workers, cores, load_step

PROJECT = Path(__file__).resolve().parents[2]


def _kill_once(name: str, flag: Path) -> str:
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), 9)
    return name


def _kill_always(name: str) -> None:
    os.kill(os.getpid(), 9)


def _reject(name: str) -> None:
    raise ItemRejected("no_face", "There is no face.")


def _threads(name: str) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


@pytest.fixture
def workers(tmp_path: Path) -> Workers:
    """One worker."""
    return Workers(load_params(PROJECT / "params.yaml"), tmp_path, 1)


def test_workers_are_replaced_refuse_the_hopeless_and_pass_errors_on(
    workers: Workers, tmp_path: Path
) -> None:
    with workers:
        assert workers._run(_kill_once, "photos", tmp_path / "killed") == "photos"
        with pytest.raises(HeadwaterError, match="photos: a worker process was killed 2 times"):
            workers._run(_kill_always, "photos")
        with pytest.raises(HeadwaterError, match="no face"):
            workers._run(_reject, "photos")
        assert workers._run(_threads, "photos") == "1"


@pytest.mark.parametrize(
    "error", [ValueError("bad value(s) in fds_to_keep"), BrokenPipeError("gone")]
)
def test_a_pool_that_breaks_while_it_starts_a_worker_is_replaced(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A worker killed at that moment closes the pipes of the pool under ``submit``."""
    submit = ProcessPoolExecutor.submit
    failures = [error]

    def sometimes(pool: ProcessPoolExecutor, /, *arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return submit(pool, *arguments)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", sometimes)
    with workers:
        assert workers._run(_threads, "photos") == "1"
    assert not failures


def test_pool_that_computed_nothing_ends(workers: Workers) -> None:
    with workers:
        pass


def test_steps_are_found_by_name() -> None:
    assert load_step("photos").name == "photos"
    assert cores() >= 1
