"""A build's bucket cache: named before anything runs when it cannot serve, and shared by copies."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.conftest import ToyProject

SOON = 240


@pytest.mark.fault("a cache that cannot serve is one sentence, before anything runs")
@pytest.mark.parametrize("command", [("-m", "flows"), ("-m", "tasks.numbers")])
def test_cache_that_cannot_serve_is_one_sentence(toy: ToyProject, command: tuple[str, ...]) -> None:
    toy.set(cache__url="memory://x")
    done = toy.run(sys.executable, *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: memory://x: memory:// is one process's own memory, and a build has several; "
        "name a folder, or a URL that all of them reach\n"
    )
    assert not (toy.path / "data" / "numbers").exists()


@pytest.mark.fault("an experiment in a copy computes no bucket again")
@pytest.mark.slow
def test_experiment_in_a_copy_computes_no_bucket_again(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    project.commit("built")
    notes = buckets(project.path)
    # One bucket takes longer than the test may.
    command = ("dvc", "exp", "run", "--temp", "--force", "doubles", "squares")
    started = project.start(sys.executable, "-m", *command, seconds=2 * SOON)
    out, errors = started.communicate(timeout=SOON)
    assert started.returncode == 0, errors
    assert "36 items, 4 rejected" in out
    assert len(notes) == 12
    assert buckets(project.path) == notes


def buckets(project: Path) -> set[Path]:
    return {path.relative_to(project) for path in project.rglob("note.json")}


# A folder that everyone can read and nobody, root included, can write.
READ_ONLY = "/proc/sys"
NOTICE = f"{READ_ONLY}: cannot be written ("


@pytest.mark.fault("a shared cache serves its whole group")
def test_step_reads_a_cache_that_it_cannot_write_and_says_so(toy: ToyProject) -> None:
    toy.set(cache__url=READ_ONLY)
    for built in (False, True):
        done = toy.run(sys.executable, "-m", "tasks.numbers")
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert "36 items, 4 rejected" in lines[-1]
        assert len(buckets(toy.path / ".headwater" / "cache")) == 4
        # Nothing is to be said when nothing is to be kept.
        assert [line.startswith(NOTICE) for line in lines[:-1]] == ([] if built else [True])


@pytest.mark.fault("a shared cache serves its whole group")
@pytest.mark.slow
def test_build_says_once_that_it_only_reads_the_cache(toy: ToyProject) -> None:
    toy.set(cache__url=READ_ONLY)
    done = toy.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(NOTICE) == 1
    assert len(buckets(toy.path / ".headwater" / "cache")) == 12


@pytest.mark.fault("what builds leave is bounded by size and age")
def test_build_ends_with_the_command_that_bounds_what_it_left(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    with (project.path / ".headwater" / "logs" / "large.log").open("wb") as file:
        file.truncate(21 * 10**9)
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == (
        "builds left 21.0 GB of buckets, checkpoints and logs; to bound that: headwater cache prune"
    )
    assert "to bound that" not in (project.path / "output.txt").read_text()
