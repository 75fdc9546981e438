"""Every system and baseline on the benchmark, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from headwater.benchmark.table import FILE, of_system, read_rows
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.face_regions import REGIONS
from headwater.metrics.intervals import Interval
from headwater.metrics.summary import HEADLINE, bins, compare, summarise

BASELINE: Final = "mean_head"
NAMES: Final = {
    "mean_head": "mean head",
    "landmark_fit": "landmark fit",
    "lvd": "LVD",
    "glvd": "GLVD",
}
TEST_SETS: Final = {"held_out": "held out", "other": "another model's"}
BIN_KINDS: Final = {"yaw": "head turned by, degrees", "expression": "expression, mm"}


@dataclass(frozen=True)
class Line:
    """One system on one test set in so many views. error, ratio: with 95 % intervals."""

    system: str
    test_set: str
    views: int
    error: Interval
    ratio: Interval
    h3ds_mm: float
    regions_mm: dict[str, float]
    subjects: int
    failures: int


@dataclass(frozen=True)
class Bins:
    """The error of one system in bins of one kind: name, mean with interval, heads."""

    system: str
    kind: str
    members: list[tuple[str, Interval, int]]


@dataclass(frozen=True)
class Compared:
    """Lines of all systems; bins of held-out heads seen once. regions: names, in order."""

    lines: list[Line]
    bins: list[Bins]
    regions: tuple[str, ...] = REGIONS


def compare_systems(data: Path) -> Compared:
    """Read every benchmark table below ``data/evaluate``; nothing where there is none."""
    rows: dict[str, list[BenchmarkRow]] = {}
    for path in sorted((data / "evaluate").glob(f"*/{FILE}")):
        for test_set, members in read_rows(path.parent).items():
            rows.setdefault(test_set, []).extend(members)
    lines = [
        _line(test_set, members, system, views)
        for test_set, members in sorted(rows.items())
        for views in sorted({row.views for row in members})
        for system in _ordered({row.system for row in members if row.views == views})
    ]
    held_out = rows.get("held_out", [])
    found = [
        _bins(of_system(held_out, system, 1), system, kind)
        for system in _ordered({row.system for row in held_out})
        for kind in BIN_KINDS
    ]
    return Compared(lines, found)


def _ordered(systems: set[str]) -> list[str]:
    """Baselines first, then the systems that have no place of their own, by name."""
    places = list(NAMES)
    return sorted(systems, key=lambda s: (places.index(s) if s in places else len(places), s))


def _line(test_set: str, rows: Sequence[BenchmarkRow], system: str, views: int) -> Line:
    own = of_system(rows, system, views)
    compared = compare(own, of_system(rows, BASELINE, views))
    figures = summarise(own)
    return Line(
        NAMES.get(system, system),
        TEST_SETS.get(test_set, test_set),
        views,
        _interval(figures, HEADLINE),
        compared.ratio,
        float(figures.get("h3ds_face_mm", np.nan)),
        {name: float(figures.get(f"honest_{name}_mm", np.nan)) for name in REGIONS},
        int(figures["subjects"]),
        int(figures["failures"]),
    )


def _bins(rows: Sequence[BenchmarkRow], system: str, kind: str) -> Bins:
    kept = [row for row in rows if row.failure is None]
    members = []
    for name, some in bins(kept).items():
        if name.startswith(f"{kind}_"):
            label = name.removeprefix(f"{kind}_").replace("_up", " and more").replace("_", " to ")
            members.append((label, _interval(summarise(some), HEADLINE), len(some)))
    return Bins(NAMES.get(system, system), BIN_KINDS[kind], members)


def _interval(figures: dict[str, float | int], name: str) -> Interval:
    ends = (figures.get(f"{name}{end}", np.nan) for end in ("", "_low", "_high"))
    return Interval(*(float(end) for end in ends))
