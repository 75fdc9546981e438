"""`headwater cache prune` bounds what builds leave, and touches nothing else."""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater import cli
from headwater.errors import HeadwaterError
from headwater.pipeline.cache import BucketCache
from headwater.upkeep.build_lock import build_lock
from headwater.upkeep.leftovers import REST, REST_SECONDS, Leftover, size_of, to_remove
from headwater.upkeep.prune import KEEP, advice, age_in_seconds, prune, size_in_bytes
from headwater.upkeep.step_lock import no_step_at_work, step_at_work

PROJECT = Path(__file__).resolve().parents[2]
DAY = 24 * 3600.0
FILES = {"photos/photos": b"x" * 600, "photos/rejects": b"y" * 200}
EVERYTHING = {"keep": 0, "older_than": 0.0}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without a build."""
    folder = tmp_path / "a project"
    folder.mkdir()
    shutil.copy(PROJECT / "params.yaml", folder)
    return folder


def put(cache: Path, number: int, days: float) -> Path:
    """A bucket of about 1 kB that was used some days ago; its folder."""
    key = f"{number:02x}" * 32
    BucketCache(str(cache)).put(key, FILES)
    return aged(cache / key[:2] / key, days)


def write(path: Path, days: float, size: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return aged(path, days)


def aged(path: Path, days: float) -> Path:
    then = time.time() - days * DAY
    for inner in (path, *path.rglob("*")):
        os.utime(inner, (then, then))
    return path


def read_today(path: Path) -> Path:
    os.utime(path, (time.time(), path.stat().st_mtime))
    return path


def headwater(project: Path, *arguments: str) -> int:
    return cli.run(cli.app, ["cache", "prune", *arguments, "--project", str(project)])


@pytest.mark.fault("what builds leave is bounded by size and age")
def test_least_recently_used_buckets_go_first(project: Path) -> None:
    cache = project / ".headwater" / "cache"
    buckets = [put(cache, number, days) for number, days in enumerate((3, 1, 4, 2, 5))]
    size = sum(path.stat().st_size for path in buckets[0].iterdir())
    pruned = prune(project, keep=2 * size, older_than=30 * DAY)
    assert [path.is_dir() for path in buckets] == [False, True, False, True, False]
    assert [one.path for one in pruned.removed] == [buckets[4], buckets[2], buckets[0]]
    assert size_of(pruned.removed) == 3 * size
    assert size_of(pruned.left) == 2 * size


def test_bucket_that_a_build_used_stays(project: Path) -> None:
    cache = project / ".headwater" / "cache"
    old, older = put(cache, 1, 40), put(cache, 2, 50)
    assert BucketCache(str(cache)).get(older.name, FILES) is not None
    prune(project, keep=10**9, older_than=30 * DAY)
    assert (old.exists(), older.exists()) == (False, True)


@pytest.mark.fault("what builds leave is bounded by size and age")
def test_everything_that_builds_leave_is_bounded(project: Path) -> None:
    home, objects = project / ".headwater", project / ".dvc" / "cache" / "files" / "md5"
    cache = home / "cache"
    (cache / "ab" / ("ab" * 32)).mkdir(parents=True)
    goes = [
        put(cache, 1, 40),
        aged(cache / "ab" / ("ab" * 32), 40),
        write(home / "checkpoints" / "glvd" / "abc" / "sdf" / "step-1.safetensors", 40).parents[1],
        write(home / "checkpoints" / "lvd" / "step-1.safetensors", 40),
        write(home / "models" / "anny-0123.safetensors", 40),
        write(home / "logs" / "photos.log", 40),
        write(home / "other_heads" / "data" / "x.parquet", 2).parents[1],
        write(home / "other_heads" / "data" / ".y.parquet.12-ab.tmp", 1),
        write(home / ".build.lock.12-ab.tmp", 1),
        write(cache / "ab" / ("cd" * 32) / ".note.json.12-ab.tmp", 1),
        write(home / "models" / ".anny.12-ab.tmp", 1),
        write(objects / "ab" / ".cdef.Xy1.tmp", 1),
    ]
    stays = [
        put(cache, 2, 20),
        write(home / "checkpoints" / "glvd" / "def" / "step-1.safetensors", 20),
        write(home / "logs" / "sdf.log", 20),
        read_today(write(home / "models" / "anny-4567.safetensors", 400)),
        write(home / "checked.json", 400),
        write(cache / "README", 400),
        write(home / ".young.tmp", 0),
        write(objects / "ab" / "cdef", 400),
        write(objects / "ab" / ".young.tmp", 0),
        write(project / "data" / "photos" / "x.parquet", 400),
        write(project / ".keep.tmp", 400),
    ]
    pruned = prune(project, keep=10**9, older_than=30 * DAY)
    assert [path for path in goes if path.exists()] == []
    assert [path for path in stays if not path.exists()] == []
    assert {one.path for one in pruned.removed} == set(goes)
    assert pruned.problems == ()


def test_what_lies_behind_a_link_is_not_touched(project: Path, tmp_path: Path) -> None:
    home = project / ".headwater"
    elsewhere = write(tmp_path / "elsewhere" / "mine" / "x", 400).parent
    temporary = write(tmp_path / "elsewhere" / "mine" / ".x.tmp", 400)
    key = "ab" * 32
    for link in (
        home / "checkpoints" / "glvd",
        home / "logs" / "link",
        home / "cache" / "ab",
        home / "cache" / "cd" / ("cd" * 32),
        home / ".link.tmp",
    ):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(elsewhere)
    put(tmp_path / "elsewhere" / "mine", 0xAB, 400)
    prune(project, **EVERYTHING)
    assert (elsewhere / "x").exists()
    assert temporary.exists()
    assert (elsewhere / key[:2] / key / "note.json").exists()


def test_cache_on_another_disk_is_pruned_through_its_link(project: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (project / ".headwater").symlink_to(disk)
    bucket = put(disk / "cache", 1, 2)
    broken_off = write(disk / "cache" / "01" / ".x.tmp", 2)
    prune(project, **EVERYTHING)
    assert not bucket.exists()
    assert not broken_off.exists()


@pytest.mark.fault("what builds leave is bounded by size and age")
@pytest.mark.parametrize(
    ("lock", "says"),
    [
        (build_lock, r"another build \(process \d+\) is running"),
        (step_at_work, "a step is at work in this folder"),
    ],
)
def test_running_build_keeps_what_it_uses(
    project: Path, lock: Callable[..., object], says: str
) -> None:
    bucket = put(project / ".headwater" / "cache", 1, 400)
    holding, ready = os.pipe()
    end, ending = os.pipe()
    if not (child := os.fork()):
        with lock(project):  # type: ignore[attr-defined]
            os.write(ready, b"1")
            os.close(ending)
            os.read(end, 1)
        os._exit(0)
    os.read(holding, 1)
    try:
        with pytest.raises(HeadwaterError, match=says):
            prune(project, **EVERYTHING)
        assert bucket.exists()
    finally:
        os.close(ending)
        os.waitpid(child, 0)
    prune(project, **EVERYTHING)
    assert not bucket.exists()


@pytest.mark.fault("a folder that cannot be written is one sentence, before anything runs")
def test_project_that_cannot_be_written_is_one_sentence(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".headwater").write_text("in the way")
    assert headwater(project) == 2
    assert capsys.readouterr().err.startswith(f"error: {project / '.headwater'}: ")


def test_steps_work_side_by_side(project: Path) -> None:
    refused = pytest.raises(HeadwaterError, match="wait until it is done")
    with step_at_work(project), step_at_work(project), refused, no_step_at_work(project):
        pass
    with no_step_at_work(project):
        pass


def test_shared_folder_is_pruned_only_when_named(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    team = tmp_path / "team"
    old, young = put(team, 1, 40), put(team, 2, 0.5)
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace(".headwater/cache", str(team)))
    assert headwater(project, "--keep", "0GB") == 0
    assert old.exists()
    assert headwater(project, "--keep", "0GB", "--shared") == 0
    assert (old.exists(), young.exists()) == (False, True)
    assert capsys.readouterr().out == (
        "nothing to remove; 0.0 MB are left\nfreed 0.0 MB: 1 bucket; 0.0 MB are left\n"
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [(".headwater/cache", "leave out --shared"), ("ftp://team/cache", "is no folder")],
)
def test_only_a_shared_folder_is_pruned_as_such(
    project: Path, url: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace(".headwater/cache", url))
    assert headwater(project, "--shared") == 2
    assert says in capsys.readouterr().err


def test_the_command_says_what_it_freed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = project / ".headwater" / "cache"
    for number in range(3):
        put(cache, number, 40 + number)
    write(project / ".headwater" / "logs" / "photos.log", 40, size=30_000_000)
    assert headwater(project) == 0
    assert capsys.readouterr().out == "freed 30.0 MB: 3 buckets, 1 log; 0.0 MB are left\n"
    assert headwater(project) == 0
    assert capsys.readouterr().out == "nothing to remove; 0.0 MB are left\n"


def test_what_cannot_be_removed_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(project / ".headwater" / "logs" / "photos.log", 40)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert headwater(project) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{log}: cannot be removed (Operation not permitted)",
        "error: 1 files and folders could not be removed",
    ]


@pytest.mark.fault("what builds leave is bounded by size and age")
def test_build_advises_above_the_usual_bound(project: Path) -> None:
    write(project / ".headwater" / "logs" / "small.log", 0)
    assert advice(project) is None
    large = project / ".headwater" / "logs" / "large.log"
    with large.open("wb") as file:
        file.truncate(21 * 10**9)
    assert advice(project) == (
        "builds left 21.0 GB of buckets, checkpoints and logs; to bound that: headwater cache prune"
    )
    aged(large, 1)
    assert headwater(project) == 0
    assert advice(project) is None


@pytest.mark.fault("what builds leave is bounded by size and age")
@given(
    sizes=st.lists(st.tuples(st.integers(0, 100), st.floats(0, 100)), max_size=20),
    keep=st.integers(0, 500),
    older_than=st.floats(0, 100),
)
def test_what_stays_is_within_the_bounds_and_younger_than_what_goes(
    sizes: list[tuple[int, float]], keep: int, older_than: float
) -> None:
    now = 1000.0
    found = [
        Leftover("bucket", Path(str(number)), size, now - age)
        for number, (size, age) in enumerate(sizes)
    ]
    going = to_remove(found, keep, older_than, now, spare=0.0)
    left = [one for one in found if one not in going and one.used < now]
    assert size_of(left) <= keep
    assert all(now - one.used <= older_than for one in left)
    assert all(gone.used <= stays.used for gone in going for stays in left)
    # Nothing goes that both bounds would have let stay.
    for number, gone in enumerate(going):
        assert now - gone.used > older_than or size_of(found) - size_of(going[:number]) > keep


def test_fragments_go_whatever_the_bounds_but_not_the_young_ones() -> None:
    now = 10 * REST_SECONDS
    old = Leftover(REST, Path("old"), 1, now - REST_SECONDS - 1)
    young = Leftover(REST, Path("young"), 1, now - 1)
    assert to_remove([old, young], 10**9, 10**9, now, 0.0) == [old]
    assert to_remove([old, young], 0, 0.0, now, 0.0) == [old]


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20 * 10**9), ("1.5 tb", 1_500_000_000_000), ("0", 0), ("7kB", 7000), ("12B", 12)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert size_in_bytes(text) == size


@pytest.mark.parametrize(("text", "hours"), [("12h", 12), ("30d", 720), ("2 W", 336)])
def test_ages_are_read(text: str, hours: int) -> None:
    assert age_in_seconds(text) == hours * 3600


@given(text=st.text() | st.from_regex(r"[0-9.eE+-]{1,20}[kKMGTPhdw]?B?"))
def test_any_text_is_a_size_or_an_age_or_refused(text: str) -> None:
    for read in (size_in_bytes, age_in_seconds):
        with suppress(HeadwaterError):
            assert 0 <= read(text) < 10**22


def test_the_commands_default_is_the_bound_that_builds_advise() -> None:
    import inspect

    assert inspect.signature(cli.prune).parameters["keep"].default == KEEP
