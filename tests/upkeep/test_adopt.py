"""A colleague's first rebuild computes nothing after `headwater adopt`."""

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photo_steps import ITEMS, STEP, trouble

from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.schemas import PHOTOS
from headwater.artifacts.tables import BUCKET_KEY, DamagedTable, bucket_key, write_bucket
from headwater.cli import app, run
from headwater.config import Params, load_params
from headwater.pipeline.cache import is_key
from headwater.pipeline.cache_place import cache_for
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import assemble, compute_bucket, missing_buckets
from headwater.upkeep.adopt import Adopted, adopt
from tests.upkeep.dvc_project import dvc, start_dvc

PROJECT = Path(__file__).resolve().parents[2]


def project_at(folder: Path) -> tuple[Params, Path]:
    folder.mkdir()
    shutil.copy(PROJECT / "params.yaml", folder)
    return load_params(folder / "params.yaml"), folder


def record(project: Path) -> None:
    """Let DVC record ``data/photos`` as the output of a stage."""
    stage = "stages: {photos: {cmd: python -m tasks.photos, outs: [data/photos]}}\n"
    (project / "dvc.yaml").write_text(stage)
    start_dvc(project)
    dvc(project, "commit", "--force", "--quiet")


def let_carry(key: bytes, project: Path, name: str) -> None:
    """Write every table of a bucket with ``key`` in its metadata."""
    for path in (project / "data").rglob(name):
        table = pq.read_table(path)
        metadata = {**table.schema.metadata, BUCKET_KEY: key}
        pq.write_table(table.replace_schema_metadata(metadata), path, write_page_checksum=True)


