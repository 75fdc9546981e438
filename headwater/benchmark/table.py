"""Rows of the benchmark as a Parquet table, and back."""

import math
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from headwater.artifacts.evaluate_schemas import BENCHMARK
from headwater.artifacts.ids import item_id
from headwater.artifacts.tables import read_bucket, to_table, write_bucket
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.face_regions import REGIONS
from headwater.metrics.summary import FRONTAL

FILE: Final = "benchmark.parquet"
_PLAIN: Final = tuple(
    field.name for field in fields(BenchmarkRow) if field.name not in ("regions_mm", "heat")
)

SetRows = dict[str, list[BenchmarkRow]]


def write_rows(folder: Path, rows: SetRows) -> None:
    """Write the rows of every test set into ``folder``."""
    records = [_record(name, row) for name, members in rows.items() for row in members]
    write_bucket(folder / FILE, BENCHMARK, to_table(BENCHMARK, records), "")


def read_rows(folder: Path) -> SetRows:
    """Rows by test set; without their heat maps."""
    found: SetRows = {}
    for record in read_bucket(folder / FILE, BENCHMARK).to_pylist():
        found.setdefault(record["test_set"], []).append(_row(record))
    return found


def of_system(rows: Iterable[BenchmarkRow], system: str, views: int) -> list[BenchmarkRow]:
    """The rows of one system from ``views`` views, the first of them from the front."""
    return [
        row
        for row in rows
        if row.system == system and row.views == views and row.first_view == FRONTAL
    ]


def _record(test_set: str, row: BenchmarkRow) -> dict[str, Any]:
    plain = {name: _known(getattr(row, name)) for name in _PLAIN}
    regions = {f"{name}_mm": _known(row.regions_mm.get(name, math.nan)) for name in REGIONS}
    item = item_id("benchmark", test_set, row.subject, row.system, row.views, row.first_view)
    return {"item": item, "test_set": test_set, **plain, **regions}


def _row(record: dict[str, Any]) -> BenchmarkRow:
    plain = {name: record[name] for name in _PLAIN if record[name] is not None}
    regions = {name: record[f"{name}_mm"] for name in REGIONS}
    known = {name: value for name, value in regions.items() if value is not None}
    return BenchmarkRow(**plain, regions_mm=known)


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
