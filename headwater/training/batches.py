"""Batches of rows out of Parquet files that need not fit into memory, as a function of the step.

Every pass over the files shuffles their row groups, cuts them into windows of a bounded number of
rows and shuffles the rows of each window. The order is known from footers alone, so that the batch
of any step is had by reading the windows that it lies in: a resumed training needs no state but its
step. Batches run over the ends of passes and are all equally large; in a pass, every row occurs
once. Several devices cut each batch into slices.

The readers of others do not resume exactly: `datasets` refills its shuffle buffer with other rows,
torchdata's StatefulDataLoader runs through all earlier batches of an iterable data set, and litdata
and mosaicml-streaming want copies of the tables in formats of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.row_groups import Rows, row_groups_of, rows_of, window_ends
from headwater.errors import HeadwaterError
from headwater.training.draws import WHOLE, Share

HELD: Final = 2


@dataclass(frozen=True)
class _Window:
    """The rows of some groups in memory, and the order in which they are given."""

    table: pa.Table
    order: Rows


def windows_of(
    sizes: Sequence[int], buffer_rows: int, generator: np.random.Generator
) -> list[Rows]:
    """Numbers of all groups in a random order, cut so that none holds more than ``buffer_rows``.

    sizes: rows of each group. A group of more rows than that is a window of its own.
    """
    order = generator.permutation(len(sizes))
    return np.split(order, window_ends([sizes[group] for group in order], buffer_rows))


class ParquetBatches:
    """The batches of a table's rows, in an order that seed, row groups and ``buffer_rows`` fix.

    files: buckets of the table, in order. columns: read of them. batch: rows of one step over all
    devices. split: only rows of this split. At most two windows of about ``buffer_rows`` rows are
    in memory. Raises HeadwaterError where there is no row, and DamagedTable naming a file that
    cannot be read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        schema: TableSchema,
        columns: Sequence[str],
        *,
        batch: int,
        seed: int,
        buffer_rows: int = 1024,
        split: str | None = None,
    ) -> None:
        self.schema, self.columns = schema, tuple(columns)
        self.batch, self.seed, self.buffer_rows = batch, seed, buffer_rows
        self._groups = [group for path in files for group in row_groups_of(path, schema, split)]
        self._sizes = [len(group.rows) for group in self._groups]
        if not self._groups:
            chosen = f" of the split {split!r}" if split else ""
            raise HeadwaterError(f"{schema.name}: no row{chosen} to train on; run its step first")
        self._order: tuple[int, list[Rows], list[int]] | None = None
        self._held: dict[tuple[int, int], _Window] = {}

    def __len__(self) -> int:
        """Rows of one pass."""
        return sum(self._sizes)

    def at(self, step: int, share: Share = WHOLE) -> pa.Table:
        """The rows of a step, or a device's share of them."""
        places = share.places(self.batch, step)
        place, pieces = places.start, []
        while place < places.stop:
            pass_number, inside = divmod(place, len(self))
            window, before = self._window_at(pass_number, inside)
            chosen = window.order[inside - before :][: places.stop - place]
            pieces.append(window.table.take(pa.array(chosen)))
            place += len(chosen)
        return pa.concat_tables(pieces)

    def _window_at(self, pass_number: int, inside: int) -> tuple[_Window, int]:
        """The window that a place of a pass lies in, and how many rows of the pass come before."""
        windows, ends = self._windows(pass_number)
        number = int(np.searchsorted(ends, inside, side="right"))
        key = (pass_number, number)
        if key not in self._held:
            while len(self._held) >= HELD:
                del self._held[next(iter(self._held))]
            self._held[key] = self._read(key, windows[number])
        return self._held[key], ends[number - 1] if number else 0

    def _windows(self, pass_number: int) -> tuple[list[Rows], list[int]]:
        """The windows of a pass, and the places at which they end."""
        if self._order is None or self._order[0] != pass_number:
            generator = np.random.default_rng((self.seed, pass_number))
            windows = windows_of(self._sizes, self.buffer_rows, generator)
            ends = accumulate(sum(self._sizes[group] for group in window) for window in windows)
            self._order = (pass_number, windows, list(ends))
        return self._order[1:]

    def _read(self, key: tuple[int, int], window: Rows) -> _Window:
        groups = [self._groups[group] for group in sorted(window)]
        pieces = [rows_of(group, self.schema, self.columns) for group in groups]
        table = pa.concat_tables(pieces).combine_chunks()
        generator = np.random.default_rng((self.seed, *key, 1))
        return _Window(table, generator.permutation(table.num_rows))
