"""The bucket cache gives back what was put in, or nothing."""

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.errors import HeadwaterError
from headwater.pipeline.cache import BucketCache, is_key, parse_note
from tests.pipeline.team_place import TeamFileSystem, reach_team_places

KEY = "ab" * 32
FILES = {"photos/photos": b"one", "photos/rejects": b"two"}
NOTE = {"key": KEY, "tables": {name: [sha256_hex(data), 3] for name, data in FILES.items()}}
NOT_KEYS = (
    "",
    "../../../../outside/x",
    "a" * 5000,
    "a\0b",
    "\udcff" * 64,
    "memory://zz",
    KEY[1:],
    KEY + "0",
    KEY.upper(),
    KEY[1:] + "\n",
    "٣" * 64,
)


@pytest.fixture
def cache(tmp_path: Path) -> BucketCache:
    """A cache in a folder whose path has a space."""
    return BucketCache(str(tmp_path / "a cache"))


@pytest.fixture
def team(tmp_path: Path) -> str:
    """URL of a place that is no folder to the cache."""
    reach_team_places()
    return f"team://{tmp_path}/team"


def files_of(cache: BucketCache) -> list[Path]:
    return sorted(path for path in Path(cache.url).rglob("*") if path.is_file())


def test_what_was_put_comes_back(cache: BucketCache) -> None:
    assert cache.get(KEY, FILES) is None
    assert not cache.has(KEY, FILES)
    cache.put(KEY, FILES)
    assert cache.has(KEY, FILES)
    assert cache.get(KEY, FILES) == FILES


@pytest.mark.fault("a damaged entry of the cache is never served")
@pytest.mark.parametrize("number", range(3))
def test_bucket_without_one_of_its_files_is_missing(cache: BucketCache, number: int) -> None:
    cache.put(KEY, FILES)
    files_of(cache)[number].unlink()
    assert cache.get(KEY, FILES) is None


@pytest.mark.fault("a damaged entry of the cache is never served")
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
    assert cache.get(KEY, FILES) is None


def note_of(cache: BucketCache) -> Path:
    return next(path for path in files_of(cache) if path.name == "note.json")


NOTES = {
    "empty": b"",
    "cut off": b"{",
    "list": b"[]",
    "null": b"null",
    "not text": b"\xff",
    "of no tables": b"{}",
    "brackets": b"[" * 100_000,
    "objects": b'{"key":' * 100_000,
    "large": b" " * 10_000_000 + canonical_json(NOTE).encode(),
    "other key": canonical_json({**NOTE, "key": "cd" * 32}).encode(),
    "fewer tables": canonical_json({**NOTE, "tables": {}}).encode(),
    "more tables": canonical_json({**NOTE, "tables": {**NOTE["tables"], "a/b": ["", 0]}}).encode(),
    "tables in a list": canonical_json({**NOTE, "tables": list(FILES)}).encode(),
    "digests alone": canonical_json({**NOTE, "tables": dict.fromkeys(FILES, "ab")}).encode(),
    "numbers": canonical_json({**NOTE, "tables": {name: [1, "x"] for name in FILES}}).encode(),
    "negative": canonical_json({**NOTE, "tables": {name: ["x", -9] for name in FILES}}).encode(),
}


@pytest.mark.fault("a damaged entry of the cache is never served")
@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
def test_note_of_another_kind_makes_the_bucket_missing(cache: BucketCache, note: bytes) -> None:
    cache.put(KEY, FILES)
    note_of(cache).write_bytes(note)
    assert not cache.has(KEY, FILES)
    assert cache.get(KEY, FILES) is None
    cache.put(KEY, FILES)
    assert cache.get(KEY, FILES) == FILES


@pytest.mark.fault("a damaged entry of the cache is never served")
@pytest.mark.parametrize("name", ["note.json", "photos.photos.parquet"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "broken link", "link to itself"])
def test_what_is_no_file_makes_the_bucket_missing(cache: BucketCache, name: str, kind: str) -> None:
    cache.put(KEY, FILES)
    path = note_of(cache).with_name(name)
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if kind == "link to itself" else path.with_name("gone"))
    assert cache.get(KEY, FILES) is None


@pytest.mark.fault("a bucket of another key or step is never served")
def test_bucket_under_the_name_of_another_is_missing(cache: BucketCache) -> None:
    cache.put(KEY, FILES)
    other = "cd" * 32
    shutil.copytree(note_of(cache).parent, Path(cache.url) / "cd" / other)
    assert cache.get(other, FILES) is None


@pytest.mark.fault("a bucket of another key or step is never served")
def test_bucket_of_other_tables_is_missing(cache: BucketCache) -> None:
    cache.put(KEY, FILES)
    for tables in (["photos/photos"], [*FILES, "photos/more"], []):
        assert not cache.has(KEY, tables)
        assert cache.get(KEY, tables) is None


