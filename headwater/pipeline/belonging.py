"""The test that a cached bucket is the planned one: its tables, its key, its items, no others."""

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import bucket_of
from headwater.artifacts.tables import BUCKET_KEY, read_unpacked
from headwater.pipeline.plan import Planned
from headwater.pipeline.step import Step, counted_items

IDENTITY = ("item", "subject", "parent")


def misfit(step: Step, planned: Planned, buckets: int, files: Mapping[str, bytes]) -> str:
    """Say why ``files`` (Parquet by table name) cannot be the planned bucket; "" where they can.

    buckets: number of buckets of every step.
    """
    items: Counter[str] = Counter()
    for schema in step.tables:
        try:
            table = _identity(files[schema.name], schema, planned.key)
            numbers = {bucket_of(s, buckets) for s in table.column("subject").to_pylist()}
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            return f"{schema.name}: {error}"
        if numbers - {planned.bucket}:
            return f"{schema.name}: has subjects of buckets {sorted(numbers)}"
        if schema in (step.outputs[0], step.rejects):
            items.update(counted_items(table.to_pylist(), set(planned.members)))
    return "" if items == Counter(planned.members) else "has other items than were planned"


def _identity(data: bytes, schema: TableSchema, key: str) -> pa.Table:
    """Items and subjects of a bucket's table; raises ValueError where it is another table."""
    file = pq.ParquetFile(pa.BufferReader(data))
    metadata = file.schema_arrow.metadata or {}
    wanted = {**(schema.arrow.metadata or {}), BUCKET_KEY: key.encode()}
    for name, value in wanted.items():
        if metadata.get(name) != value:
            raise ValueError(f"{name.decode()} is not as planned")
    if not file.schema_arrow.equals(schema.arrow):
        raise ValueError("has other columns than its schema")
    return read_unpacked(data, [name for name in IDENTITY if name in schema.arrow.names])
