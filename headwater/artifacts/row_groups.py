"""Row groups of tables that need not fit into memory: the pieces that shuffled readers take."""

from collections.abc import Sequence
from dataclasses import dataclass
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
