"""Adoption: fetched tables put into the bucket cache by the keys that they carry."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.manifest import DamagedManifest, problems_with_files
from headwater.artifacts.schemas import STEPS, TABLES
from headwater.artifacts.tables import DamagedTable, bucket_key, read_bucket, table_files
from headwater.pipeline.cache import BucketCache


@dataclass(frozen=True)
class Adopted:
    """Buckets put into the cache, known to it already, and left out because of damage."""

    new: int
    known: int
    damaged: tuple[str, ...]


def adopt(data: Path, cache: BucketCache) -> Adopted:
    """Put every whole and sound bucket below ``data`` into ``cache``.

    After ``dvc pull`` this makes the first rebuild start warm. A bucket is taken when the files of
    all its tables are there, sound, as their manifest says, and carry one key.
    """
    new, known = 0, 0
    damaged: list[str] = []
    for step in STEPS:
        schemas = [schema for schema in TABLES.values() if schema.step == step]
        names = sorted({path.name for schema in schemas for path in table_files(data, schema)})
        bad = _damaged_files(data / step) if names else set()
        for name in names:
            paths = {s.name: data / step / s.table / name for s in schemas}
            try:
                key = _key_of(paths, bad)
            except DamagedTable as error:
                damaged.append(str(error))
                continue
            if cache.get(key) is not None:
                known += 1
            else:
                cache.put(key, {table: path.read_bytes() for table, path in paths.items()})
                new += 1
    return Adopted(new, known, tuple(damaged))


def _key_of(paths: Mapping[str, Path], bad: Set[Path]) -> str:
    """The one key of a bucket's files by table; raises DamagedTable when it cannot be trusted."""
    for table, path in paths.items():
        if path in bad:
            raise DamagedTable(f"{path}: is not as its manifest says; it is not adopted")
        read_bucket(path, TABLES[table])
    keys = {bucket_key(path) for path in paths.values()}
    if len(keys) != 1 or keys == {""}:
        raise DamagedTable(f"{', '.join(map(str, paths.values()))}: carry no common key")
    return keys.pop()


def _damaged_files(folder: Path) -> set[Path]:
    try:
        return {path for path, _ in problems_with_files(folder)}
    except DamagedManifest:
        return set(folder.rglob("*.parquet"))
