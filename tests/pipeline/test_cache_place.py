"""A cache that cannot serve is named before anything runs; one that is shared serves a group."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.pipeline.cache import BucketCache
from headwater.pipeline.cache_place import cache_for, cache_location, check_cache, owner_of
from tests.pipeline.team_place import reach_team_places

PROJECT = Path(__file__).resolve().parents[2]
KEY, OTHER = "ab" * 32, "ab" + "cd" * 31
FILES = {"photos/photos": b"one", "photos/rejects": b"two"}
GROUP = 5555

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as other users")


def with_url(url: str) -> Params:
    params = load_params(PROJECT / "params.yaml")
    return params.model_copy(update={"cache": params.cache.model_copy(update={"url": url})})


def as_user(user: int, action: Callable[[], object], groups: tuple[int, ...] = (GROUP,)) -> str:
    """Result of ``action``, as text, when another user with umask 022 runs it."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            os.setgroups(groups)
            os.setgid(user)
            os.setuid(user)
            os.umask(0o022)
            os.write(writing, str(action()).encode())
        except HeadwaterError:
            os.write(writing, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="headwater-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def shared_by_group(folder: Path) -> Path:
    folder.mkdir()
    os.chown(folder, 0, GROUP)
    folder.chmod(0o2770)
    return folder


@pytest.mark.fault("a shared cache serves its whole group")
@needs_root
def test_users_of_a_group_write_and_read_one_cache(open_folder: Path) -> None:
    shared = shared_by_group(open_folder / "team")
    cache = BucketCache(str(shared / "cache"))
    assert as_user(1234, lambda: cache.put(KEY, FILES)) == "None"
    # The same two letters: the folder that the first user made takes the second's bucket.
    assert as_user(1235, lambda: cache.put(OTHER, FILES)) == "None"
    assert as_user(1235, lambda: cache.put(KEY, FILES)) == "None"
    for user in (1234, 1235):
        for key in (KEY, OTHER):
            assert as_user(user, lambda key=key: cache.get(key, FILES) == FILES) == "True"
    assert as_user(1236, lambda: cache.get(KEY, FILES), groups=()) == "None"
    for path in (shared / "cache").rglob("*"):
        status = path.stat()
        assert status.st_gid == GROUP
        assert stat.S_IMODE(status.st_mode) & 0o060 == 0o060
        assert not path.is_dir() or stat.S_IMODE(status.st_mode) & 0o2070 == 0o2070


@pytest.mark.fault("a shared cache serves its whole group")
@needs_root
def test_folder_that_no_group_shares_opens_to_nobody(open_folder: Path) -> None:
    cache = BucketCache(str(open_folder / "cache"))
    assert as_user(1234, lambda: cache.put(KEY, FILES)) == "None"
    assert not any(p.stat().st_mode & 0o022 for p in (open_folder / "cache").rglob("*"))


@pytest.mark.fault("a shared cache serves its whole group")
@needs_root
def test_cache_that_can_only_be_read_costs_no_build(open_folder: Path) -> None:
    shared, project = open_folder / "team", open_folder / "project"
    BucketCache(str(shared)).put(KEY, FILES)
    project.mkdir()
    os.chown(project, 1234, 1234)
    params = with_url(str(shared))

    def build() -> object:
        said = check_cache(params, project)
        cache = cache_for(params, project)
        cache.put(OTHER, FILES)
        return said, cache.get(KEY, FILES) == FILES, cache.get(OTHER, FILES) == FILES

    own = project / ".headwater" / "cache"
    problem = "cannot be written (Permission denied)"
    notice = f"{shared}: {problem}; it is read, and new buckets go to {own}"
    assert as_user(1234, build) == str((notice, True, True))
    assert (own / OTHER[:2] / OTHER / "note.json").is_file()
    assert not (shared / OTHER[:2] / OTHER).exists()


@pytest.mark.fault("a cache that cannot serve is one sentence, before anything runs")
@needs_root
@pytest.mark.parametrize("mode", [0o000, 0o311])
def test_cache_that_cannot_be_read_is_refused(open_folder: Path, mode: int) -> None:
    shared = open_folder / "team"
    shared.mkdir()
    shared.chmod(mode)
    said = as_user(1234, lambda: check_cache(with_url(str(shared)), open_folder))
    assert said.splitlines()[-1] == (
        f"headwater.errors.HeadwaterError: {shared}: is no folder that can be used "
        "(Permission denied); mend it, or name another cache.url in params.yaml"
    )


@pytest.mark.fault("a folder that cannot be written is one sentence, before anything runs")
@needs_root
def test_own_cache_that_cannot_be_written_is_refused(open_folder: Path) -> None:
    project = open_folder / "project"
    cache = project / ".headwater" / "cache"
    cache.mkdir(parents=True)
    params = with_url(".headwater/cache")
    said = as_user(1234, lambda: check_cache(params, project))
    assert said.splitlines()[-1] == (
        f"headwater.errors.HeadwaterError: {cache}: cannot be written (Permission denied); "
        "mend it, or name another cache.url in params.yaml"
    )


@pytest.mark.fault("a cache that cannot serve is one sentence, before anything runs")
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("memory://zz", "memory:// is one process's own memory"),
        ("nosuch://team/cache", "nothing reads nosuch://"),
        ("a\0b", "cannot be a folder's name"),
        ("x" * 300, "File name too long"),
        ("~nobody-of-this-name/cache", "cache.url ~nobody-of-this-name/cache"),
        ("params.yaml", "is no folder that can be used"),
        ("params.yaml/cache", "is no folder that can be used (Not a directory)"),
        ("team:///dev/null/x", "cannot be written (Not a directory)"),
    ],
)
def test_place_that_cannot_serve_is_refused(tmp_path: Path, url: str, problem: str) -> None:
    reach_team_places()
    (tmp_path / "params.yaml").touch()
    if url.startswith("team:"):
        # Read only: nothing is there, yet a build may go on with the project's own cache.
        assert problem in str(check_cache(with_url(url), tmp_path))
        return
    with pytest.raises(HeadwaterError) as caught:
        check_cache(with_url(url), tmp_path)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


