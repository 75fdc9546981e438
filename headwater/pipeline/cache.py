"""Finished buckets by key, in a folder or at any fsspec URL that a team shares.

A bucket is its tables' Parquet files and, written last, a JSON note with their SHA-256; without a
sound note and sound files the bucket counts as missing.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import fsspec

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.ids import canonical_json, sha256_hex


@dataclass(frozen=True)
class BucketCache:
    """Cache at ``url`` (a local folder or an fsspec URL)."""

    url: str

    def _path(self, key: str, name: str) -> str:
        return f"{self.url.rstrip('/')}/{key[:2]}/{key}/{name}"

    def _read(self, path: str) -> bytes | None:
        try:
            with fsspec.open(path, "rb") as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def _write(self, path: str, data: bytes) -> None:
        if "://" not in path:
            write_bytes(Path(path), data)
            return
        filesystem, inner = fsspec.core.url_to_fs(path)
        filesystem.makedirs(filesystem._parent(inner), exist_ok=True)
        filesystem.pipe_file(inner, data)

    def put(self, key: str, files: dict[str, bytes]) -> None:
        """Store the files of a bucket, each by the name of its table."""
        note = {name: sha256_hex(data) for name, data in files.items()}
        for name, data in files.items():
            self._write(self._path(key, f"{name.replace('/', '.')}.parquet"), data)
        self._write(self._path(key, "note.json"), canonical_json(note).encode())

    def has(self, key: str) -> bool:
        """Whether a bucket is there, by its note alone."""
        return self._note(key) is not None

    def _note(self, key: str) -> dict[str, str] | None:
        data = self._read(self._path(key, "note.json"))
        if data is None:
            return None
        try:
            note = json.loads(data)
        except ValueError:
            return None
        return note if isinstance(note, dict) else None

    def get(self, key: str) -> dict[str, bytes] | None:
        """Files of a bucket by table name, or None when it is missing or damaged."""
        note = self._note(key)
        if note is None:
            return None
        files: dict[str, bytes] = {}
        for name, digest in note.items():
            data = self._read(self._path(key, f"{name.replace('/', '.')}.parquet"))
            if data is None or sha256_hex(data) != digest:
                return None
            files[name] = data
        return files
