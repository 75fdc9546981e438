"""Two small steps, numbers and their doubles, outside of the package of all tests.

A fingerprint over a function of ``tests`` would count every test.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toy_tables import DOUBLES, NUMBERS

from headwater.artifacts.ids import item_id
from headwater.artifacts.schemas import MASKS
from headwater.artifacts.tables import read_table
from headwater.config import Params
from headwater.errors import ItemRejected
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import Summary, assemble, compute_bucket
from headwater.pipeline.step import Input, Item, Result, Step, Work


@dataclass
class Pipeline:
    """A project folder, its parameters, and what its steps were asked to compute."""

    project: Path
    params: Params
    values: list[int]
    rejected: set[int] = field(default_factory=set)
    reason: str = "disliked"
    computed: list[tuple[str, int]] = field(default_factory=list)

    @property
    def numbers(self) -> Step:
        """A step without inputs."""
        return Step(
            "numbers",
            1,
            (),
            (NUMBERS,),
            lambda params: params.sdf.model_dump(),
            self._write_numbers,
            sources=self._sources,
        )

    @property
    def doubles(self) -> Step:
        """A step that reads the numbers."""
        needed = Input(NUMBERS, ("item", "subject", "value"))
        return Step("doubles", 1, (needed,), (DOUBLES,), lambda params: {}, self._write_doubles)

    def build(self, step: Step) -> Summary:
        """Assemble a step, computing what is missing here."""

        def compute(missing: list[Planned]) -> list[None]:
            self.computed += [(step.name, planned.bucket) for planned in missing]
            return [compute_bucket(step, self.params, self.project, one) for one in missing]

        return assemble(step, self.params, self.project, compute)

    def set(self, group: str, **values: Any) -> None:
        """Change parameters of a group, or of the top ("")."""
        if group:
            values = {group: getattr(self.params, group).model_copy(update=values)}
        self.params = self.params.model_copy(update=values)

    def read(self, schema: Any) -> list[int]:
        """All values of a table, sorted."""
        return sorted(read_table(self.project / "data", schema).column("value").to_pylist())

    def files(self) -> dict[str, bytes]:
        """Every file below ``data``."""
        data = self.project / "data"
        files = sorted(path for path in data.rglob("*") if path.is_file())
        return {str(path.relative_to(data)): path.read_bytes() for path in files}

    def _sources(self, params: Params, project: Path) -> list[Item]:
        return [Item(item_id(n), item_id(n), f"number {n}", {"value": n}) for n in self.values]

    def _write_numbers(self, work: Work, result: Result) -> None:
        for item in work.items:
            value = item.source["value"]
            if value in self.rejected:
                result.reject(item, ItemRejected(self.reason, "The number is not liked."))
            else:
                row = {"item": item.item, "subject": item.subject, "value": value}
                result.add(NUMBERS, row)

    def _write_doubles(self, work: Work, result: Result) -> None:
        for row in work.rows(NUMBERS):
            result.add(DOUBLES, {**row, "value": 2 * row["value"]})


def lose(work: Work, result: Result) -> None:
    """All numbers of a bucket but the first."""
    for item in work.items[1:]:
        result.add(NUMBERS, {"item": item.item, "subject": item.subject, "value": 1})


def double(work: Work, result: Result) -> None:
    """The numbers of a bucket, the first of them twice."""
    for item in (*work.items, work.items[0]):
        result.add(NUMBERS, {"item": item.item, "subject": item.subject, "value": 1})


def fail_at_seven(work: Work, result: Result) -> None:
    """A value for every number but seven."""
    for item in work.items:
        with result.rejecting(item):
            row = {"item": item.item, "subject": item.subject, "value": item.source["value"]}
            result.add(NUMBERS, {**row, "value": 7 // (item.source["value"] - 7)})


def three_for_each_bucket(params: Params, project: Path) -> list[Item]:
    """Items, more of them the more buckets there are."""
    return [Item(item_id(n), item_id(n), f"number {n}") for n in range(3 * params.buckets)]


def wide(work: Work, result: Result) -> None:
    """A row of 100 kB for every item."""
    for item in work.items:
        picture = {"bytes": random.Random(item.item).randbytes(100_000), "path": "mask.png"}
        about = dict.fromkeys(MASKS.arrow.names, "words")
        ids = {"item": item.item, "subject": item.subject, "parent": None}
        result.add(MASKS, {**about, **ids, "mask": picture, "area_share": 0.5})
