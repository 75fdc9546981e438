"""Sentences on what a build left undone: stages that do not hold, and items to try again.

Items are left that were rejected for the moment only: the next build tries these again. The
tables of rejects tell it, so it also holds for tables that were fetched or checked out.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from headwater.artifacts.schemas import rejects_schema
from headwater.artifacts.tables import DamagedTable, read_bucket
from headwater.reject_reasons import PASSING

REPORT: Final = "report"
PAGE: Final = f"data/{REPORT}/index.html"
# Tables of rejects below data/: of a step, and of a step that a stage runs in its own folder.
_TABLES = ("*/rejects/bucket-*.parquet", "*/*/rejects/bucket-*.parquet")


def items_left(project: Path) -> dict[str, Counter[str]]:
    """Number of items to try again, by stage and reason."""
    data = project / "data"
    left: dict[str, Counter[str]] = {}
    for path in (path for pattern in _TABLES for path in data.glob(pattern)):
        passing = [reason for reason in reasons_of(path) if reason in PASSING]
        if passing:
            left.setdefault(path.relative_to(data).parts[0], Counter()).update(passing)
    if left:
        graph = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
        left = {stage: left[stage] for stage in sorted(left.keys() & graph.keys())}
    return left


def sentence(stage: str, reasons: Counter[str]) -> str:
    """Sentence on the items left of a stage, and on the command that takes them up."""
    items = "1 item was" if reasons.total() == 1 else f"{reasons.total()} items were"
    kinds = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    return f"{stage}: {items} left ({kinds}); the next `make repro` tries again"


def unheld(failed: Collection[str], waiting: Collection[str], total: int, reported: bool) -> str:
    """Sentence on stages that do not hold: those that failed, and those that wait for them.

    reported: whether there is a report, which no such build has brought up to date.
    """
    count = len(failed) + len(waiting)
    text = f"{count} of {total} stages {'does' if count == 1 else 'do'} not hold: "
    text += f"{', '.join(failed)} failed" if failed else ""
    if waiting:
        text += f"; {', '.join(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for that"
    if reported and REPORT in {*failed, *waiting}:
        text += f", so {PAGE} is still that of an earlier build"
    return text


def reasons_of(path: Path) -> list[str]:
    """Reasons of a rejects table; none when it is damaged, for then it is rebuilt anyway."""
    # A pipe would wait for ever.
    if not path.is_file():
        return []
    try:
        # Most are empty, and their footer says so.
        if not pq.read_metadata(path).num_rows:
            return []
        schema = rejects_schema(path.parents[1].name)
        return list(read_bucket(path, schema, ["reason"]).column("reason").to_pylist())
    except (DamagedTable, pa.ArrowException, OSError):
        return []
