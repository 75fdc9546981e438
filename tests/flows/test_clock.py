"""A clock that was set back: files from a time to come are built upon as any others."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from headwater.errors import HeadwaterError
from tasks.runners import _answer_of_cluster
from tasks.worker import job_of, settled
from tests.flows.conftest import ToyProject

DAY_SECONDS = 86_400


def age(folder: Path, seconds: float) -> None:
    """Give everything in a folder the time that is so far ahead."""
    then = time.time() + seconds
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (then, then), follow_symlinks=False)


@pytest.mark.fault("a build goes on although the clock was set back")
def test_a_build_of_a_time_to_come_is_up_to_date(copy_of_built: Callable[[], ToyProject]) -> None:
    project = copy_of_built()
    before = project.bytes()
    age(project.path, DAY_SECONDS)
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("everything is up to date, ")
    assert project.bytes() == before


@pytest.mark.slow
@pytest.mark.fault("a build goes on although the clock was set back")
def test_what_was_edited_before_the_clock_was_set_back_is_built(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    project.set(synthesize__subjects=41)
    project.edit("doubles", "2 * row", "3 * row")
    age(project.path, DAY_SECONDS)
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert project.flow().stdout.startswith("everything is up to date, ")
    made = project.bytes()
    project.forget()
    age(project.path, 0)
    assert project.dvc("repro", "--quiet").returncode == 0
    assert project.bytes() == made


@pytest.mark.fault("a build goes on although the clock was set back")
def test_a_cluster_takes_code_of_a_time_to_come_and_refuses_edited_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("tasks.a_step")
    path = tmp_path / "a_step.py"
    path.touch()
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "tasks.a_step", module)
    job = job_of(str.upper, ("photos",))
    age(path, -DAY_SECONDS)
    assert settled(_answer_of_cluster(job, tmp_path / "log"), str.upper, "photos") == "PHOTOS"
    age(path, DAY_SECONDS)
    assert settled(_answer_of_cluster(job, tmp_path / "log"), str.upper, "photos") == "PHOTOS"
    age(path, 0)
    with pytest.raises(
        HeadwaterError, match=r"a_step\.py: was edited; start the cluster's workers"
    ):
        _answer_of_cluster(job, tmp_path / "log")
