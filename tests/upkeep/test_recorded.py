"""Reading DVC's record as plain files: what DVC wrote is read, what nobody wrote is refused."""

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import HeadwaterError
from headwater.upkeep.recorded import (
    Objects,
    Output,
    dvc_setting,
    md5_of_file,
    md5_of_folder,
    objects_of,
    read_lock,
)
from tests.upkeep.dvc_project import dvc, start_dvc

LOCK = """\
schema: '2.0'
stages:
  train@lvd:
    cmd: python -m tasks.train lvd
    outs:
    - path: data/train/lvd
      hash: md5
      md5: dda447c0d6b3e37e0545614fd6a1996d.dir
      size: 25775
      nfiles: 9
  words:
    cmd: python -m tasks.words
    outs:
    - path: data/words.txt
      hash: md5
      md5: 0549f753c2b60516e5729cfc1cb8f15b
      size: 6
"""


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose stage wrote a folder that DVC recorded in a cache outside the project."""
    project = tmp_path_factory.mktemp("recorded") / "project"
    project.mkdir()
    start_dvc(project)
    dvc(project, "cache", "dir", "../elsewhere")
    dvc(project, "remote", "add", "-d", "team", "../remote")
    names = ("b.txt", ".hidden", "ü/deep.txt")
    make = [
        "from pathlib import Path",
        "Path('out/ü').mkdir(parents=True)",
        *(f"Path('out/{name}').write_text('{name}')" for name in names),
    ]
    (project / "make.py").write_text("\n".join(make))
    dvc(project, "stage", "add", "--run", "-n", "made", "-o", "out", f"{sys.executable} make.py")
    (project / "out" / ".b.txt.17-ab.tmp").write_text("left over")
    return project


def test_dvcs_own_lock_and_cache_are_read(added: Path) -> None:
    (output,) = read_lock(added)
    assert (output.stage, output.path, output.is_folder) == ("made", "out", True)
    objects = objects_of(added)
    assert objects.folder == added.parent / "elsewhere" / "files" / "md5"
    listing = objects.listing(output.md5)
    assert listing is not None
    assert sorted(listing) == [".hidden", "b.txt", "ü/deep.txt"]
    assert sorted({output.md5, *listing.values()}) == objects.names()
    for name, md5 in listing.items():
        assert md5_of_file(added / "out" / name) == md5 == md5_of_file(objects.path(md5))
    assert dvc_setting(added, "core", "remote") == "team"


def test_a_folder_has_the_md5_that_dvc_gives_it(added: Path) -> None:
    (output,) = read_lock(added)
    md5, listing = md5_of_folder(added / "out")
    assert md5 == output.md5
    assert listing == objects_of(added).path(md5).read_bytes()


def test_a_project_without_lock_has_no_outputs(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == []
    assert dvc_setting(tmp_path, "core", "remote") is None
    assert objects_of(tmp_path).folder == tmp_path / ".dvc" / "cache" / "files" / "md5"


def test_outputs_of_a_lock(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert read_lock(tmp_path) == [
        Output("train@lvd", "data/train/lvd", "dda447c0d6b3e37e0545614fd6a1996d.dir"),
        Output("words", "data/words.txt", "0549f753c2b60516e5729cfc1cb8f15b"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "stages: {a: {outs: [{path: x}]}}",
        "stages: {a: {outs: 3}}",
        LOCK.replace("data/words.txt", "/etc/passwd"),
        LOCK.replace("data/words.txt", "data/../../x"),
        LOCK.replace("0549f753", "0549F753"),
        LOCK.replace("0549f753", "../../.."),
        "[" * 100_000,
        "- " * 100_000,
        "a: &a [x, x]\nb: &b [*a, *a]\nstages: *b\n",
        "\0",
        "\ud800",
    ],
)
def test_a_lock_that_dvc_did_not_write_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.lock").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(HeadwaterError, match=r"dvc\.lock: .*git checkout"):
        read_lock(tmp_path)


def test_a_lock_that_is_a_folder_or_a_pipe_is_named(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").mkdir()
    with pytest.raises(HeadwaterError, match="cannot be read"):
        read_lock(tmp_path)
    (tmp_path / "dvc.lock").rmdir()
    os.mkfifo(tmp_path / "dvc.lock")
    with pytest.raises(HeadwaterError, match="cannot be read"):
        read_lock(tmp_path)
    assert md5_of_file(tmp_path / "dvc.lock") is None


@given(st.integers(0, len(LOCK) - 1), st.binary(max_size=3), st.booleans())
def test_a_changed_lock_is_read_or_refused(place: int, bytes_: bytes, insert: bool) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        text = LOCK.encode()
        rest = text[place if insert else place + len(bytes_) :]
        Path(folder, "dvc.lock").write_bytes(text[:place] + bytes_ + rest)
        try:
            outputs = read_lock(Path(folder))
        except HeadwaterError:
            return
        assert all(isinstance(output.path, str) for output in outputs)


def put(objects: Objects, content: bytes) -> str:
    md5 = hashlib.md5(content).hexdigest() + ".dir"
    objects.path(md5).parent.mkdir(parents=True, exist_ok=True)
    objects.path(md5).write_bytes(content)
    return md5


@pytest.mark.parametrize(
    "listing",
    [
        b"{}}",
        b"[3]",
        b'{"relpath": "a"}',
        b"[" * 100_000,
        json.dumps([{"md5": "0" * 32, "relpath": "../../x"}]).encode(),
        json.dumps([{"md5": "0" * 32, "relpath": "/etc/x"}]).encode(),
        json.dumps([{"md5": "../../x", "relpath": "a"}]).encode(),
        json.dumps([{"md5": None, "relpath": "a"}]).encode(),
    ],
)
def test_a_listing_that_no_folder_has_is_refused(tmp_path: Path, listing: bytes) -> None:
    objects = Objects(tmp_path)
    md5 = put(objects, listing)
    with pytest.raises(HeadwaterError, match="remove it"):
        objects.listing(md5)


def test_a_damaged_listing_is_none(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    md5 = put(objects, json.dumps([{"md5": "0" * 32, "relpath": "a"}]).encode())
    assert objects.listing(md5) == {"a": "0" * 32}
    objects.path(md5).write_bytes(b"[]")
    assert objects.listing(md5) is None
    objects.path(md5).unlink()
    assert objects.listing(md5) is None
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / ".x.tmp").touch()
    assert objects.names() == []
