"""The bucket cache gives back what was put in, or nothing."""

import json
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.pipeline.cache import BucketCache

KEY = "ab" * 32
FILES = {"photos/photos": b"one", "photos/rejects": b"two"}


@pytest.fixture
def cache(tmp_path: Path) -> BucketCache:
    """A cache in a folder whose path has a space."""
    return BucketCache(str(tmp_path / "a cache"))


def files_of(cache: BucketCache) -> list[Path]:
    return sorted(path for path in Path(cache.url).rglob("*") if path.is_file())


def test_what_was_put_comes_back(cache: BucketCache) -> None:
    assert cache.get(KEY) is None
    assert not cache.has(KEY)
    cache.put(KEY, FILES)
    assert cache.has(KEY)
    assert cache.get(KEY) == FILES


@pytest.mark.parametrize("number", range(3))
def test_bucket_without_one_of_its_files_is_missing(cache: BucketCache, number: int) -> None:
    cache.put(KEY, FILES)
    files_of(cache)[number].unlink()
    assert cache.get(KEY) is None


@given(data=st.data())
def test_any_flipped_bit_of_a_table_makes_the_bucket_missing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    cache = BucketCache(str(tmp_path_factory.mktemp("cache")))
    cache.put(KEY, FILES)
    path = data.draw(st.sampled_from([p for p in files_of(cache) if p.suffix == ".parquet"]))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    assert cache.get(KEY) is None


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"null", b"\xff"])
def test_unreadable_note_makes_the_bucket_missing(cache: BucketCache, note: bytes) -> None:
    cache.put(KEY, FILES)
    next(path for path in files_of(cache) if path.name == "note.json").write_bytes(note)
    assert not cache.has(KEY)
    assert cache.get(KEY) is None


def test_note_is_written_last(cache: BucketCache, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        "headwater.pipeline.cache.write_bytes", lambda path, data: written.append(path.name)
    )
    cache.put(KEY, FILES)
    assert written[-1] == "note.json"
    assert len(written) == 3


def test_cache_at_a_url_works_as_in_a_folder() -> None:
    cache = BucketCache("memory://team/cache")
    assert not cache.has(KEY)
    cache.put(KEY, FILES)
    assert cache.get(KEY) == FILES
    names = fsspec.filesystem("memory").find("/team/cache")
    note = next(name for name in names if name.endswith("note.json"))
    assert set(json.loads(fsspec.filesystem("memory").cat(note))) == set(FILES)