WITHOUT = """
import importlib.machinery, sys
find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *rest: None if name in ("s3fs", "sshfs", "paramiko") else find(name, *rest)
)
from headwater.pipeline.store import store_at
try:
    store_at(sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.fault("a cache that cannot serve is one sentence, before anything runs")
@pytest.mark.parametrize(("url", "extra"), [("s3://team/cache", "s3"), ("ssh://host/c", "ssh")])
def test_missing_package_is_named_with_the_command_that_installs_it(url: str, extra: str) -> None:
    command = [sys.executable, "-c", WITHOUT, url]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"HeadwaterError {url}: no installed package reads {extra}://; install it in the project's "
        f"folder with: .venv/bin/python -m pip install -c constraints.txt -e '.[{extra}]'\n"
    )


@pytest.mark.fault("a cache that cannot serve is one sentence, before anything runs")
def test_home_folder_is_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    params = with_url("~/cache")
    assert check_cache(params, tmp_path / "project") is None
    cache_for(params, tmp_path / "project").put(KEY, FILES)
    assert (tmp_path / "home" / "cache" / KEY[:2] / KEY / "note.json").is_file()
    assert not list(tmp_path.rglob("~*"))


@pytest.mark.parametrize("url", ["file://{}/cache", "local://{}/cache", "{}/cache"])
def test_folder_may_be_named_as_a_url(tmp_path: Path, url: str) -> None:
    params = with_url(url.format(tmp_path))
    assert check_cache(params, tmp_path / "project") is None
    cache_for(params, tmp_path / "project").put(KEY, FILES)
    assert (tmp_path / "cache" / KEY[:2] / KEY / "note.json").is_file()


@pytest.mark.parametrize(
    ("inside", "owner"),
    [
        ("", ""),
        (".dvc/tmp/exps/standalone/tmpabc", ""),
        (".dvc/tmp/exps/tmpabc/part", ""),
        ("part/.dvc/tmp/exps/standalone/tmpabc/part", "part"),
        (".headwater/other_heads", ""),
        (".dvc/tmp/exps/standalone/tmpabc/.headwater/other_heads", ""),
        (".dvc/tmp", ".dvc/tmp"),
        ("exps", "exps"),
    ],
)
def test_copy_inside_a_project_belongs_to_it(tmp_path: Path, inside: str, owner: str) -> None:
    assert owner_of(tmp_path / inside) == tmp_path / owner


@pytest.mark.fault("an experiment in a copy computes no bucket again")
def test_copy_inside_a_project_uses_its_cache(tmp_path: Path) -> None:
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "standalone" / "tmpabc"
    for url in (".headwater/cache", "../team", "/team", "s3://team/cache"):
        assert cache_location(with_url(url), copy) == cache_location(with_url(url), tmp_path)
        assert cache_for(with_url(url), copy) == cache_for(with_url(url), tmp_path)
    assert re.fullmatch(
        f"{tmp_path}/.headwater/cache", cache_location(with_url(".headwater/cache"), copy)
    )
