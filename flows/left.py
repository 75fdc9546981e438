"""Stages with items that were rejected for the moment only: the next build tries these again.

The tables of rejects tell it, so it also holds for tables that were fetched or checked out.
"""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from headwater.artifacts.schemas import rejects_schema
from headwater.artifacts.tables import DamagedTable, read_bucket
from headwater.reject_reasons import PASSING

# Of a step's own, and of a stage that runs steps in a folder of its own.
_TABLES = ("*/rejects/bucket-*.parquet", "*/*/rejects/bucket-*.parquet")


def items_left(project: Path) -> dict[str, Counter[str]]:
    """Number of items to try again, by stage and reason."""
    data = project / "data"
    left: dict[str, Counter[str]] = {}
    for path in (path for pattern in _TABLES for path in data.glob(pattern)):
        passing = [reason for reason in _reasons(path) if reason in PASSING]
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


def _reasons(path: Path) -> list[str]:
    """Reasons of a rejects table; none when it is damaged, for then it is rebuilt anyway."""
    try:
        # Most are empty, and their footer says so.
        if not pq.read_metadata(path).num_rows:
            return []
        schema = rejects_schema(path.parents[1].name)
        return list(read_bucket(path, schema, ["reason"]).column("reason").to_pylist())
    except (DamagedTable, pa.ArrowException, OSError):
        return []
