"""Parquet tables in buckets: written against their schema, read with every page checked."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.columns import TableSchema, has_gaps, is_optional
from headwater.artifacts.parquet_pages import Bytes, stated_sizes
from headwater.errors import READER_ERRORS, HeadwaterError

# Bound on a table's size in memory: FREE_BYTES, and this multiple of the file's size. Numbers and
# pictures hardly compress; small files do.
MAX_RATIO = 30
FREE_BYTES = 2**24
BYTES_PER_VALUE = 8
BUCKET_KEY = b"headwater.bucket_key"
TABLE_NAME = b"headwater.table"
Row = dict[str, Any]


class DamagedTable(HeadwaterError):
    """A Parquet file cannot be read as what it claims to be."""


@dataclass(frozen=True)
class _Bounds:
    """limit: bytes that a file may unpack to. groups: those that the pages of each row group do."""

    limit: int
    groups: list[int]


@dataclass(frozen=True)
class Footer:
    """Rows of each row group of a file, and their bounds, as it was when this was read."""

    sizes: list[int]
    bounds: _Bounds
    identity: tuple[int, int, int]


def bucket_file(bucket: int) -> str:
    """File name of a bucket inside its table's folder."""
    return f"bucket-{bucket:03d}.parquet"


def to_table(schema: TableSchema, rows: Iterable[Row]) -> pa.Table:
    """Rows as an Arrow table of ``schema``, sorted by item; an unknown column or a null is refused.

    Raises HeadwaterError naming table, row and column.
    """
    ordered = sorted(rows, key=lambda row: str(row["item"]))
    names = set(schema.arrow.names)
    for row in ordered:
        if odd := sorted(set(row) ^ names):
            raise HeadwaterError(f"{schema.name}: row {row['item']} has wrong columns: {odd}")
    try:
        table = pa.Table.from_pylist(ordered, schema=schema.arrow)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise HeadwaterError(f"{schema.name}: a row does not fit the schema: {error}") from error
    for field in schema.arrow:
        values = table.column(field.name)
        if not is_optional(field) and (values.null_count or has_gaps(values)):
            raise HeadwaterError(f"{schema.name}: column {field.name} may not be empty")
    return table


def bucket_bytes(schema: TableSchema, table: pa.Table, key: str) -> bytes:
    """The Parquet file of one bucket; the bucket's key goes into the file's metadata."""
    metadata = {**(schema.arrow.metadata or {}), BUCKET_KEY: key.encode()}
    whole = table.replace_schema_metadata(metadata)
    # Pictures, meshes and lists of numbers hardly ever occur twice: looking for them takes as long
    # as all else, leaves a third more of landmarks, and makes reading pictures twice as slow.
    plain = [field.name for field in whole.schema if not pa.types.is_nested(field.type)]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        whole.schema,
        compression="zstd",
        use_dictionary=plain,
        write_page_checksum=True,
        store_schema=True,
    ) as writer:
        # `datasets` stumbles over a row group without rows, not over a file without groups.
        if whole.num_rows:
            writer.write_table(whole, row_group_size=64)
    return bytes(sink.getvalue())


def write_bucket(path: Path, schema: TableSchema, table: pa.Table, key: str) -> None:
    """Write one bucket whole or not at all."""
    write_bytes(path, bucket_bytes(schema, table, key))


