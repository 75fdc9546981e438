"""Chosen rows of tables that may be large or missing, read bucket by bucket."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.tables import Row, read_bucket, table_files


def rows_in_brief(data: Path, schema: TableSchema, columns: Sequence[str]) -> list[Row]:
    """The named columns of all rows, sorted by item; empty when the table was not built."""
    rows: list[Row] = []
    for path in table_files(data, schema):
        rows += read_bucket(path, schema, columns).to_pylist()
    return sorted(rows, key=lambda row: str(row.get("item", "")))


def chosen_rows(
    data: Path, schema: TableSchema, columns: Sequence[str], items: Iterable[str]
) -> dict[str, Row]:
    """The named columns of the items' rows, by item; what the table does not hold is left out."""
    wanted = set(items)
    found: dict[str, Row] = {}
    for path in table_files(data, schema):
        names = read_bucket(path, schema, ["item"]).column("item").to_pylist()
        inside = [number for number, name in enumerate(names) if name in wanted]
        if inside:
            rows = read_bucket(path, schema, ["item", *columns]).take(inside).to_pylist()
            found.update((row["item"], row) for row in rows)
    return found


def rows_of_file(path: Path, schema: TableSchema) -> list[Row] | None:
    """All rows of a single table file; None when there is none."""
    return read_bucket(path, schema).to_pylist() if path.exists() else None


def figures_of(path: Path) -> dict[str, Any] | None:
    """A flat JSON file of figures; None when there is none."""
    if not path.exists():
        return None
    return dict(json.loads(path.read_text(encoding="utf-8")))


def series_of(path: Path) -> dict[str, list[float]] | None:
    """The numeric columns of a CSV file, in its order; None when there is none or it is empty.

    An empty cell is NaN.
    """
    if not path.exists():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return None
    columns = {name: _numbers(row[name] for row in rows) for name in rows[0]}
    return {name: values for name, values in columns.items() if values is not None}


def _numbers(texts: Iterable[str]) -> list[float] | None:
    try:
        return [float(text) if text else math.nan for text in texts]
    except (TypeError, ValueError):
        return None


def spread(rows: Sequence[Row], limit: int, key: Callable[[Row], Any]) -> list[Row]:
    """At most ``limit`` rows, taken in turn from the groups that ``key`` makes."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    chosen: list[Row] = []
    queues = [groups[name] for name in sorted(groups)]
    while queues and len(chosen) < limit:
        chosen += [queue.pop(0) for queue in queues]
        queues = [queue for queue in queues if queue]
    return chosen[:limit]
