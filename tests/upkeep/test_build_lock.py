"""One build at a time: who holds the lock is named, and only to others."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.errors import HeadwaterError
from headwater.upkeep.build_lock import build_lock, refuse_other_build


def tell(result: "multiprocessing.SimpleQueue[str]", act: Callable[[], None]) -> None:
    try:
        act()
    except HeadwaterError as error:
        result.put(str(error))
    else:
        result.put("free")


def elsewhere(act: Callable[..., None], *arguments: object) -> str:
    """Message of an act in another process."""
    context = multiprocessing.get_context("fork")
    result: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    process = context.Process(target=tell, args=(result, lambda: act(*arguments)))
    process.start()
    process.join()
    return result.get()


def take(project: Path) -> None:
    with build_lock(project):
        pass


@pytest.mark.fault("of two builds at once the second is refused in one line")
def test_another_process_is_refused_by_name_until_the_lock_is_free(tmp_path: Path) -> None:
    refused = f"another build (process {os.getpid()}) is running in this folder; wait"
    assert elsewhere(take, tmp_path) == "free"
    with build_lock(tmp_path):
        with build_lock(tmp_path):
            assert elsewhere(take, tmp_path).startswith(refused)
        assert elsewhere(take, tmp_path).startswith(refused)
        assert elsewhere(refuse_other_build, tmp_path, [1, 2]).startswith(refused)
        assert elsewhere(refuse_other_build, tmp_path, [1, os.getpid()]) == "free"
    assert elsewhere(take, tmp_path) == "free"


def test_no_build_refuses_nobody(tmp_path: Path) -> None:
    refuse_other_build(tmp_path, [])
    take(tmp_path)
    refuse_other_build(tmp_path, [])


def test_a_step_that_looks_does_not_keep_a_build_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    take(tmp_path)
    with (tmp_path / ".headwater" / "build.lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        pauses = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            fcntl.flock(looking, fcntl.LOCK_UN)

        monkeypatch.setattr("headwater.upkeep.build_lock.time.sleep", pause)
        take(tmp_path)
    assert len(pauses) == 1
