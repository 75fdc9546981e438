"""Finished buckets by key, in a folder or at any fsspec URL that a team shares.

A bucket is its tables' Parquet files and, written last, a JSON note that holds the bucket's key and
size and SHA-256 of each file; without a sound note and sound files the bucket counts as missing.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.errors import HeadwaterError
from headwater.pipeline.store import Store, UnusableStore, store_at

NOTE = "note.json"
NOTE_BYTES = 64 * 1024
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)

# SHA-256 and size of each file by the name of its table.
Note = dict[str, tuple[str, int]]


def is_key(text: str) -> bool:
    """True for a text of the form of a bucket's key: 64 hex digits."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True)
class BucketCache:
    """Cache at ``url`` (a folder or an fsspec URL).

    own: a folder that takes the buckets that cannot be written to ``url``; read as well.
    """

    url: str
    own: str | None = None

    def _stores(self) -> list[Store]:
        return [store_at(place) for place in (self.url, self.own) if place is not None]

    def put(self, key: str, files: dict[str, bytes]) -> None:
        """Store the files of a bucket, each by the name of its table.

        Raises HeadwaterError when ``key`` is none, or no place can be written.
        """
        if not is_key(key):
            raise HeadwaterError(f"{key[:80]!r} is not a bucket's key, which is 64 hex digits")
        note = {name: (sha256_hex(data), len(data)) for name, data in files.items()}
        *shared, last = self._stores()
        for store in shared:
            try:
                return _put(store, key, files, note)
            except UnusableStore:
                continue
        return _put(last, key, files, note)

    def has(self, key: str, tables: Iterable[str]) -> bool:
        """True where a bucket with these tables is there, by its note alone."""
        wanted = set(tables)
        return any(_note(store, key, wanted) is not None for store in self._stores())

    def get(self, key: str, tables: Iterable[str]) -> dict[str, bytes] | None:
        """Files of a bucket by the names of its tables, None when it is missing or damaged."""
        found = self.get_noted(key, tables)
        return None if found is None else found[0]

    def get_noted(self, key: str, tables: Iterable[str]) -> tuple[dict[str, bytes], Note] | None:
        """Files of a bucket and its note, which they fit; None when it is missing or damaged."""
        wanted = set(tables)
        for store in self._stores():
            if (found := _get(store, key, wanted)) is not None:
                store.touch(_path(key, NOTE))
                return found
        return None


def _path(key: str, name: str) -> str:
    return f"{key[:2]}/{key}/{name}"


def _table_path(key: str, table: str) -> str:
    return _path(key, f"{table.replace('/', '.')}.parquet")


def _put(store: Store, key: str, files: dict[str, bytes], note: Note) -> None:
    for name, data in files.items():
        store.write(_table_path(key, name), data)
    store.write(_path(key, NOTE), canonical_json({"key": key, "tables": note}).encode())


def _note(store: Store, key: str, tables: set[str]) -> Note | None:
    data = store.read(_path(key, NOTE), NOTE_BYTES) if is_key(key) else None
    return None if data is None else parse_note(data, key, tables)


def _get(store: Store, key: str, tables: set[str]) -> tuple[dict[str, bytes], Note] | None:
    note = _note(store, key, tables)
    if note is None:
        return None
    files: dict[str, bytes] = {}
    for name, (digest, size) in note.items():
        data = store.read(_table_path(key, name), size)
        if data is None or sha256_hex(data) != digest:
            return None
        files[name] = data
    return files, note


def parse_note(data: bytes, key: str, tables: set[str]) -> Note | None:
    """The files that a note lists, None where it is not the note of ``key`` and ``tables``."""
    try:
        content = json.loads(data)
        if content["key"] != key or set(content["tables"]) != tables:
            return None
        note = {name: (digest, size) for name, (digest, size) in content["tables"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    sound = all(isinstance(d, str) and isinstance(s, int) and s >= 0 for d, s in note.values())
    return note if sound else None
