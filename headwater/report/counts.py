"""Items and rejects of every step."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.manifest import MANIFEST
from headwater.artifacts.schemas import (
    CAMERAS,
    EXPRESSIONS,
    FRAMES,
    HEADS,
    LANDMARKS,
    MAPS,
    MASKS,
    PARTS,
    PHOTOS,
    SDF,
    STEPS,
    SYNTHETIC_FRAMES,
    rejects_schema,
)
from headwater.artifacts.tables import table_files
from headwater.report.reading import rows_in_brief

MAIN_TABLES = {
    "photos": PHOTOS,
    "synthesize": HEADS,
    "ingest": FRAMES,
    "landmarks": LANDMARKS,
    "masks": MASKS,
    "parts": PARTS,
    "cameras": CAMERAS,
    "expressions": EXPRESSIONS,
    "sdf": SDF,
    "maps": MAPS,
}


@dataclass(frozen=True)
class StepCount:
    """Items and rejects of a step. items: None when it was not built. row: the kind of an item.

    sources: items by source, where there is more than one.
    """

    step: str
    row: str
    items: int | None
    rejects: int
    sources: dict[str, int]


@dataclass(frozen=True)
class Rejection:
    """Rejects of one step for one reason. names, messages: of the first few."""

    step: str
    reason: str
    count: int
    message: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Licence:
    """Items of the source steps under one licence."""

    step: str
    licence: str
    count: int


def count_step(data: Path, step: str) -> StepCount:
    """Count one step's items and rejects below the folder ``data``."""
    schema = MAIN_TABLES[step]
    rejects = len(rows_in_brief(data, rejects_schema(step), ["item"]))
    if not table_files(data, schema) and not (data / step / MANIFEST).exists():
        return StepCount(step, schema.row, None, rejects, {})
    rows = rows_in_brief(data, schema, ["item", "source"])
    sources = Counter(row["source"] for row in rows)
    return StepCount(step, schema.row, len(rows), rejects, dict(sorted(sources.items())))


def count_steps(data: Path) -> list[StepCount]:
    """Count all steps, in order."""
    return [count_step(data, step) for step in STEPS]


def count_views(data: Path) -> int | None:
    """Rendered views; None when none were built."""
    if not table_files(data, SYNTHETIC_FRAMES):
        return None
    return len(rows_in_brief(data, SYNTHETIC_FRAMES, ["item"]))


def rejections(data: Path, steps: Sequence[str] = STEPS, examples: int = 3) -> list[Rejection]:
    """Rejects by step and reason, most frequent first within a step."""
    groups: list[Rejection] = []
    for step in steps:
        rows = rows_in_brief(data, rejects_schema(step), ["item", "reason", "message", "name"])
        for reason, count in sorted(
            Counter(row["reason"] for row in rows).items(), key=lambda entry: (-entry[1], entry[0])
        ):
            same = sorted((r for r in rows if r["reason"] == reason), key=lambda r: str(r["name"]))
            names = tuple(row["name"] for row in same[:examples])
            groups.append(Rejection(step, reason, count, same[0]["message"], names))
    return groups


def licences(data: Path) -> list[Licence]:
    """Licences of the photos and of the synthetic heads, with their counts."""
    found = []
    for step in ("photos", "synthesize"):
        rows = rows_in_brief(data, MAIN_TABLES[step], ["item", "licence"])
        for licence, count in sorted(Counter(row["licence"] for row in rows).items()):
            found.append(Licence(step, licence, count))
    return found
