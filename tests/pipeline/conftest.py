"""Two small steps: numbers, and their doubles."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from headwater.artifacts.ids import item_id
from headwater.artifacts.tables import read_table
from headwater.config import Params, load_params
from headwater.errors import ItemRejected
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import Summary, assemble, compute_bucket
from headwater.pipeline.step import Input, Item, Result, Step, Work
from tests.flows.toy.tasks.toy_tables import DOUBLES, NUMBERS

PROJECT = Path(__file__).resolve().parents[2]


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


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """Forty numbers in eight buckets."""
    params = load_params(PROJECT / "params.yaml").model_copy(update={"buckets": 8})
    return Pipeline(tmp_path, params, list(range(40)))


def next_version(step: Step) -> Step:
    """The step with its version raised."""
    return replace(step, version=step.version + 1)
