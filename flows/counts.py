"""Rows of every table and rejects by reason, as a table of Prefect's page."""

from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.left import reasons_of

REJECTS = "rejects"
Cell = str | int


def table_counts(project: Path) -> list[dict[str, Cell]]:
    """A row for every step that has tables: rows of each table, and rejects by reason."""
    data = project / "data"
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    rejected: dict[str, Counter[str]] = defaultdict(Counter)
    for path in sorted(data.glob("**/bucket-*.parquet")):
        step, table = path.parents[1].relative_to(data).as_posix(), path.parent.name
        if table == REJECTS:
            rejected[step].update(reasons_of(path))
        else:
            rows[step][table] += rows_of(path)
    return [
        {
            "step": step,
            "rows": _in_words(rows[step]),
            "rejected": rejected[step].total(),
            "reasons": _in_words(rejected[step]),
        }
        for step in sorted({*rows, *rejected})
    ]


def rows_of(path: Path) -> int:
    """Rows of a file; none of a damaged one, which the next build finds."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return 0


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
