"""What is known of buckets spares reading their tables, and never changes what is planned."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_tables import NUMBERS

from headwater.artifacts.ids import item_id, sha256_hex
from headwater.artifacts.tables import bucket_file, read_bucket, to_table, write_bucket
from headwater.errors import HeadwaterError
from headwater.pipeline import plan as planning
from headwater.pipeline import run as running
from headwater.pipeline.cache_place import cache_for
from headwater.pipeline.file_hashes import FileHashes
from headwater.pipeline.known import FOLDER, Known, read_known
from headwater.pipeline.plan import Planned, plan
from headwater.pipeline.run import missing_buckets
from tests.pipeline.conftest import Pipeline, next_version


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Tables that planning reads, in order."""
    read: list[Path] = []

    def noted(path: Path, *arguments: Any) -> Any:
        read.append(path)
        return read_bucket(path, *arguments)

    monkeypatch.setattr(planning, "read_bucket", noted)
    return read


@pytest.fixture
def built(pipeline: Pipeline) -> Pipeline:
    """Both steps built, and the second one's buckets known."""
    pipeline.build(pipeline.numbers)
    pipeline.build(pipeline.doubles)
    return pipeline


def planned(pipeline: Pipeline, known: Known | None = None) -> list[Planned]:
    return plan(pipeline.doubles, pipeline.params, pipeline.project, known)


def anew(pipeline: Pipeline) -> list[Planned]:
    """The plan by one who knows nothing."""
    return planned(pipeline, Known(pipeline.project / "nowhere"))


def number_file(pipeline: Pipeline, bucket: int) -> Path:
    return pipeline.project / "data" / NUMBERS.name / bucket_file(bucket)


def change(path: Path, value: int) -> None:
    """Another value in the first row of a table of numbers."""
    rows = read_bucket(path, NUMBERS).to_pylist()
    rows[0]["value"] = value
    write_bucket(path, NUMBERS, to_table(NUMBERS, rows), "0" * 64)


def test_tables_that_did_not_change_are_not_read_again(built: Pipeline, reads: list[Path]) -> None:
    before = planned(built)
    assert reads == []
    built.build(built.numbers)  # Writes all of them again, with the same bytes.
    assert planned(built) == before
    assert reads == []
    changed = number_file(built, before[3].bucket)
    change(changed, 1000)
    after = planned(built)
    assert reads == [changed]
    assert [one.key != two.key for one, two in zip(before, after, strict=True)].index(True) == 3
    assert after == anew(built)


def test_another_photo_is_one_table_read_in_every_plan(built: Pipeline, reads: list[Path]) -> None:
    built.values.append(40)
    built.build(built.numbers)
    missing = missing_buckets(built.doubles, built.params, built.project)
    assert len(missing) == 1
    assert len(reads) == 1
    # Those who plan after that one do not read it either.
    assert missing_buckets(built.doubles, built.params, built.project) == missing
    assert len(reads) == 1


