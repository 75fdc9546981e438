"""Claims about systems that answer with heads: paired errors, and scores beside other systems'."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headwater.data.scenes import FloatArray
from headwater.evaluation.claims import Claim, measured
from headwater.evaluation.heads.trials import HELD_OUT
from headwater.evaluation.scores import read_all
from headwater.metrics.intervals import Interval, difference_interval, ratio_interval
from headwater.metrics.strata import GIVEN
from headwater.metrics.summary import HEADLINE

Errors = dict[str, float]


@dataclass(frozen=True)
class ErrorTable:
    """Errors, mm, of heads under named conditions: one row a head; seed: of the intervals."""

    rows: list[Errors]
    seed: int

    def columns(self, *names: str) -> list[FloatArray]:
        """Errors (n,) under each of the conditions, of the heads that have them all."""
        full = [row for row in self.rows if all(name in row for name in names)]
        return [np.array([row[name] for row in full], np.float64) for name in names]

    def difference(self, name: str, other: str) -> Interval:
        """Mean paired difference of two conditions."""
        ours, theirs = self.columns(name, other)
        return difference_interval(ours, theirs, self.seed)

    def ratio(self, name: str, other: str) -> Interval:
        """Ratio of the mean errors under two conditions."""
        ours, theirs = self.columns(name, other)
        return ratio_interval(ours, theirs, self.seed)


def scan_to_mesh_claims(data: Path, system: str, seed: int) -> Iterator[Claim]:
    """Scan-to-mesh error of ``system`` from one frontal view against every other of the build.

    With masks and cameras given.

    data: with the scores of all. seed: of the intervals.
    """
    errors: dict[str, dict[str, float]] = {}
    for score in read_all(data):
        frontal = score.conditions.get("views") == 1 and score.conditions.get("first_view") == 0
        given = score.conditions.get("camera", GIVEN) == GIVEN
        judged = frontal and given and (score.metric, score.test_set) == (HEADLINE, HELD_OUT)
        if judged and score.value is not None:
            errors.setdefault(score.system, {})[score.subject] = score.value
    ours = errors.pop(system, {})
    for other, theirs in sorted(errors.items()):
        both = sorted(set(ours) & set(theirs))
        difference = difference_interval(
            np.array([ours[one] for one in both]), np.array([theirs[one] for one in both]), seed
        )
        what = "face scan-to-mesh error from one view, mm, paired difference"
        yield measured(f"better than {other}", what, difference, "<=", 0.0, strict=True, own=True)
