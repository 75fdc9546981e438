"""A build's tables as a folder that ``datasets.load_dataset`` opens, by split and licence."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from headwater.artifacts.schemas import FRAMES
from headwater.artifacts.tables import bucket_bytes, bucket_key
from headwater.errors import HeadwaterError
from headwater.sharing.card import CARD, CardTable, card, config_name
from headwater.sharing.new_folder import appearing, refuse_unless_new
from headwater.sharing.tables import BuiltTable, built_tables, count_rows, parts, short_licence

ORIGINS = "origins.json"
# Opened where no table is named.
_FIRST = FRAMES.name


@dataclass(frozen=True)
class Exported:
    """Number of tables, rows and files of a folder, and their bytes."""

    tables: int
    rows: int
    files: int
    bytes: int


def export(data: Path, folder: Path, licences: Collection[str], origins: str) -> Exported:
    """Write every table below ``data`` whose rows name split and licence into ``folder``.

    licences: of the rows that are taken, with or without words in brackets; where none is named,
    all rows are. origins: JSON text to put beside them.
    The folder appears whole or not at all. Raises HeadwaterError where it has something in it,
    where no row has one of the licences, and for a damaged table.
    """
    _refuse(folder, data)
    tables = [table for table in built_tables(data) if table.has_origins]
    if not tables:
        raise HeadwaterError(f"{data}: has no table to export; build it or fetch it with dvc pull")
    taken = _taken(tables, licences)
    tables.sort(key=lambda table: (table.place != _FIRST, table.place))
    with appearing(folder) as made:
        written = [_write(table, made, taken) for table in tables]
        cards = [one for one in written if one.splits]
        (made / CARD).write_text(card(cards), encoding="utf-8")
        (made / ORIGINS).write_text(origins, encoding="utf-8")
        files = [path for path in made.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
    rows = sum(one.rows.total() for one in cards)
    return Exported(len(cards), rows, len(files), size)


def _write(table: BuiltTable, folder: Path, licences: Collection[str]) -> CardTable:
    """Write the rows of a table, a file for each of its own and each split that has rows in it."""
    counted = CardTable(config_name(table.place), table.schema, has_files=True)
    taken = pa.array(sorted(licences))
    for path, split, rows in parts(table):
        part = rows.filter(pc.is_in(rows.column("licence"), taken))
        if part.num_rows:
            number = path.stem.rpartition("-")[2]
            place = folder / counted.name / split / f"{number}.parquet"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(bucket_bytes(table.schema, part, bucket_key(path)))
            counted.bytes += place.stat().st_size
            counted.add(split, part)
    return counted


def _refuse(folder: Path, data: Path) -> None:
    if folder.resolve().is_relative_to(data.resolve()):
        raise HeadwaterError(f"{folder}: lies among the artifacts; name a folder outside {data}")
    refuse_unless_new(folder)


def _taken(tables: Collection[BuiltTable], wanted: Collection[str]) -> frozenset[str]:
    """Licences of rows to take, as rows name them; raises HeadwaterError for one of no row."""
    known = {licence for table in tables for _, licence in count_rows(table)}
    for name in wanted:
        if name not in known | set(map(short_licence, known)):
            there = ", ".join(sorted(known))
            raise HeadwaterError(f"no row has the licence {name!r}; there are: {there}")
    return frozenset(
        one for one in known if not wanted or one in wanted or short_licence(one) in wanted
    )
