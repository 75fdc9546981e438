"""Buckets of a step and the key of each: all that the bucket's bytes depend on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from headwater.artifacts.code import code_of, code_of_functions
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import bucket_of, canonical_json, sha256_hex
from headwater.artifacts.modules import Name
from headwater.artifacts.tables import bucket_file, read_bucket, rows_hash
from headwater.config import Params
from headwater.pipeline.file_hashes import FileHashes
from headwater.pipeline.known import Known, read_known
from headwater.pipeline.step import Item, Step, Work, items_of_rows

# Code that turns rows into the bytes of a bucket, the same for all steps.
MACHINERY: Final = frozenset(
    {
        Name("headwater.artifacts.tables", "bucket_bytes"),
        Name("headwater.artifacts.tables", "to_table"),
        Name("headwater.pipeline.plan", "load_work"),
        Name("headwater.pipeline.step", "Result"),
    }
)
# Code that plans the inputs of a bucket.
_PLANNING: Final = MACHINERY | {
    Name("headwater.pipeline.plan", "key_of"),
    Name("headwater.pipeline.plan", "plan"),
}


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
    """Key of a bucket: input rows, settings, models, tables, code and the packages it uses."""
    functions = (step.compute, step.items, step.sources, step.models)
    material = {
        "step": step.name,
        "version": step.version,
        "code": code_of_functions(one for one in functions if one is not None).as_json(),
        "machinery": code_of(MACHINERY).as_json(),
        "tables": {schema.name: schema_hash(schema) for schema in step.tables},
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


def schema_hash(schema: TableSchema) -> str:
    """SHA-256 of a table's columns with their types and notes."""
    return hashlib.sha256(schema.arrow.serialize().to_pybytes()).hexdigest()


def plan(step: Step, params: Params, project: Path, known: Known | None = None) -> list[Planned]:
    """All buckets of a step with their keys, in order; none where nothing reads its tables.

    known: what former runs found out, which is read where it is left out. Of a bucket whose input
    files have the content that they had then, no table is read.
    """
    if not step.is_wanted(params, project):
        return []
    models = step.models(params, project) if step.models is not None else {}
    buckets = sorted(_buckets(step, params, project).items())
    if step.sources is None:
        known = read_known(project, step.name) if known is None else known
        return _plan_of_tables(step, params, project, models, [n for n, _ in buckets], known)
    planned = []
    for number, items in buckets:
        work = load_work(step, params, project, number, items)
        planned.append(_planned(step, work, models, items))
    return planned


def _planned(
    step: Step, work: Work, models: Mapping[str, str], items: tuple[Item, ...] = ()
) -> Planned:
    members = tuple(item.item for item in work.items)
    return Planned(step.name, work.bucket, key_of(step, work, models), members, items)


def _plan_of_tables(
    step: Step,
    params: Params,
    project: Path,
    models: Mapping[str, str],
    buckets: list[int],
    known: Known,
) -> list[Planned]:
    names = [needed.schema.name for needed in step.inputs]
    hashes = FileHashes(project / "data", [needed.schema.step for needed in step.inputs])
    common = _hash_of_all_but_files(step, params, models)

    def material(bucket: int) -> str | None:
        """Hash of all that a bucket's plan follows from; None where a file cannot be read."""
        try:
            files = [hashes.of(_input_path(project, name, bucket)) for name in names]
        except OSError:
            return None
        return sha256_hex(canonical_json([common, bucket, files]).encode())

    planned = []
    for number in buckets:
        before = material(number)
        texts = None if before is None else known.recall(before)
        if texts is not None:
            planned.append(Planned(step.name, number, texts[0], tuple(texts[1:])))
            continue
        one = _planned(step, load_work(step, params, project, number), models)
        planned.append(one)
        # Not of a file that was written meanwhile.
        if before is not None and before == material(number):
            known.learn(before, [one.key, *one.members])
    return planned


def _hash_of_all_but_files(step: Step, params: Params, models: Mapping[str, str]) -> str:
    functions = [one for one in (step.compute, step.items, step.models) if one is not None]
    material = {
        "step": step.name,
        "version": step.version,
        "code": code_of_functions(functions).as_json(),
        "planning": code_of(_PLANNING).as_json(),
        "inputs": [[needed.schema.name, *needed.columns] for needed in step.inputs],
        "schemas": [schema_hash(needed.schema) for needed in step.inputs],
        "tables": [schema_hash(schema) for schema in step.tables],
        # Which of them the items depend on is told by no declaration.
        "params": params.model_dump_json(),
        "settings": step.settings(params),
        "models": dict(models),
    }
    return sha256_hex(canonical_json(material).encode())
