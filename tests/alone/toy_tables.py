"""Tables of the toy graph."""

import json

import pyarrow as pa

from headwater.artifacts.columns import SCHEMA_VERSION, TableSchema


def toy_table(step: str) -> TableSchema:
    """A table with one number per item."""
    name = f"{step}/values"
    metadata = {
        "headwater.table": name,
        "headwater.schema_version": str(SCHEMA_VERSION),
        "headwater.row": "a number",
        "huggingface": json.dumps({"info": {"features": {}}}),
    }
    fields = [("item", pa.string()), ("subject", pa.string()), ("value", pa.int64())]
    schema = pa.schema([pa.field(n, t, nullable=False) for n, t in fields])
    return TableSchema(name, "a number", schema.with_metadata(metadata))


NUMBERS, DOUBLES, SQUARES = map(toy_table, ("numbers", "doubles", "squares"))