@pytest.mark.fault("a bucket of another key or step is never served")
@pytest.mark.parametrize("key", NOT_KEYS)
def test_only_64_hex_digits_are_a_key(tmp_path: Path, key: str) -> None:
    cache = BucketCache(str(tmp_path / "a" / "b" / "c" / "cache"))
    with pytest.raises(HeadwaterError, match="is not a bucket's key"):
        cache.put(key, FILES)
    assert not cache.has(key, FILES)
    assert cache.get(key, FILES) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("a bucket of another key or step is never served")
@given(key=st.text() | st.text("0123456789abcdef", min_size=60, max_size=68))
def test_any_text_is_a_key_or_none(key: str) -> None:
    assert is_key(key) == (len(key) == 64 and set(key) <= set("0123456789abcdef"))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.fault("a damaged entry of the cache is never served")
@given(
    data=st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | JSON.map(lambda value: json.dumps({"key": KEY, "tables": value}).encode())
    | JSON.map(
        lambda value: json.dumps({"key": KEY, "tables": dict.fromkeys(FILES, value)}).encode()
    )
)
@example(canonical_json(NOTE).encode())
def test_any_note_is_read_or_counts_as_none(data: bytes) -> None:
    note = parse_note(data, KEY, set(FILES))
    if note is not None:
        assert set(note) == set(FILES)
        assert all(isinstance(d, str) and s >= 0 for d, s in note.values())
        assert json.loads(data)["key"] == KEY


@pytest.mark.fault("a damaged entry of the cache is never served")
def test_every_change_of_a_byte_of_the_note_makes_the_bucket_missing_or_keeps_its_meaning(
    cache: BucketCache,
) -> None:
    cache.put(KEY, FILES)
    path = note_of(cache)
    sound = path.read_bytes()
    for place in range(len(sound)):
        for bit in range(8):
            changed = bytearray(sound)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            assert cache.get(KEY, FILES) in (None, FILES)


def test_note_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    replace = Path.replace

    def noting(path: Path, target: Path) -> Path:
        written.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", noting)
    BucketCache(str(tmp_path)).put(KEY, FILES)
    assert written == ["photos.photos.parquet", "photos.rejects.parquet", "note.json"]


def test_use_of_a_bucket_is_noted(cache: BucketCache) -> None:
    cache.put(KEY, FILES)
    os.utime(note_of(cache), (1e9, 1e9))
    cache.has(KEY, FILES)
    assert note_of(cache).stat().st_mtime == 1e9
    cache.get(KEY, FILES)
    assert note_of(cache).stat().st_mtime > 1.6e9


def test_cache_at_a_url_works_as_in_a_folder(tmp_path: Path, team: str) -> None:
    cache = BucketCache(team)
    assert not cache.has(KEY, FILES)
    cache.put(KEY, FILES)
    assert cache.has(KEY, FILES)
    assert cache.get(KEY, FILES) == FILES
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"photos.photos.parquet", "photos.rejects.parquet", "note.json"}
    note_of(BucketCache(str(tmp_path))).write_bytes(b"[" * 100_000)
    assert cache.get(KEY, FILES) is None


def test_file_at_a_url_appears_whole(
    tmp_path: Path, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that breaks off leaves what was there."""
    cache = BucketCache(team)
    cache.put(KEY, FILES)
    path = tmp_path / "team" / KEY[:2] / KEY / "photos.photos.parquet"

    def breaking_off(self: TeamFileSystem, name: str, value: bytes, **options: object) -> None:
        Path(name).write_bytes(value[:1])
        raise ConnectionResetError

    monkeypatch.setattr(TeamFileSystem, "pipe_file", breaking_off)
    with pytest.raises(HeadwaterError, match=r"team://.* cannot be written"):
        cache.put(KEY, dict.fromkeys(FILES, b"other"))
    assert path.read_bytes() == b"one"
    assert cache.get(KEY, FILES) == FILES


@pytest.mark.fault("a shared cache serves its whole group")
def test_bucket_that_cannot_go_to_the_shared_place_stays_here(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.write_text("in the way")
    cache = BucketCache(str(shared), str(tmp_path / "own"))
    assert cache.get(KEY, FILES) is None
    cache.put(KEY, FILES)
    assert cache.get(KEY, FILES) == FILES
    assert cache.has(KEY, FILES)
    assert BucketCache(str(tmp_path / "own")).get(KEY, FILES) == FILES
    with pytest.raises(HeadwaterError, match=r"shared.* cannot be written \(Not a directory\)"):
        BucketCache(str(shared)).put(KEY, FILES)
