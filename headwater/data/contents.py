"""The content of tables as hashes, by the source and split of their rows.

A hash stands for the rows of one table that share source and split, so that a new photo leaves the
hashes of the training heads as they are.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pyarrow.compute as pc

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import canonical_json
from headwater.artifacts.schemas import TRUTH
from headwater.artifacts.tables import Row, read_bucket, rows_hash, table_files

# Hashes by table, then by "source/split".
Contents = dict[str, dict[str, str]]


def table_contents(data: Path, schemas: Iterable[TableSchema]) -> Contents:
    """SHA-256 of every group of rows of the tables below ``data``, in the order of the files.

    Raises DamagedTable naming a file that cannot be read.
    """
    return {schema.name: _groups(data, schema) for schema in schemas}


def rejected_contents(data: Path, schemas: Iterable[TableSchema]) -> Contents:
    """SHA-256 of the rows of tables of rejects that are about rendered views, by split.

    Raises DamagedTable naming a file that cannot be read.
    """
    columns = ["item", "split"]
    truth = [row for path in table_files(data, TRUTH) for row in _rows(path, TRUTH, columns)]
    split_of = {row["item"]: row["split"] for row in truth}
    return {schema.name: _rejected(data, schema, split_of) for schema in schemas}


def of_groups(contents: Contents, sources: Iterable[str], splits: Collection[str]) -> Contents:
    """The hashes of the rows of ``sources`` in ``splits``."""
    wanted = {f"{source}/{split}" for source in sources for split in splits}
    return {
        table: {group: digest for group, digest in groups.items() if group in wanted}
        for table, groups in contents.items()
    }


def _rows(path: Path, schema: TableSchema, columns: list[str] | None = None) -> list[Row]:
    return read_bucket(path, schema, columns).to_pylist()


def _rejected(data: Path, schema: TableSchema, split_of: Mapping[str, str]) -> dict[str, str]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for path in table_files(data, schema):
        for row in _rows(path, schema):
            if row["item"] in split_of:
                rows[f"synthetic/{split_of[row['item']]}"].append(row)
    return {
        group: hashlib.sha256(canonical_json(members).encode()).hexdigest()
        for group, members in sorted(rows.items())
    }


def _groups(data: Path, schema: TableSchema) -> dict[str, str]:
    digests: dict[str, list[str]] = defaultdict(list)
    for path in table_files(data, schema):
        table = read_bucket(path, schema)
        groups = pc.binary_join_element_wise(table.column("source"), table.column("split"), "/")
        for group in sorted(pc.unique(groups).to_pylist()):
            rows = table.filter(pc.equal(groups, group))
            digests[group].append(f"{path.name} {rows_hash(rows)}\n")
    return {
        group: hashlib.sha256("".join(lines).encode()).hexdigest()
        for group, lines in sorted(digests.items())
    }
