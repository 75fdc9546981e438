"""Row groups of tables that need not fit into memory: the pieces that shuffled readers take."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.tables import DamagedTable, Footer, read_footer, read_row_groups

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class RowGroup:
    """Row group ``number`` of a file, and the numbers of those of its rows that are taken."""

    path: Path
    footer: Footer
    number: int
    rows: Rows

    @property
    def size(self) -> int:
        """Rows of the group, taken or not."""
        return self.footer.sizes[self.number]


def row_groups_of(path: Path, schema: TableSchema, split: str | None) -> list[RowGroup]:
    """The row groups of a file that hold rows of ``split``, of any split where it is None.

    Raises DamagedTable.
    """
    footer = read_footer(path)
    taken = [np.arange(size) for size in footer.sizes]
    if split is not None:
        every = list(range(len(footer.sizes)))
        splits = read_row_groups(path, schema, footer, every, ["split"]).column("split")
        chosen = pc.equal(splits, split).to_numpy()
        taken = [np.flatnonzero(part) for part in np.split(chosen, np.cumsum(footer.sizes)[:-1])]
    return [RowGroup(path, footer, number, rows) for number, rows in enumerate(taken) if len(rows)]


def refuse_doubled(groups: Sequence[RowGroup], schema: TableSchema) -> None:
    """Raise DamagedTable where an item stands twice, as where a file is a copy of another one."""
    items = {}
    for path, part in groupby(groups, lambda group: group.path):
        first, *others = part
        numbers = [first.number, *(group.number for group in others)]
        items[path] = read_row_groups(path, schema, first.footer, numbers, ["item"]).column("item")
    chunks = [chunk for column in items.values() for chunk in column.chunks]
    counts = pc.value_counts(pa.chunked_array(chunks))
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if len(twice):
        places = [path for path, column in items.items() if pc.index(column, twice[0]).as_py() >= 0]
        raise DamagedTable(
            f"{places[0].parent}: item {twice[0]} stands twice, in "
            f"{' and '.join(path.name for path in places)}; rebuild its step"
        )


def rows_of(group: RowGroup, schema: TableSchema, columns: Sequence[str]) -> pa.Table:
    """Columns of the rows that are taken of a group. Raises DamagedTable."""
    table = read_row_groups(group.path, schema, group.footer, [group.number], columns)
    if table.num_rows != group.size:
        raise DamagedTable(f"{group.path}: changed while it was read; start again")
    return table if len(group.rows) == group.size else table.take(pa.array(group.rows))


def window_ends(sizes: Sequence[int], buffer_rows: int) -> list[int]:
    """Places at which groups in a row are cut, so that no window has more than ``buffer_rows``.

    sizes: rows of each group. A group of more rows than that is a window of its own.
    """
    ends, held = [], 0
    for place, size in enumerate(sizes):
        if held and held + size > buffer_rows:
            ends.append(place)
            held = 0
        held += size
    return ends
