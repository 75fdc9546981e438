"""Tables: what goes in comes out, and what does not fit is refused by name."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.artifacts import columns, schemas
from headwater.artifacts.columns import IMAGE, TableSchema, is_optional
from headwater.artifacts.ids import item_id
from headwater.artifacts.regular_files import within
from headwater.artifacts.schemas import TABLES
from headwater.artifacts.tables import (
    DamagedTable,
    bucket_file,
    bucket_key,
    read_bucket,
    read_footer,
    read_row_groups,
    read_table,
    read_unpacked,
    row_count,
    to_table,
    write_bucket,
)
from headwater.errors import HeadwaterError
from tests.artifacts.small_build import row_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PICTURE = st.fixed_dictionaries({"bytes": st.binary(max_size=40), "path": TEXT})


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Any value of an Arrow type."""
    if kind == IMAGE:
        return PICTURE
    if pa.types.is_fixed_size_list(kind):
        # Long vectors of one drawn number: hypothesis is for the values, not for the length.
        return values(kind.value_type).map(lambda value: [value] * kind.list_size)
    if pa.types.is_list(kind):
        return st.lists(values(kind.value_type), max_size=3)
    if pa.types.is_floating(kind):
        return st.floats(width=kind.bit_width, allow_nan=False)
    if pa.types.is_integer(kind):
        return st.integers(-(2**31), 2**31 - 1)
    return st.booleans() if pa.types.is_boolean(kind) else TEXT


