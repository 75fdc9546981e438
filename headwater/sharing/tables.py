"""The tables of a build as others meet them: their files, and rows by split and licence."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.file_checks import schema_of
from headwater.artifacts.tables import DamagedTable, read_bucket

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class BuiltTable:
    """A table's files, and its place below the folder of artifacts, as ``ingest/frames``."""

    place: str
    schema: TableSchema
    files: tuple[Path, ...]

    @property
    def has_origins(self) -> bool:
        """True where every row names its split and the licence of its source."""
        return {"split", "licence"} <= set(self.schema.arrow.names)

    @property
    def bytes(self) -> int:
        """Size of the files."""
        return sum(path.stat().st_size for path in self.files)


def built_tables(data: Path) -> list[BuiltTable]:
    """All tables below ``data``, by place. Raises DamagedTable for what is no file."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(data.rglob("*.parquet")):
        # A pipe would wait for ever.
        if not path.is_file():
            raise DamagedTable(f"{path}: is not a file; rebuild its step")
        if schema_of(path) is not None:
            place = path.parent if path.name.startswith("bucket-") else path.with_suffix("")
            files[place.relative_to(data).as_posix()].append(path)
    tables = []
    for name, paths in files.items():
        schema = schema_of(paths[0])
        assert schema is not None
        tables.append(BuiltTable(name, schema, tuple(paths)))
    return tables


def count_rows(table: BuiltTable) -> Counter[tuple[str, str]]:
    """Rows of a table by split and licence, "" where its rows name none. Raises DamagedTable."""
    columns = [name for name in ("split", "licence") if name in table.schema.arrow.names]
    counts: Counter[tuple[str, str]] = Counter()
    for path in table.files:
        rows = read_bucket(path, table.schema, ["item", *columns]).to_pylist()
        counts.update((row.get("split", ""), row.get("licence", "")) for row in rows)
    return counts


def by_split(counts: Counter[tuple[str, str]]) -> dict[str, int]:
    """Rows of each split that has any, training first."""
    sums: Counter[str] = Counter()
    for (split, _), rows in counts.items():
        sums[split] += rows
    return {split: sums[split] for split in (*SPLITS, "") if sums[split]}


def by_licence(counts: Counter[tuple[str, str]]) -> dict[str, int]:
    """Rows of each licence, by name."""
    sums: Counter[str] = Counter()
    for (_, licence), rows in counts.items():
        sums[licence] += rows
    return {licence: sums[licence] for licence in sorted(sums)}


def parts(table: BuiltTable) -> Iterator[tuple[Path, str, pa.Table]]:
    """The rows of each file of a table whose rows name a split, by split. Raises DamagedTable."""
    for path in table.files:
        rows = read_bucket(path, table.schema)
        for split in SPLITS:
            part = rows.filter(pc.equal(rows.column("split"), split))
            if part.num_rows:
                yield path, split, part


def short_licence(licence: str) -> str:
    """A licence's name without the words in brackets that may follow it."""
    return licence.partition(" (")[0]