def build(params: Params, project: Path) -> int:
    """Assemble the step; the number of buckets that had to be computed."""
    computed: list[Planned] = []

    def compute_all(missing: list[Planned]) -> Iterable[None]:
        for planned in missing:
            computed.append(planned)
            yield compute_bucket(STEP, params, project, planned)

    assemble(STEP, params, project, compute_all)
    write_manifest(project / "data" / "photos")
    return len(computed)


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second project with the record and the data of a first one, as after `dvc pull`."""
    folder = tmp_path_factory.mktemp("projects")
    params, first = project_at(folder / "first")
    assert build(params, first) > 3
    record(first)
    params, second = project_at(folder / "second")
    for name in ("data", ".dvc"):
        shutil.copytree(first / name, second / name)
    shutil.copy(first / "dvc.lock", second)
    return second


@pytest.fixture
def clone(fetched: Path, tmp_path: Path) -> tuple[Params, Path]:
    """A copy of it."""
    shutil.copytree(fetched, tmp_path / "clone")
    return load_params(tmp_path / "clone" / "params.yaml"), tmp_path / "clone"


def take(params: Params, project: Path) -> Adopted:
    return adopt(project, project / "data", cache_for(params, project))


def cached(project: Path) -> list[Path]:
    return sorted((project / ".headwater").rglob("note.json"))


def files_of_photos(project: Path) -> list[Path]:
    return sorted((project / "data" / "photos" / "photos").glob("*.parquet"))


def test_after_adopting_nothing_is_computed(clone: tuple[Params, Path]) -> None:
    params, project = clone
    before = {path: path.read_bytes() for path in (project / "data").rglob("*.parquet")}
    missing = len(missing_buckets(STEP, params, project))
    assert missing > 3
    assert take(params, project) == Adopted(missing, 0, ())
    assert missing_buckets(STEP, params, project) == []
    assert build(params, project) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert take(params, project) == Adopted(0, missing, ())


@pytest.mark.fault("adopting takes only what the records vouch for")
def test_damaged_and_incomplete_buckets_are_left_out(clone: tuple[Params, Path]) -> None:
    params, project = clone
    flipped, lost, piped, *_ = files_of_photos(project)
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 4
    flipped.write_bytes(data)
    lost.unlink()
    piped.unlink()
    os.mkfifo(piped)
    left_out = take(params, project).left_out
    assert len(left_out) == 3
    assert flipped.name in left_out[0]
    assert lost.name in left_out[1]
    assert piped.name in left_out[2]
    piped.unlink()
    assert build(params, project) == 3


@pytest.mark.fault("adopting takes only what the records vouch for")
def test_rows_of_another_bucket_are_not_adopted_though_the_manifest_vouches(
    clone: tuple[Params, Path],
) -> None:
    params, project = clone
    mine, other, *rest = files_of_photos(project)
    write_bucket(mine, PHOTOS, pq.read_table(other), bucket_key(mine))
    write_manifest(project / "data" / "photos")
    taken = take(params, project)
    assert taken.new == len(rest) + 1
    assert [mine.name in line for line in taken.left_out] == [True]
    assert "dvc.lock" in taken.left_out[0]
    assert build(params, project) == 1


@pytest.mark.fault("adopting takes only what the records vouch for")
def test_rows_of_another_bucket_that_all_records_vouch_for_are_never_served(
    clone: tuple[Params, Path],
) -> None:
    params, project = clone
    mine, other, *_ = files_of_photos(project)
    items = pq.read_table(mine).column("item")
    write_bucket(mine, PHOTOS, pq.read_table(other), bucket_key(mine))
    write_manifest(project / "data" / "photos")
    record(project)
    assert take(params, project).left_out == ()
    assert build(params, project) == 1
    assert pq.read_table(mine).column("item") == items


ODD_KEYS = (
    b"../../../../outside/x",
    b"a" * 5000,
    b"a\0b",
    b"\xff\xfe" * 32,
    b"memory://zz",
    b"",
    b"AB" * 32,
)


@pytest.mark.fault("adopting takes only what the records vouch for")
def test_odd_keys_are_left_out_with_one_sentence_each(
    clone: tuple[Params, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, project = clone
    names = [path.name for path in files_of_photos(project)]
    odd, sound = names[: len(ODD_KEYS)], names[len(ODD_KEYS) :]
    for key, name in zip(ODD_KEYS, odd, strict=True):
        let_carry(key, project, name)
    write_manifest(project / "data" / "photos")
    record(project)
    assert run(app, ["adopt", "--data", str(project / "data"), "--project", str(project)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{len(sound)} buckets adopted, 0 known already, {len(odd)} left out\n"
    lines = said.err.splitlines()
    assert len(lines) == len(odd)
    for line, name in zip(lines, odd, strict=True):
        assert name in line
        assert "carry no common key" in line
        assert len(line) < 500
    assert len(cached(project)) == len(sound) > 3
    assert not list(project.parent.rglob("outside"))


@pytest.mark.fault("adopting takes only what the records vouch for")
@settings(max_examples=200)
@given(key=st.binary(max_size=200))
def test_any_key_that_a_file_carries_is_read(
    tmp_path_factory: pytest.TempPathFactory, key: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "keyed.parquet"
    empty = PHOTOS.arrow.empty_table()
    pq.write_table(empty.replace_schema_metadata({BUCKET_KEY: key}), path)
    assert is_key(bucket_key(path)) == (re.fullmatch(rb"[0-9a-f]{64}", key) is not None)


@pytest.mark.fault("adopting takes only what the records vouch for")
@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_file_has_a_key_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, fetched: Path, data: st.DataObject
) -> None:
    content = bytearray(files_of_photos(fetched)[0].read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(DamagedTable):
        assert isinstance(bucket_key(path), str)


@pytest.mark.fault("adopting takes only what the records vouch for")
def test_nothing_is_adopted_without_a_lock(
    clone: tuple[Params, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, project = clone
    (project / "dvc.lock").unlink()
    assert run(app, ["adopt", "--data", str(project / "data"), "--project", str(project)]) == 2
    assert capsys.readouterr().err == (
        f"error: {project}/dvc.lock: no stage is recorded, so nothing vouches for {project}/data; "
        "fetch it with git, then the tables with dvc pull\n"
    )


@pytest.mark.fault("adopting takes only what the records vouch for")
@pytest.mark.parametrize("lost", ["listing", "stage", "manifest"])
def test_step_that_a_record_does_not_know_is_left_out(
    clone: tuple[Params, Path], lost: str
) -> None:
    params, project = clone
    if lost == "listing":
        next((project / ".dvc" / "cache").rglob("*.dir")).unlink()
    elif lost == "manifest":
        (project / "data" / "photos" / ".manifest.json").unlink()
    else:
        lock = project / "dvc.lock"
        lock.write_text(lock.read_text().replace("data/photos", "data/other"))
    taken = take(params, project)
    assert (taken.new, taken.known, len(taken.left_out)) == (0, 0, 1)
    assert str(project / "data" / "photos") in taken.left_out[0]
    assert cached(project) == []


@pytest.mark.fault("a cache that cannot serve is one sentence, before anything runs")
def test_cache_of_no_use_is_one_sentence(
    clone: tuple[Params, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, project = clone
    params = project / "params.yaml"
    params.write_text(params.read_text().replace(".headwater/cache", "memory://zz"))
    assert run(app, ["adopt", "--data", str(project / "data"), "--project", str(project)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: memory://zz: memory:// is one process's own memory")
    assert said.count("\n") == 1


def test_the_command_says_what_it_did(
    clone: tuple[Params, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, project = clone
    assert run(app, ["adopt", "--data", str(project / "data"), "--project", str(project)]) == 0
    assert "buckets adopted, 0 known already, 0 left out" in capsys.readouterr().out


@pytest.mark.fault("a trouble that passes is never kept as a result")
def test_bucket_with_an_item_to_try_again_is_left_out(tmp_path: Path) -> None:
    params, project = project_at(tmp_path / "project")
    with trouble(ITEMS[0]):
        build(params, project)
    record(project)
    shutil.rmtree(project / ".headwater")
    adopted = take(params, project)
    [left_out] = adopted.left_out
    assert left_out.endswith("has items that the next build tries again")
    [missing] = missing_buckets(STEP, params, project)
    assert ITEMS[0] in missing.members
