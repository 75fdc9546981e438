"""A pipeline step as data: its tables, its settings and the function that computes one bucket."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.schemas import rejects_schema
from headwater.artifacts.tables import Row
from headwater.config import Params
from headwater.errors import ItemRejected


@dataclass(frozen=True)
class Input:
    """A table that a step reads, and the columns it needs (which enter the bucket's key)."""

    schema: TableSchema
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """An item that a step must either put out or reject.

    name: file or parent, for people. source: what a step without input tables needs to compute
    it; only item, subject and name enter the bucket's key, so the item must stand for the rest.
    """

    item: str
    subject: str
    name: str
    source: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """One bucket to compute: its items, its input tables and the settings."""

    bucket: int
    items: Sequence[Item]
    tables: Mapping[str, pa.Table]
    params: Params
    project: Path

    def rows(self, schema: TableSchema) -> list[Row]:
        """Rows of an input table in this bucket, sorted by item."""
        return list(self.tables[schema.name].to_pylist())

    def by_item(self, schema: TableSchema) -> dict[str, Row]:
        """Rows of an input table in this bucket, by item."""
        return {row["item"]: row for row in self.rows(schema)}


class Result:
    """Rows and rejects of one bucket, collected while it is computed."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.rows: dict[str, list[Row]] = {}
        self.current: Item | None = None

    @contextmanager
    def rejecting(self, item: Item) -> Iterator[None]:
        """Reject the item when the block raises ItemRejected.

        Any other exception leaves the item as ``current``, for whoever reports it.
        """
        self.current = item
        try:
            yield
        except ItemRejected as problem:
            self.reject(item, problem)
        self.current = None

    def add(self, schema: TableSchema, row: Row) -> None:
        """Add a row to an output table."""
        self.rows.setdefault(schema.name, []).append(row)

    def reject(self, item: Item, problem: ItemRejected) -> None:
        """Record that an item could not be processed."""
        row = {
            "item": item.item,
            "subject": item.subject,
            "step": self.step,
            "reason": problem.reason,
            "message": problem.message,
            "name": item.name,
        }
        self.add(rejects_schema(self.step), row)


@dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    version: raised when the same inputs would give other outputs.
    inputs: tables read; the first one's items are the step's items unless ``items`` says otherwise.
    outputs: tables written; the first one holds every item that was not rejected, and beside these
    perhaps rows whose parent is one of them.
    settings: the part of the parameters that the result depends on, JSON-able.
    compute: fills a ``Result`` from a ``Work``; must not depend on other buckets.
    items: the items of one bucket, from its input tables; default one per row of the first input.
    sources: for a step without input tables, all items.
    models: fingerprints of model files, and of what other stages wrote besides tables, that the
    result depends on.
    wanted: False where nothing in the build reads the step's tables, which then have no buckets.
    """

    name: str
    version: int
    inputs: tuple[Input, ...]
    outputs: tuple[TableSchema, ...]
    settings: Callable[[Params], Any]
    compute: Callable[[Work, Result], None]
    items: Callable[[Mapping[str, pa.Table], Params], list[Item]] | None = None
    sources: Callable[[Params, Path], list[Item]] | None = None
    models: Callable[[Params, Path], Mapping[str, str]] | None = None
    wanted: Callable[[Params, Path], bool] | None = None

    def is_wanted(self, params: Params, project: Path) -> bool:
        """False where nothing in the build reads the step's tables."""
        return self.wanted is None or self.wanted(params, project)

    @property
    def rejects(self) -> TableSchema:
        """The step's table of rejects."""
        return rejects_schema(self.name)

    @property
    def tables(self) -> tuple[TableSchema, ...]:
        """Every table that the step writes."""
        return (*self.outputs, self.rejects)


def counted_items(rows: Iterable[Row], members: Collection[str]) -> Iterator[str]:
    """Identifiers of rows that account for the items ``members`` of a step.

    A row made from one of them stands beside that item's own, as a further face of its photo.
    """
    return (
        row["item"] for row in rows if row["item"] in members or row.get("parent") not in members
    )


def items_of_rows(table: pa.Table) -> list[Item]:
    """One item per row of a table; the item's own id is its name."""
    items = table.column("item").to_pylist()
    subjects = table.column("subject").to_pylist()
    return [Item(i, s, i) for i, s in zip(items, subjects, strict=True)]