def rows_of(schema: TableSchema) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to four rows of a table, with different items."""
    columns = {
        field.name: st.none() | values(field.type) if is_optional(field) else values(field.type)
        for field in schema.arrow
    }
    return st.lists(st.fixed_dictionaries(columns), max_size=4, unique_by=lambda row: row["item"])


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_keeps_every_row(name: str, tmp_path: Path) -> None:
    schema = TABLES[name]
    path = tmp_path / "bucket-000.parquet"

    @given(rows=rows_of(schema))
    @settings(max_examples=8, deadline=None)
    def check(rows: list[dict[str, Any]]) -> None:
        write_bucket(path, schema, to_table(schema, rows), "the key")
        assert read_bucket(path, schema).to_pylist() == sorted(rows, key=lambda row: row["item"])
        assert bucket_key(path) == "the key"
        first = path.read_bytes()
        write_bucket(path, schema, to_table(schema, rows[::-1]), "the key")
        assert path.read_bytes() == first

    check()


def test_only_columns_of_single_values_are_looked_through_for_equal_ones(tmp_path: Path) -> None:
    path = tmp_path / bucket_file(0)
    rows = [row_of(schemas.TRUTH, item_id(number), "0" * 32) for number in range(3)]
    write_bucket(path, schemas.TRUTH, to_table(schemas.TRUTH, rows), "")
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    with_dictionary = {one.path_in_schema for one in columns if one.has_dictionary_page}
    single = {one.name for one in schemas.TRUTH.arrow if not pa.types.is_nested(one.type)}
    assert {"item", "subject", "view"} <= with_dictionary <= single


@pytest.mark.parametrize("name", sorted(TABLES))
def test_missing_and_unknown_columns_are_refused(name: str) -> None:
    schema = TABLES[name]
    row = row_of(schema, item_id(1), item_id(1))
    last = schema.arrow.names[-1]
    with pytest.raises(HeadwaterError, match=rf"{name}: row {item_id(1)}.*\['{last}'\]"):
        to_table(schema, [{key: value for key, value in row.items() if key != last}])
    with pytest.raises(HeadwaterError, match=r"\['colour_of_socks'\]"):
        to_table(schema, [{**row, "colour_of_socks": "red"}])


def test_a_list_without_one_of_its_values_is_refused() -> None:
    row = row_of(schemas.LANDMARKS, item_id(1), item_id(1))
    points = [None, *row["landmarks_478_px"][1:]]
    with pytest.raises(HeadwaterError, match="landmarks_478_px may not be empty"):
        to_table(schemas.LANDMARKS, [row | {"landmarks_478_px": points}])


def test_empty_values_are_refused_where_they_mean_nothing() -> None:
    row = row_of(schemas.MASKS, item_id(1), item_id(1))
    assert to_table(schemas.MASKS, [{**row, "parent": None}]).num_rows == 1
    with pytest.raises(HeadwaterError, match="masks/masks: column split may not be empty"):
        to_table(schemas.MASKS, [{**row, "split": None}])


@pytest.mark.parametrize(
    ("column", "value"),
    [("area_share", "half"), ("mask", b"bytes"), ("split", 3)],
)
def test_values_of_another_type_are_refused(column: str, value: Any) -> None:
    row = row_of(schemas.MASKS, item_id(1), item_id(1))
    with pytest.raises(HeadwaterError, match="masks/masks"):
        to_table(schemas.MASKS, [{**row, column: value}])


def test_vectors_of_another_length_are_refused() -> None:
    row = row_of(schemas.LANDMARKS, item_id(1), item_id(1))
    with pytest.raises(HeadwaterError, match="landmarks/landmarks"):
        to_table(schemas.LANDMARKS, [{**row, "landmarks_68_px": [0.0] * 135}])


def written(path: Path, schema: TableSchema) -> pa.Table:
    table = to_table(schema, [row_of(schema, item_id(n), item_id(n)) for n in range(3)])
    write_bucket(path, schema, table, "key")
    return table


def test_another_schema_version_is_refused_naming_both(tmp_path: Path) -> None:
    path = tmp_path / "bucket-000.parquet"
    table = written(path, schemas.MASKS)
    metadata = {**table.schema.metadata, b"headwater.schema_version": b"99"}
    pq.write_table(table.replace_schema_metadata(metadata), path, write_page_checksum=True)
    wanted = f"is 99, this version reads {columns.SCHEMA_VERSION}"
    with pytest.raises(DamagedTable, match=wanted) as error:
        read_bucket(path, schemas.MASKS)
    assert str(path) in str(error.value)


def test_another_table_is_refused_naming_both(tmp_path: Path) -> None:
    path = tmp_path / "bucket-000.parquet"
    written(path, schemas.PARTS)
    with pytest.raises(DamagedTable, match="is parts/parts, this version reads masks/masks"):
        read_bucket(path, schemas.MASKS)


def test_a_parquet_file_of_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bucket-000.parquet"
    pq.write_table(pa.table({"item": ["a"]}), path)
    with pytest.raises(DamagedTable, match="is nothing"):
        read_bucket(path, schemas.MASKS)


def write_repeated(path: Path, schema: TableSchema, rows: int, text: str, footer_of: Any) -> None:
    """Rows of one licence, which stands once in the file, with the notes of another table."""
    row = row_of(schema, item_id(1), item_id(1))
    table = pa.Table.from_pylist([row] * rows, schema=schema.arrow.remove_metadata())
    naming = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [text])
    place = table.schema.get_field_index("licence")
    table = table.set_column(place, "licence", naming)
    notes = {
        "ARROW:schema": base64.b64encode(footer_of.arrow.serialize()),
        **footer_of.arrow.metadata,
    }
    with pq.ParquetWriter(
        path,
        table.schema,
        store_schema=False,
        write_page_checksum=True,
        dictionary_pagesize_limit=2**30,
        compression="zstd",
    ) as writer:
        writer.write_table(table, row_group_size=rows)
        writer.add_key_value_metadata(notes)


@pytest.mark.fault("a small file cannot take all memory")
@pytest.mark.parametrize("footer_of", [schemas.PARTS, schemas.MASKS])
def test_a_long_text_that_every_row_names_is_refused_before_it_takes_memory(
    tmp_path: Path, footer_of: TableSchema
) -> None:
    path = tmp_path / "bucket-000.parquet"
    write_repeated(path, schemas.PARTS, 600, "a" * 3_000_000, footer_of)
    assert path.stat().st_size < 2**18
    refuses_within(2**28, path, schemas.PARTS, "licence")


@pytest.mark.fault("a small file cannot take all memory")
def test_the_sums_of_a_footer_bind_nobody(tmp_path: Path) -> None:
    path = tmp_path / "bucket-000.parquet"
    write_repeated(path, schemas.PARTS, 600, "a" * 3_000_000, schemas.PARTS)
    stated = pq.read_metadata(path).row_group(0).total_byte_size
    path.write_bytes(path.read_bytes().replace(varint(stated, 4), varint(9, 4)))
    assert pq.read_metadata(path).row_group(0).total_byte_size == 9
    refuses_within(2**28, path, schemas.PARTS, "licence")


@pytest.mark.fault("a small file cannot take all memory")
def test_equal_numbers_of_one_row_are_counted_before_they_take_memory(tmp_path: Path) -> None:
    path = tmp_path / "bucket-000.parquet"
    schema = pa.schema([schemas.SDF.arrow.field("distance_mm")], schemas.SDF.arrow.metadata)
    equal = pa.array([np.zeros(50_000_000, np.float32)], schema.field(0).type)
    table = pa.table([equal], schema=schema)
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)
    assert path.stat().st_size < 2**14
    refuses_within(2**25, path, schemas.SDF, "distance_mm")


def varint(number: int, length: int) -> bytes:
    """A number as Thrift's compact protocol has it, in so many bytes."""
    groups = [2 * number >> 7 * place & 127 for place in range(length)]
    assert sum(group << 7 * place for place, group in enumerate(groups)) == 2 * number
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def refuses_within(limit: int, path: Path, schema: TableSchema, column: str) -> None:
    """A column of a file is refused by every reader, which takes no more bytes than the limit."""
    usual, counted = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(counted)
    try:
        for columns in (None, [column]):
            with pytest.raises(DamagedTable, match=r"bucket-000\.parquet: "):
                read_bucket(path, schema, columns)
        with pytest.raises(DamagedTable, match=r"bucket-000\.parquet: "):
            read_row_groups(path, schema, read_footer(path), [0], [column])
        with pytest.raises(ValueError, match="unpack to"):
            read_unpacked(path.read_bytes(), [column])
    finally:
        pa.set_memory_pool(usual)
    assert counted.max_memory() < limit


