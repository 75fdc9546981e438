"""Which buckets a step has and the key of each: what the bucket's bytes depend on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from headwater.artifacts.ids import bucket_of, canonical_json, sha256_hex
from headwater.artifacts.schemas import SCHEMA_VERSION
from headwater.artifacts.tables import bucket_file, read_bucket
from headwater.config import Params
from headwater.pipeline.step import Item, Step, Work, items_of_rows


@dataclass(frozen=True)
class Planned:
    """A bucket of a step and its key."""

    step: str
    bucket: int
    key: str


def rows_hash(table: pa.Table) -> str:
    """SHA-256 of a table's rows, free of metadata and of how the rows lay in their file."""
    bare = table.replace_schema_metadata(None).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, bare.schema) as writer:
        writer.write_table(bare)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def load_work(step: Step, params: Params, project: Path, bucket: int) -> Work:
    """Read what computing one bucket needs.

    Raises HeadwaterError when an input table is missing or damaged.
    """
    if step.sources is not None:
        items = [
            item
            for item in step.sources(params, project)
            if bucket_of(item.subject, params.buckets) == bucket
        ]
        return Work(bucket, items, {}, params, project)
    tables = {
        needed.schema.name: read_bucket(
            project / "data" / needed.schema.step / needed.schema.table / bucket_file(bucket),
            needed.schema,
            needed.columns,
        )
        if _input_path(project, needed.schema.name, bucket).exists()
        else needed.schema.arrow.empty_table().select(needed.columns)
        for needed in step.inputs
    }
    return Work(bucket, _items(step, tables, params), tables, params, project)


def _input_path(project: Path, table: str, bucket: int) -> Path:
    return project / "data" / table / bucket_file(bucket)


def _items(step: Step, tables: Mapping[str, pa.Table], params: Params) -> list[Item]:
    if step.items is not None:
        return step.items(tables, params)
    return items_of_rows(tables[step.inputs[0].schema.name])


def bucket_numbers(step: Step, params: Params, project: Path) -> list[int]:
    """Numbers of the buckets that the step has, in order."""
    if step.sources is not None:
        items = step.sources(params, project)
        return sorted({bucket_of(item.subject, params.buckets) for item in items})
    numbers = {
        int(path.stem.removeprefix("bucket-"))
        for needed in step.inputs
        for path in (project / "data" / needed.schema.name).glob("bucket-*.parquet")
    }
    return sorted(numbers)


def key_of(step: Step, work: Work, models: Mapping[str, str]) -> str:
    """Key of a bucket: input rows, settings, models, step version and schema version."""
    material = {
        "step": step.name,
        "version": step.version,
        "schema": SCHEMA_VERSION,
        "settings": step.settings(work.params),
        "seed": work.params.seed,
        "buckets": work.params.buckets,
        "split": work.params.split.model_dump(),
        "models": dict(models),
        "inputs": {name: rows_hash(table) for name, table in work.tables.items()},
        "sources": [[i.item, i.subject, i.name, dict(i.source)] for i in work.items]
        if step.sources is not None
        else [],
    }
    return sha256_hex(canonical_json(material).encode())


def plan(step: Step, params: Params, project: Path) -> list[Planned]:
    """All buckets of a step with their keys, in order."""
    models = step.models(params, project) if step.models is not None else {}
    return [
        Planned(step.name, number, key_of(step, load_work(step, params, project, number), models))
        for number in bucket_numbers(step, params, project)
    ]