def read_bucket(path: Path, schema: TableSchema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one bucket, verifying page checksums, table name and schema version.

    Raises DamagedTable naming the file and what to do.
    """
    with _named_damage(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        bounds = _bounds_of_file(path, file.metadata)
        _check_schema(path, file.schema_arrow, schema, columns)
        return _unpacked(file, bounds, columns)


def row_count(path: Path) -> int:
    """Rows of a Parquet file as its footer states them. Raises DamagedTable."""
    with _named_damage(path):
        return int(pq.read_metadata(path).num_rows)


def read_unpacked(data: bytes, columns: Sequence[str]) -> pa.Table:
    """Columns of a Parquet file's bytes. Raises ValueError where they take far more memory."""
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        return _unpacked(file, _bounds(data, file.metadata), columns)


def read_footer(path: Path) -> Footer:
    """Sizes that a Parquet file states of its row groups. Raises DamagedTable."""
    with _named_damage(path), pq.ParquetFile(path) as file:
        identity, footer = _identity(path), file.metadata
        sizes = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
        return Footer(sizes, _bounds_of_file(path, footer), identity)


def read_row_groups(
    path: Path, schema: TableSchema, footer: Footer, groups: Sequence[int], columns: Sequence[str]
) -> pa.Table:
    """Columns of some row groups, checked as ``read_bucket`` does.

    footer: of the file, whose pages are looked through again only if it was written since. Raises
    DamagedTable.
    """
    # Of a group or two, threads cost more than they save.
    options = {"page_checksum_verification": True, "pre_buffer": False}
    with _named_damage(path), pq.ParquetFile(path, **options) as file:
        same = _identity(path) == footer.identity
        bounds = footer.bounds if same else _bounds_of_file(path, file.metadata)
        _check_schema(path, file.schema_arrow, schema, columns)
        return _unpacked(file, bounds, columns, groups, threads=False)


def _identity(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def _named_damage(path: Path) -> Iterator[None]:
    """Turn what readers raise on damaged bytes into a DamagedTable that names the file."""
    # A pipe would wait for ever.
    if path.exists() and not path.is_file():
        raise DamagedTable(f"{path}: is not a file; rebuild its step")
    try:
        yield
    except (pa.ArrowException, *READER_ERRORS) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedTable(f"{path}: cannot be read ({reason}); rebuild its step") from error


def _unpacked(
    file: pq.ParquetFile,
    bounds: _Bounds,
    columns: Sequence[str] | None,
    groups: Sequence[int] | None = None,
    *,
    threads: bool = True,
) -> pa.Table:
    """Columns of row groups. Raises ValueError where they unpack to more than their limit.

    A value that many rows name stands once in the file, and in every row of the table: as many rows
    are taken at a time as are within bounds even where all name the largest value there may be.
    """
    footer, names = file.metadata, file.schema_arrow.names if columns is None else list(columns)
    chosen = list(range(footer.num_row_groups) if groups is None else groups)
    largest = max((bounds.groups[group] for group in chosen), default=0)
    total = sum(footer.row_group(group).num_rows for group in chosen)
    rows = min(total, bounds.limit // max(1, largest))
    batches, taken = [], 0
    for batch in file.iter_batches(max(1, rows), chosen, names, use_threads=threads):
        taken += batch.nbytes
        if taken > bounds.limit:
            raise ValueError(f"its {footer.num_rows} rows unpack to more than {bounds.limit} bytes")
        batches.append(batch)
    fields = [file.schema_arrow.field(name) for name in names]
    return pa.Table.from_batches(batches, pa.schema(fields, file.schema_arrow.metadata))


def _bounds_of_file(path: Path, footer: pq.FileMetaData) -> _Bounds:
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        return _bounds(data, footer)


def _bounds(data: Bytes, footer: pq.FileMetaData) -> _Bounds:
    """Bounds of a Parquet file of these bytes. Raises ValueError where its pages state more.

    The footer's single columns are not read: Arrow ends the process over some damaged ones.
    """
    limit = FREE_BYTES + MAX_RATIO * len(data)
    stated = stated_sizes(data)
    unpacked = BYTES_PER_VALUE * footer.num_rows * footer.num_columns
    unpacked += sum(one.bytes + BYTES_PER_VALUE * one.values for one in stated)
    if unpacked > limit:
        raise ValueError(f"its {footer.num_rows} rows unpack to {unpacked} bytes or more")
    if len(stated) != footer.num_row_groups:
        raise ValueError("its footer can be read in two ways")
    return _Bounds(limit, [one.bytes for one in stated])


def _check_schema(
    path: Path, found: pa.Schema, schema: TableSchema, columns: Sequence[str] | None
) -> None:
    metadata = found.metadata or {}
    wanted = schema.arrow.metadata
    for key in (b"headwater.table", b"headwater.schema_version"):
        if metadata.get(key) != wanted[key]:
            have = metadata.get(key, b"nothing").decode(errors="replace")
            raise DamagedTable(
                f"{path}: its {key.decode()} is {have}, this version reads "
                f"{wanted[key].decode()}; rebuild its step"
            )
    names = schema.arrow.names if columns is None else list(columns)
    for name in names:
        if name not in found.names or found.field(name).type != schema.arrow.field(name).type:
            raise DamagedTable(f"{path}: column {name} is missing or has another type")


def rows_hash(table: pa.Table) -> str:
    """SHA-256 of a table's rows, free of metadata and of how the rows lay in their file."""
    bare = table.replace_schema_metadata(None).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, bare.schema) as writer:
        writer.write_table(bare)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def bucket_key(path: Path) -> str:
    """Key that a bucket file carries, "" when it has none. Raises DamagedTable."""
    return _noted(path, BUCKET_KEY)


def table_name(path: Path) -> str:
    """Name "step/table" that a table's file carries, "" when it has none. Raises DamagedTable."""
    return _noted(path, TABLE_NAME)


def _noted(path: Path, key: bytes) -> str:
    with _named_damage(path):
        metadata = pq.read_schema(path).metadata or {}
    return str(metadata.get(key, b"").decode(errors="backslashreplace"))


def table_files(data: Path, schema: TableSchema) -> list[Path]:
    """Bucket files of a table below the folder ``data``, in order."""
    return sorted((data / schema.step / schema.table).glob("bucket-*.parquet"))


def read_table(
    data: Path,
    schema: TableSchema,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
    bucket: str | None = None,
) -> pa.Table:
    """Read all buckets of a table below ``data``, sorted by bucket, then item.

    bucket: file name of the only one that is read; one without a file has no rows.
    """
    files = table_files(data, schema)
    if not files:
        raise HeadwaterError(
            f"{data / schema.step / schema.table}: no table here; run its step first"
        )
    chosen = [path for path in files if bucket in (None, path.name)]
    empty = schema.arrow.empty_table().select(schema.arrow.names if columns is None else columns)
    table = pa.concat_tables([read_bucket(path, schema, columns) for path in chosen] or [empty])
    return table if where is None else table.filter(where)