def test_a_text_that_many_rows_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bucket-000.parquet"
    write_repeated(path, schemas.PARTS, 300, "a" * 30_000, schemas.PARTS)
    assert read_bucket(path, schemas.PARTS).column("licence").to_pylist() == 300 * ["a" * 30_000]


def test_flipped_bits_in_the_pages_are_found_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "bucket-000.parquet"
    table = written(path, schemas.FRAMES)
    assert row_count(path) == table.num_rows == 3
    whole = path.read_bytes()
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    random = np.random.default_rng(3)
    silent, found = 0, 0
    for _ in range(100):
        damaged = bytearray(whole)
        bit = int(random.integers(8 * pages))
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        try:
            silent += not read_bucket(path, schemas.FRAMES).equals(table)
        except DamagedTable:
            found += 1
    # The others hit what says nothing about the rows: statistics, page indices.
    assert silent == 0
    assert found >= 50


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_named(tmp_path: Path, share: float) -> None:
    path = tmp_path / "bucket-000.parquet"
    written(path, schemas.MASKS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DamagedTable, match=r"bucket-000\.parquet: cannot be read"):
        read_bucket(path, schemas.MASKS)


@pytest.mark.fault("what is no file, or never answers, is passed over")
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_in_place_of_a_table_is_named_and_not_waited_for(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "bucket-000.parquet"
    make: dict[str, Callable[[Path], None]] = {
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
        "device": lambda path: path.symlink_to("/dev/zero"),
    }
    make[kind](path)
    readers: list[Callable[[], object]] = [
        lambda: read_bucket(path, schemas.MASKS),
        lambda: read_footer(path),
        lambda: row_count(path),
        lambda: bucket_key(path),
    ]
    for read in readers:
        with pytest.raises(DamagedTable, match=r"bucket-000\.parquet: is not a file; rebuild"):
            within(10, read)


def test_columns_and_rows_can_be_chosen(tmp_path: Path) -> None:
    for bucket in (0, 1):
        written(tmp_path / "masks" / "masks" / bucket_file(bucket), schemas.MASKS)
    table = read_table(tmp_path, schemas.MASKS, ["item"], pa.compute.field("item") == item_id(1))
    assert table.to_pylist() == [{"item": item_id(1)}] * 2
    with pytest.raises(HeadwaterError, match="run its step first"):
        read_table(tmp_path, schemas.PARTS)
