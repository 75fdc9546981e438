"""A finished table as a torch data set: shuffled, shared by ranks and workers, and resumable.

Row groups are shuffled over all files, and their rows are dealt in that order to the workers of all
ranks, each an equal, contiguous part. A worker reads its part in windows of a bounded number of
rows and shuffles the rows of each. Without workers, threads decode a few rows ahead. All follows
from seed and epoch, so that a state is a number.

The shuffled sets of `datasets` do not resume exactly: their buffers are refilled with other rows.
They share a table between ranks by files, or let every rank read all of it, and check no page.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.artifacts.row_groups import (
    RowGroup,
    refuse_doubled,
    row_groups_of,
    rows_of,
    window_ends,
)
from headwater.artifacts.schemas import TABLES
from headwater.artifacts.tables import DamagedTable, table_name
from headwater.data.ahead import computed_ahead
from headwater.data.column_values import Values, values_of
from headwater.errors import READER_ERRORS, HeadwaterError

_EPOCH, _BY_WORKERS = 0, 1
# More would hold more decoded rows than they save time.
_MOST_THREADS = 4
# Gives a row.
Decoder = Callable[[], dict[str, Any]]


class TorchDataset(IterableDataset[dict[str, Any]]):
    """The rows of a table, each once in an epoch over all ranks and their DataLoaders' workers.

    table: folder of its files, as ``data/ingest/frames``, or one file. columns: those of a row,
    which is a dict of tensors and text (``column_values``). split: only rows of this split. rank,
    ranks: this process and the number of those that share the table; parts differ by one row at
    most. buffer_rows: rows that a worker shuffles at a time; it holds as many again, read ahead.

    ``set_epoch`` before each pass gives every pass another order, with persistent workers too.
    Raises HeadwaterError where there is no such row or column, and DamagedTable naming a file that
    cannot be read, or of which an item stands in another one too.
    """

    def __init__(
        self,
        table: str | Path,
        columns: Sequence[str],
        *,
        split: str | None = None,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
        buffer_rows: int = 256,
    ) -> None:
        if not (0 <= rank < ranks and buffer_rows > 0 and seed >= 0):
            raise HeadwaterError(
                f"rank {rank} of {ranks}, buffer_rows {buffer_rows}, seed {seed}: ranks count from "
                "0, a buffer has a row or more, and a seed is not negative"
            )
        if len(set(columns)) < len(columns):
            raise HeadwaterError(f"columns {list(columns)}: one is named twice; name each once")
        files = _files(Path(table))
        self._schema = _schema(files[0], [*columns, *(() if split is None else ("split",))])
        self._columns = list(columns)
        self._groups = [one for path in files for one in row_groups_of(path, self._schema, split)]
        if not self._groups:
            chosen = f" of the split {split!r}" if split else ""
            raise HeadwaterError(f"{table}: has no row{chosen}")
        refuse_doubled(self._groups, self._schema)
        self._seed, self._rank, self._ranks, self._buffer_rows = seed, rank, ranks, buffer_rows
        # Seen by persistent workers, which have copies of all else.
        self._shared = torch.zeros(2, dtype=torch.int64).share_memory_()
        self._given, self._resumed = 0, ""

    @property
    def rows(self) -> int:
        """Rows that this rank gives in an epoch."""
        total = sum(len(group.rows) for group in self._groups)
        return total * (self._rank + 1) // self._ranks - total * self._rank // self._ranks

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be number ``epoch``, from its start."""
        self._shared[_EPOCH] = epoch
        self._given, self._resumed = 0, ""

    def state_dict(self) -> dict[str, Any]:
        """Epoch and rows given in it; one rank's state serves all, which have given equally many.

        Raises HeadwaterError where workers gave the rows: theirs is the state to ask for.
        """
        if self._shared[_BY_WORKERS] and get_worker_info() is None:
            raise HeadwaterError(
                "the workers of a DataLoader give the rows of this data set: take the state of "
                "torchdata's StatefulDataLoader, which asks them, or set num_workers to 0"
            )
        epoch = int(self._shared[_EPOCH])
        return {"epoch": epoch, "given": self._given, "order": self._order()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next pass be the rest of the epoch that ``state`` was taken in.

        Raises HeadwaterError where the rows come in another order here.
        """
        self._refuse_other_order(str(state.get("order")))
        self._shared[_EPOCH] = int(state["epoch"])
        self._given, self._resumed = int(state["given"]), str(state["order"])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker, workers = _worker()
        self._shared[_BY_WORKERS] |= int(workers > 0)
        workers = max(1, workers)
        if self._resumed:
            self._refuse_other_order(self._resumed)
        start = self._given if self._resumed else 0
        self._given, self._resumed = start, ""
        epoch, consumer = int(self._shared[_EPOCH]), self._rank * workers + worker
        windows = self._windows(epoch, consumer, self._ranks * workers)
        seed = (self._seed, epoch, consumer)
        # Workers share the cores already.
        cores = len(os.sched_getaffinity(0))
        threads = min(cores, _MOST_THREADS) if get_worker_info() is None else 0
        for row in computed_ahead(self._decoders(windows, start, seed), threads):
            self._given += 1
            yield row

    def _refuse_other_order(self, order: str) -> None:
        if order != self._order():
            raise HeadwaterError(
                "the state is of another table, columns apart, split, seed, buffer_rows or number "
                "of ranks or workers, with which rows come in another order; set them as they were"
            )

    def _order(self) -> str:
        """SHA-256 of all that the order of rows follows from, but the epoch."""
        groups = [[one.path.name, one.number, one.size, len(one.rows)] for one in self._groups]
        shares = [self._ranks, _worker()[1], self._buffer_rows, self._seed]
        return sha256_hex(canonical_json([self._schema.name, groups, shares]).encode())

    def _windows(self, epoch: int, consumer: int, consumers: int) -> list[list[RowGroup]]:
        """Windows of the part of the shuffled groups that a consumer reads in an epoch."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._groups))
        part = _part([self._groups[place] for place in order], consumer, consumers)
        ends = window_ends([len(group.rows) for group in part], self._buffer_rows)
        return [part[start:stop] for start, stop in pairwise([0, *ends, len(part)])]

    def _decoders(
        self, windows: list[list[RowGroup]], start: int, seed: tuple[int, ...]
    ) -> Iterator[Decoder]:
        """The decoders of a part's rows from number ``start`` on, in the order of rows."""
        counts = [sum(len(group.rows) for group in window) for window in windows]
        first = next((n for n, end in enumerate(accumulate(counts)) if end > start), len(counts))
        skipped = start - sum(counts[:first])
        # While the rows of one window are decoded, the next is read.
        with ThreadPoolExecutor(1) as ahead:
            reads = [ahead.submit(self._read, window) for window in windows[first : first + 1]]
            for number in range(first, len(windows)):
                rows = reads.pop().result()
                reads = [ahead.submit(self._read, one) for one in windows[number + 1 : number + 2]]
                order = np.random.default_rng((*seed, number)).permutation(len(rows))[skipped:]
                skipped = 0
                yield from (rows[place] for place in order)

    def _read(self, window: list[RowGroup]) -> list[Decoder]:
        """The decoders of a window's rows, in the order of its groups."""
        fields = [self._schema.arrow.field(name) for name in self._columns]
        decoders: list[Decoder] = []
        for group in window:
            numbers = iter(group.rows.tolist())
            for batch in rows_of(group, self._schema, self._columns).to_batches():
                values = {one.name: values_of(one, batch.column(one.name)) for one in fields}
                decoders += [
                    partial(_decoded, values, row, group, next(numbers))
                    for row in range(batch.num_rows)
                ]
        return decoders


def _decoded(values: dict[str, Values], row: int, group: RowGroup, number: int) -> dict[str, Any]:
    """A row of a batch, which is row ``number`` of its group."""
    try:
        return {name: value(row) for name, value in values.items()}
    except (HeadwaterError, *READER_ERRORS) as error:
        raise DamagedTable(
            f"{group.path}: row {number} of row group {group.number} cannot be decoded ({error}); "
            "rebuild its step"
        ) from error


def _worker() -> tuple[int, int]:
    """Number of this worker of a DataLoader, and how many there are; 0 and 0 without workers."""
    info = get_worker_info()
    return (0, 0) if info is None else (info.id, info.num_workers)


def _part(groups: list[RowGroup], consumer: int, consumers: int) -> list[RowGroup]:
    """The groups, or parts of them, that hold a consumer's equal share of their rows in a row."""
    ends = list(accumulate(len(group.rows) for group in groups))
    start, stop = (ends[-1] * number // consumers for number in (consumer, consumer + 1))
    part = []
    for group, end in zip(groups, ends, strict=True):
        begin = end - len(group.rows)
        if begin < stop and end > start:
            rows = group.rows[max(0, start - begin) : stop - begin]
            part.append(replace(group, rows=rows))
    return part


def _files(table: Path) -> list[Path]:
    files = sorted(table.glob("*.parquet")) if table.is_dir() else [table]
    if not files or not files[0].exists():
        raise HeadwaterError(f"{table}: no table here; build it, or fetch it with dvc pull")
    return files


def _schema(path: Path, columns: Sequence[str]) -> TableSchema:
    name = table_name(path)
    if name not in TABLES:
        raise HeadwaterError(f"{path}: is no table that this version knows, but {name[:80]!r}")
    schema = TABLES[name]
    if unknown := sorted(set(columns) - set(schema.arrow.names)):
        raise HeadwaterError(f"{name}: has no column {unknown[0]!r}; see docs/artifacts.md")
    return schema