def test_nothing_is_read_of_known_files_whose_manifest_is_younger(
    built: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = built.project / "data"
    paths = sorted((data / NUMBERS.name).glob("*.parquet"))
    os.utime(data / "numbers" / ".manifest.json", (2e9, 2e9))
    hashed: list[Path] = []

    def noted(path: Path) -> str:
        hashed.append(path)
        return sha256_hex(path.read_bytes())

    monkeypatch.setattr("headwater.pipeline.file_hashes.sha256_of_file", noted)
    found = [FileHashes(data, ["numbers"]).of(path) for path in paths]
    assert hashed == []
    os.utime(data / "numbers" / ".manifest.json", (1e9, 1e9))
    assert [FileHashes(data, ["numbers"]).of(path) for path in paths] == found
    assert hashed == paths


def test_a_file_in_the_place_of_another_with_its_times_is_read(built: Pipeline) -> None:
    """As `cp -p` and `tar` put it there: of the same size, and older than the manifest."""
    path = number_file(built, planned(built)[0].bucket)
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    hashes = FileHashes(built.project / "data", ["numbers"])
    assert hashes.of(path) == sha256_hex(bytes(status.st_size))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.fault("a damaged table is found whatever was known of it")
@pytest.mark.parametrize("spoil", [cut, pipe])
def test_damaged_tables_are_found(built: Pipeline, spoil: Callable[[Path], None]) -> None:
    spoil(number_file(built, planned(built)[2].bucket))
    with pytest.raises(HeadwaterError, match=r"numbers/values/bucket-.* rebuild its step"):
        planned(built)


def test_a_table_that_is_gone_is_planned_as_such(built: Pipeline) -> None:
    number_file(built, planned(built)[2].bucket).unlink()
    assert planned(built) == anew(built)


@pytest.mark.parametrize("what", ["version", "setting", "buckets", "inputs"])
def test_what_a_key_depends_on_makes_another_plan(built: Pipeline, what: str) -> None:
    step, before = built.doubles, planned(built)
    if what == "version":
        step = next_version(step)
    elif what == "setting":
        step = replace(step, settings=lambda params: {"new": 1})
    elif what == "inputs":
        step = replace(step, inputs=(replace(step.inputs[0], columns=("item", "subject")),))
    else:
        built.params = built.params.model_copy(update={"buckets": 4})
    nothing = Known(built.project / "nowhere")
    after = plan(step, built.params, built.project)
    assert after == plan(step, built.params, built.project, nothing)
    assert not {one.key for one in before} & {one.key for one in after}


def test_a_table_that_changes_while_it_is_read_is_not_known(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.build(pipeline.numbers)

    def meanwhile(path: Path, *arguments: Any) -> Any:
        table = read_bucket(path, *arguments)
        change(path, 5555)
        return table

    known = Known(pipeline.project / "known.json")
    monkeypatch.setattr(planning, "read_bucket", meanwhile)
    planned(pipeline, known)
    monkeypatch.setattr(planning, "read_bucket", read_bucket)
    assert planned(pipeline, known) == anew(pipeline)


def test_files_that_fitted_are_not_looked_into_again(
    built: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: Counter[int] = Counter()

    def noted(step: Any, one: Planned, *arguments: Any) -> str:
        looked[one.bucket] += 1
        return misfit(step, one, *arguments)

    misfit = running.misfit
    monkeypatch.setattr(running, "misfit", noted)
    before = built.files()
    built.build(built.doubles)
    assert (looked, built.files()) == (Counter(), before)
    # Another bucket's files under this one's key, with a note that says so: they do not fit.
    mine, other = planned(built)[:2]
    cache, names = cache_for(built.params, built.project), [t.name for t in built.doubles.tables]
    files = cache.get(other.key, names)
    assert files is not None
    cache.put(mine.key, files)
    built.build(built.doubles)
    assert looked == {mine.bucket: 1}
    assert built.files() == before


@pytest.mark.fault("a damaged note of what is known costs time and nothing else")
def test_damaged_knowledge_is_none(built: Pipeline, reads: list[Path]) -> None:
    path = built.project / FOLDER / "doubles.json"
    sound, right = path.read_bytes(), planned(built)
    assert reads == []
    key = sound.index(right[0].key.encode())
    spoilt = [
        sound[:-10],
        b"",
        b"[]",
        b'{"facts": {"a": 1}, "checksum": ""}',
        b"[" * 100_000,
        sound[:key] + (b"1" if sound[key : key + 1] == b"0" else b"0") + sound[key + 1 :],
    ]
    for data in spoilt:
        path.write_bytes(data)
        assert planned(built) == right
        assert len(reads) == len(right)
        reads.clear()
    path.unlink()
    os.mkfifo(path)
    path.chmod(0)
    path.unlink()
    path.mkdir()
    assert planned(built) == right


def test_knowledge_that_cannot_be_written_stops_nothing(built: Pipeline) -> None:
    shutil.rmtree(built.project / FOLDER)
    (built.project / FOLDER).write_text("a file in the folder's place")
    built.build(built.doubles)
    assert read_known(built.project, "doubles").recall("x") is None


def test_only_what_is_of_use_is_kept(tmp_path: Path) -> None:
    known = Known(tmp_path / FOLDER / "x.json")
    known.learn("old", ["a"])
    known.learn("used", ["b", item_id(1)])
    known.keep()
    later = read_known(tmp_path, "x")
    assert later.recall("used") == ["b", item_id(1)]
    later.keep(unused=True)
    assert read_known(tmp_path, "x").recall("old") == ["a"]
    later.keep()
    assert read_known(tmp_path, "x").recall("old") is None
    assert read_known(tmp_path, "x").recall("used") == ["b", item_id(1)]
