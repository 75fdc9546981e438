"""Which buckets a step has and the key of each: what the bucket's bytes depend on."""

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from headwater.artifacts.columns import SCHEMA_VERSION
from headwater.artifacts.ids import bucket_of, canonical_json, sha256_hex
from headwater.artifacts.tables import bucket_file, read_bucket
from headwater.config import Params
from headwater.pipeline.code import code_fingerprint
from headwater.pipeline.step import Item, Step, Work, items_of_rows


@dataclass(frozen=True)
class Planned:
    """A bucket of a step and its key; for a step without input tables also its items.

    members: identifiers of the items that the step must put out or reject in it.
    """

    step: str
    bucket: int
    key: str
    members: tuple[str, ...]
    items: tuple[Item, ...] = ()


def rows_hash(table: pa.Table) -> str:
    """SHA-256 of a table's rows, free of metadata and of how the rows lay in their file."""
    bare = table.replace_schema_metadata(None).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, bare.schema) as writer:
        writer.write_table(bare)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def load_work(
    step: Step, params: Params, project: Path, bucket: int, items: tuple[Item, ...] = ()
) -> Work:
    """Read what computing one bucket needs; ``items`` are those of a step without input tables.

    Raises HeadwaterError when an input table is missing or damaged.
    """
    if step.sources is not None:
        return Work(bucket, items, {}, params, project)
    tables = {
        needed.schema.name: read_bucket(
            _input_path(project, needed.schema.name, bucket), needed.schema, needed.columns
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


def _buckets(step: Step, params: Params, project: Path) -> dict[int, tuple[Item, ...]]:
    """Numbers of the buckets that the step has, each with its items where sources give them."""
    if step.sources is None:
        paths = [
            path
            for needed in step.inputs
            for path in (project / "data" / needed.schema.name).glob("bucket-*.parquet")
        ]
        return {int(path.stem.removeprefix("bucket-")): () for path in paths}
    items: dict[int, list[Item]] = {}
    for item in step.sources(params, project):
        items.setdefault(bucket_of(item.subject, params.buckets), []).append(item)
    return {
        number: tuple(sorted(members, key=lambda item: (item.item, item.name)))
        for number, members in items.items()
    }


def key_of(step: Step, work: Work, models: Mapping[str, str]) -> str:
    """Key of a bucket: input rows, settings, models, code, step version and schema version."""
    material = {
        "step": step.name,
        "version": step.version,
        "code": code_fingerprint(Path(inspect.getfile(step.compute))),
        "schema": SCHEMA_VERSION,
        "settings": step.settings(work.params),
        "seed": work.params.seed,
        "buckets": work.params.buckets,
        "split": work.params.split.model_dump(),
        "models": dict(models),
        "inputs": {name: rows_hash(table) for name, table in work.tables.items()},
        "sources": [[item.item, item.subject, item.name] for item in work.items]
        if step.sources is not None
        else [],
    }
    return sha256_hex(canonical_json(material).encode())


def plan(step: Step, params: Params, project: Path) -> list[Planned]:
    """All buckets of a step with their keys, in order."""
    models = step.models(params, project) if step.models is not None else {}
    planned = []
    for number, items in sorted(_buckets(step, params, project).items()):
        work = load_work(step, params, project, number, items)
        members = tuple(item.item for item in work.items)
        planned.append(Planned(step.name, number, key_of(step, work, models), members, items))
    return planned
