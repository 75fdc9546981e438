"""Declaration of tables: typed columns that say unit, frame and shape.

A schema's version stands in its metadata and is checked on reading.
"""

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

SCHEMA_VERSION = 3

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MESH = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@dataclass(frozen=True)
class TableSchema:
    """A table: its name "step/table", what a row is, and its Arrow schema."""

    name: str
    row: str
    arrow: pa.Schema

    @property
    def step(self) -> str:
        """The step that writes the table."""
        return self.name.split("/")[0]

    @property
    def table(self) -> str:
        """The table's folder inside its step."""
        return self.name.split("/")[1]


def column(
    name: str,
    kind: pa.DataType,
    about: str,
    *,
    unit: str = "",
    frame: str = "",
    shape: tuple[int, ...] | None = None,
    nullable: bool = False,
) -> pa.Field:
    """A column whose metadata says what it means.

    Arrow's own flag stays "nullable": Hugging Face `datasets` recognises pictures only then. What
    may be empty stands in the metadata as "optional" and is checked on writing.
    """
    notes = {"about": about, "unit": unit, "frame": frame, "optional": "yes" if nullable else ""}
    if shape is not None:
        notes["shape"] = "x".join(str(n) for n in shape)
    return pa.field(name, kind, True, {k: v for k, v in notes.items() if v})


def shape_of(field: pa.Field) -> tuple[int, ...] | None:
    """The shape that a column's metadata states."""
    stated = (field.metadata or {}).get(b"shape")
    return None if stated is None else tuple(int(n) for n in stated.split(b"x"))


def is_optional(field: pa.Field) -> bool:
    """True for a column that may be empty."""
    return b"optional" in (field.metadata or {})


def has_gaps(values: pa.ChunkedArray) -> bool:
    """True where a list, of any depth, lacks one of its values; an empty list does not."""
    for chunk in values.chunks:
        flat = chunk
        while pa.types.is_list(flat.type) or pa.types.is_fixed_size_list(flat.type):
            flat = flat.flatten()
            if flat.null_count:
                return True
    return False


def floats(count: int) -> pa.DataType:
    """A vector of ``count`` float32."""
    return pa.list_(pa.float32(), count)


def doubles(count: int) -> pa.DataType:
    """A vector of ``count`` float64."""
    return pa.list_(pa.float64(), count)


ORIGIN = (
    column("item", pa.string(), "identifier: 32 hex digits from the content"),
    column("subject", pa.string(), "identifier of the person or head shown"),
    column("split", pa.string(), "train, validation or test; by subject"),
    column("source", pa.string(), "photo or synthetic"),
    column("licence", pa.string(), "licence of the source"),
    column("parent", pa.string(), "item that this one was made from", nullable=True),
    column("source_sha256", pa.string(), "SHA-256 of the source's bytes"),
)


_VALUE_NAMES = {pa.float32(): "float32", pa.float64(): "float64"}


def _features(schema: pa.Schema) -> dict[str, Any]:
    """Hugging Face `datasets` features for the columns that it shows as pictures or meshes."""

    def feature(kind: pa.DataType, name: str) -> Any:
        if kind == IMAGE:
            return {"_type": "Mesh" if name.startswith("mesh") else "Image"}
        if pa.types.is_fixed_size_list(kind):
            value = feature(kind.value_type, "")
            return {"feature": value, "length": kind.list_size, "_type": "List"}
        if pa.types.is_list(kind):
            return {"feature": feature(kind.value_type, ""), "_type": "List"}
        return {"dtype": _VALUE_NAMES.get(kind, str(kind)), "_type": "Value"}

    return {field.name: feature(field.type, field.name) for field in schema}


def table(name: str, row: str, *fields: pa.Field) -> TableSchema:
    """A table "step/table" whose rows are what ``row`` says, of these columns."""
    schema = pa.schema(fields)
    metadata = {
        "headwater.table": name,
        "headwater.schema_version": str(SCHEMA_VERSION),
        "headwater.row": row,
        "huggingface": json.dumps({"info": {"features": _features(schema)}}),
    }
    return TableSchema(name, row, schema.with_metadata(metadata))


# The two pictures of an item, in whose px its columns are.
RENDERED_VIEW, INGEST_FRAME = "rendered view", "ingest frame"


def camera_in(picture: str) -> tuple[pa.Field, ...]:
    """The columns of a camera, whose intrinsics are px of ``picture``."""
    return (
        column("intrinsics", doubles(9), "K, row by row", unit="px", frame=picture, shape=(3, 3)),
        column("rotation", doubles(9), "R, row by row", frame="camera from head", shape=(3, 3)),
        column("translation", doubles(3), "t", unit="mm", frame="camera", shape=(3,)),
    )
