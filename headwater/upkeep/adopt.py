"""Adoption: fetched tables put into the bucket cache by the keys that they carry.

A table's file is taken only when two records vouch for its bytes: ``dvc.lock``, which is versioned
with the code and names the MD5 of every file, and the manifest that its step wrote last.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import sha256_hex
from headwater.artifacts.manifest import MANIFEST, DamagedManifest, read_manifest
from headwater.artifacts.schemas import STEPS, TABLES
from headwater.artifacts.tables import DamagedTable, bucket_key, read_bucket, table_files
from headwater.errors import HeadwaterError
from headwater.pipeline.cache import BucketCache, is_key
from headwater.reject_reasons import PASSING
from headwater.upkeep.recorded import LOCK, Output, objects_of, read_lock


@dataclass(frozen=True)
class Adopted:
    """Buckets put into the cache, known to it already, and left out, each with its reason."""

    new: int
    known: int
    left_out: tuple[str, ...]


class NotAdopted(HeadwaterError):
    """A bucket is not what the records say, or they do not speak of it."""


def adopt(project: Path, data: Path, cache: BucketCache) -> Adopted:
    """Put every whole and sound bucket below ``data`` into ``cache``.

    After ``dvc pull`` this makes the first rebuild start warm. A bucket is taken when the files of
    all its tables are there, as ``project``'s ``dvc.lock`` and their manifest have them, and carry
    one key. Raises HeadwaterError when there is no such lock.
    """
    outputs = {output.path: output for output in read_lock(project)}
    if not outputs:
        raise HeadwaterError(
            f"{project / LOCK}: no stage is recorded, so nothing vouches for {data}; fetch it with "
            "git, then the tables with dvc pull"
        )
    new, known = 0, 0
    left_out: list[str] = []
    for step in STEPS:
        schemas = [schema for schema in TABLES.values() if schema.step == step]
        names = sorted({path.name for schema in schemas for path in table_files(data, schema)})
        if not names:
            continue
        try:
            records = records_of(project, data / step, outputs.get(f"data/{step}"))
        except (NotAdopted, DamagedManifest) as error:
            left_out.append(str(error))
            continue
        for name in names:
            try:
                key, files = _bucket(data / step, name, schemas, records)
            except (NotAdopted, DamagedTable) as error:
                left_out.append(str(error))
                continue
            if cache.get(key, files) is not None:
                known += 1
            else:
                cache.put(key, files)
                new += 1
    return Adopted(new, known, tuple(left_out))


def records_of(project: Path, folder: Path, output: Output | None) -> dict[str, tuple[str, str]]:
    """MD5 from DVC's record and SHA-256 from the manifest, by path relative to ``folder``.

    Raises NotAdopted where one of them does not speak of the folder, and DamagedManifest.
    """
    listing = objects_of(project).listing(output.md5) if output and output.is_folder else None
    if output is None or listing is None:
        raise NotAdopted(
            f"{folder}: {LOCK} does not say what is in it; run dvc pull {folder.as_posix()}"
        )
    if not (folder / MANIFEST).exists() and MANIFEST in listing:
        raise NotAdopted(
            f"{folder}: was fetched without its manifest; to adopt its buckets, fetch all of it: "
            f"dvc pull {output.path}"
        )
    manifest = read_manifest(folder)
    return {name: (listing[name], manifest[name][0]) for name in listing if name in manifest}


def _bucket(
    folder: Path,
    name: str,
    schemas: list[TableSchema],
    records: Mapping[str, tuple[str, str]],
) -> tuple[str, dict[str, bytes]]:
    """Key and files by table of one bucket; raises NotAdopted or DamagedTable."""
    files: dict[str, bytes] = {}
    keys = set()
    for schema in schemas:
        path = folder / schema.table / name
        files[schema.name] = vouched(path, records.get(f"{schema.table}/{name}"))
        table = read_bucket(path, schema)
        if schema.table == "rejects" and PASSING.intersection(table.column("reason").to_pylist()):
            raise NotAdopted(f"{path}: has items that the next build tries again")
        keys.add(bucket_key(path))
    if len(keys) != 1 or not all(map(is_key, keys)):
        carried = ", ".join(f"{key[:64]!r}" for key in sorted(keys))
        raise NotAdopted(f"{folder / '*' / name}: carry no common key, but {carried}; build them")
    return keys.pop(), files


def vouched(path: Path, records: tuple[str, str] | None) -> bytes:
    """Bytes of a file that has the MD5 and the SHA-256 on record; raises NotAdopted."""
    try:
        # A pipe would wait for ever.
        data = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise NotAdopted(f"{path}: cannot be read ({error.strerror})") from error
    digests = (hashlib.md5(data, usedforsecurity=False).hexdigest(), sha256_hex(data))
    if digests != records:
        raise NotAdopted(f"{path}: is not as {LOCK} and its manifest say; it is not adopted")
    return data
