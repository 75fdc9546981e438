"""``headwater status`` says what a build would run, changes nothing, and a build then does that."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.left import items_left
from flows.status import status
from headwater.errors import HeadwaterError
from headwater.upkeep.build_lock import build_lock
from tests.flows.conftest import ToyProject

STATUS = (sys.executable, "-m", "headwater.cli", "status")
NOTHING = "all 4 stages hold: `make repro` has nothing to do"
# DVC's own locks, and Python's copies of code.
_OF_TOOLS = (".dvc/tmp/", "__pycache__")

Edit = Callable[[ToyProject], object]


def said(project: ToyProject) -> list[str]:
    done = project.run(*STATUS)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def ran(project: ToyProject) -> set[str]:
    """Stages that a build runs, without those that DVC or its cache knew to hold."""
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    stage = r"^(numbers|doubles|squares|total) +(\S.*) +\d+\.\d s$"
    lines = re.findall(stage, done.stdout, re.MULTILINE)
    return {name for name, text in lines if not text.startswith("unchanged")}


def snapshot(project: ToyProject) -> dict[str, tuple[int, bytes]]:
    """Time and content of every file, and the names of all folders."""
    paths = [path for path in project.path.rglob("*") if "headwater/" not in str(path)]
    names = {str(path.relative_to(project.path)): path for path in paths}
    return {
        name: (path.stat().st_mtime_ns, path.read_bytes()) if path.is_file() else (0, b"")
        for name, path in names.items()
        if not any(tool in name for tool in _OF_TOOLS)
    }


def a_bucket(project: ToyProject, step: str) -> Path:
    return next(iter(sorted((project.path / "data" / step / "values").glob("*.parquet"))))


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def lose_cached(project: ToyProject) -> None:
    """Take a table from the data and all that DVC could restore it from."""
    shutil.rmtree(project.path / "data" / "doubles")
    shutil.rmtree(project.path / ".dvc" / "cache")


FOLLOWS = [
    "doubles: up to {0} of 4 buckets, if numbers' rows change",
    "squares: up to {0} of 4 buckets, if numbers' rows change",
    "total: if the rows of doubles or squares change",
]
CASES: list[tuple[Edit, list[str]]] = [
    (lambda toy: None, [NOTHING]),
    (
        lambda toy: toy.set(seed=8),
        [
            "numbers: 4 of 4 buckets: setting seed: 7 -> 8",
            "doubles: 4 of 4 buckets: setting seed: 7 -> 8",
            "squares: 4 of 4 buckets: setting seed: 7 -> 8",
            FOLLOWS[2],
            "0 of 4 stages hold",
        ],
    ),
    (
        lambda toy: toy.set(synthesize__subjects=41),
        [
            "numbers: 1 of 4 buckets: setting synthesize.subjects: 40 -> 41",
            *(line.format(1) for line in FOLLOWS),
            "0 of 4 stages hold",
        ],
    ),
    (
        lambda toy: toy.edit("doubles", "2 * row", "3 * row"),
        [
            "doubles: 4 of 4 buckets: tasks/doubles.py changed",
            "total: if doubles' rows change",
            "2 of 4 stages hold",
        ],
    ),
    (
        lambda toy: toy.edit("doubles", "import os\n", "import os  # A comment.\n"),
        ["doubles: 0 of 4 buckets: tasks/doubles.py changed", "3 of 4 stages hold"],
    ),
    (
        lambda toy: shutil.rmtree(toy.path / "data" / "squares"),
        ["squares: data/squares is restored from DVC's cache", "4 of 4 stages hold"],
    ),
    (
        lambda toy: spoil(a_bucket(toy, "squares")),
        ["squares: data/squares is restored from DVC's cache", "4 of 4 stages hold"],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("edit", "lines"), CASES)
def test_a_build_runs_what_status_says(
    copy_of_built: Callable[[], ToyProject], edit: Edit, lines: list[str]
) -> None:
    project = copy_of_built()
    edit(project)
    before = snapshot(project)
    assert said(project) == lines
    assert snapshot(project) == before
    words = dict(line.split(": ", 1) for line in lines[:-1] if "is restored" not in line)
    follow = {name for name, text in words.items() if text.startswith(("if ", "up to "))}
    certain = words.keys() - follow
    assert certain <= ran(project) <= certain | follow
    assert said(project) == [NOTHING]


@pytest.mark.slow
def test_buckets_that_the_cache_has_are_not_computed_again(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    lose_cached(project)
    lost = "is not as recorded, nor whole in DVC's cache"
    lines = said(project)
    assert lines[0] == f"numbers: 0 of 4 buckets: data/numbers {lost}"
    assert f"doubles: 4 of 4 buckets, from the cache: data/doubles {lost}" in lines
    assert ran(project) >= {"doubles"}
    assert said(project) == [NOTHING]


@pytest.mark.slow
def test_a_project_that_outgrew_its_buckets_is_told(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    path = project.path / "data" / "photos" / "photos" / "bucket-000.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"item": ["a"] * 10_000}), path)
    *_, hint, last = said(project)
    assert hint.startswith("10000 photos in 4 buckets: one more computes about 2500 anew, ")
    assert last == NOTHING


def refused(project: ToyProject) -> str:
    with pytest.raises(HeadwaterError) as problem:
        status(project.path)
    return str(problem.value)


@pytest.mark.slow
@pytest.mark.fault("what no forecast can be made of is one line that says what to do")
def test_a_record_that_was_cut_short_is_read_as_far_as_it_goes_or_refused(
    copy_of_built: Callable[[], ToyProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_of_built()
    monkeypatch.chdir(project.path)
    path = project.path / "dvc.lock"
    whole = path.read_bytes()
    for end in range(1, len(whole), len(whole) // 12):
        path.write_bytes(whole[:end])
        first, *others = outcome(project)
        assert first.startswith((f"error: {path}: ", "error: dvc: ")) or NOTHING not in others


def outcome(project: ToyProject) -> list[str]:
    try:
        return ["", *status(project.path)]
    except HeadwaterError as error:
        return [f"error: {error}"]


def test_a_project_that_was_never_built_says_so_in_one_line(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.path)
    assert status(toy.path) == ["nothing is built yet: `make repro` would run all 4 stages"]
    assert not (toy.path / "dvc.lock").exists()
    assert not (toy.path / ".headwater").exists()


@pytest.mark.fault("what no forecast can be made of is one line that says what to do")
def test_what_a_build_would_refuse_is_one_line(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.path)
    with build_lock(toy.path):
        assert re.fullmatch(r"another build \(process \d+\) is running.*", refused(toy))
    half = "schema: '2.0'\nstages:\n  numbers:\n    cmd: a\n    outs:\n    - path: data/numb"
    (toy.path / "dvc.lock").write_text(half)
    assert "dvc.lock: is not as DVC writes it; restore it" in refused(toy)
    (toy.path / "dvc.lock").unlink()
    graph = (toy.path / "dvc.yaml").read_text()
    (toy.path / "dvc.yaml").unlink()
    assert refused(toy).endswith("dvc.yaml: not found; run from the project's folder")
    (toy.path / "dvc.yaml").write_text(graph.replace("stages:", "stages: ["))
    assert refused(toy).startswith("dvc: ")


@pytest.mark.fault("what no forecast can be made of is one line that says what to do")
def test_a_step_that_is_no_python_is_refused_by_its_line(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.path)
    path = toy.path / "tasks" / "doubles.py"
    path.write_text("VALUE = 1\ndef (\n")
    assert refused(toy) == f"{path}, line 2: SyntaxError: invalid syntax; mend it"
    path.write_bytes(b"\xff\xfe")
    assert refused(toy).startswith(f"{path}, line 1: SyntaxError: ")


@pytest.mark.fault("what no forecast can be made of is one line that says what to do")
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("os._exit(0)", "ended with status 0. Mend what ends it; "),
        pytest.param("raise SystemExit(0)", "ended with status 0. Mend", marks=pytest.mark.slow),
        pytest.param("os.kill(os.getpid(), 11)", "crashed (SIGSEGV).", marks=pytest.mark.slow),
        pytest.param("raise KeyError('x')", "unexpected KeyError: 'x'", marks=pytest.mark.slow),
    ],
)
def test_a_step_that_ends_its_process_is_named(
    copy_of_built: Callable[[], ToyProject], code: str, said: str
) -> None:
    project = copy_of_built()
    project.edit("doubles", "import os\n", f"import os\n\n{code}\n")
    done = project.run(*STATUS)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("error: doubles: ")
    assert said in line


@pytest.mark.fault("what no forecast can be made of is one line that says what to do")
def test_a_pipe_in_place_of_rejects_is_not_waited_for(toy: ToyProject) -> None:
    folder = toy.path / "data" / "numbers" / "rejects"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "bucket-000.parquet")
    assert items_left(toy.path) == {}


@pytest.mark.fault("what no forecast can be made of is one line that says what to do")
def test_a_folder_without_a_project_is_refused_by_both_verbs(
    toy: ToyProject, tmp_path: Path
) -> None:
    for verb in ("status", "retry"):
        done = toy.run(sys.executable, "-m", "headwater.cli", verb, "--project", str(tmp_path))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"error: {tmp_path}/params.yaml: not found; run from the project's folder\n"
        )
