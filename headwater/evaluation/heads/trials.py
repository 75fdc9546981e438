"""Trials of every system: held-out heads, in one, three and six views where they have them.

Each of these begins with the head's first view, from the front. One more shows the head in one
view from the side, for the error by head pose.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from headwater.artifacts.schemas import HEADS, LANDMARKS, TRUTH
from headwater.artifacts.tables import Row, read_table
from headwater.data.scenes import FloatArray, Heads, Views
from headwater.data.tables import read_heads, read_model
from headwater.data.views import of_rendered, read_views
from headwater.evaluation.challenge import Question
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.heads.model import HeadModel, Surface
from headwater.metrics.benchmark import BenchmarkRow, Prediction, TruthHead, score
from headwater.metrics.strata import expression_strength_mm, yaw_degrees
from headwater.metrics.summary import FRONTAL

HELD_OUT: Final = "held_out"
OTHER: Final = "other"
VIEW_COUNTS: Final = (1, 3, 6)


@dataclass(frozen=True)
class Case:
    """One head of a test set, with all of its views, by number."""

    test_set: str
    truth: TruthHead
    views: Views


@dataclass(frozen=True)
class Trial:
    """One question to a system: the head in these views, ``first_view`` of the case the first."""

    case: Case
    views: Views
    first_view: int = FRONTAL

    @property
    def yaw_degrees(self) -> float:
        """Head pose in the first view."""
        return yaw_degrees(self.views.R[0])

    @property
    def true_landmarks_mm(self) -> FloatArray:
        """(68, 3) of the head in the frame of its cameras."""
        return np.asarray(self.case.truth.landmarks_478[IBUG68_FROM_478])

    @property
    def headline(self) -> bool:
        """True when the head is seen once and from the front, as in the main figures."""
        return len(self.views) == 1 and self.first_view == FRONTAL

    def score(self, prediction: Prediction, system: str, size: str | None = None) -> BenchmarkRow:
        """The errors of a predicted head, in the views' head frame or any other, mm."""
        return score(
            self.case.truth,
            prediction,
            system=system,
            views=len(self.views),
            yaw_degrees=self.yaw_degrees,
            first_view=self.first_view,
            size=size,
        )


def trials(cases: Sequence[Case]) -> Iterator[Trial]:
    """All questions of the cases, in order."""
    for case in cases:
        for count in VIEW_COUNTS:
            if count <= len(case.views):
                yield Trial(case, case.views.choose(np.arange(count)))
        side = _side_view(case.views)
        if side is not None:
            yield Trial(case, case.views.choose(np.array([side])), side)


def questions(cases: Sequence[Case]) -> Iterator[Question]:
    """All questions about the cases, in order."""
    for trial in trials(cases):
        truth, test_set = trial.case.truth, trial.case.test_set
        yield Question(
            test_set,
            truth.subject,
            f"{len(trial.views)} views from {trial.first_view}",
            {
                "views": len(trial.views),
                "first_view": trial.first_view,
                "yaw_degrees": trial.yaw_degrees,
                "expression_mm": truth.expression_mm,
            },
            trial,
            looked_at=test_set == HELD_OUT and trial.headline,
        )


def count_trials(data: Path) -> int:
    """Count the trials of ``read_cases`` without reading any picture."""
    total = 0
    for folder in (data, data / "other_heads") if _has_other(data) else (data,):
        truth = read_table(folder, TRUTH, ["item", "subject", "split", "view"]).to_pylist()
        test = [row for row in truth if row["split"] == "test"]
        views = Counter(row["subject"] for row in test)
        total += sum(count <= seen for seen in views.values() for count in VIEW_COUNTS)
        found = set(read_table(folder, LANDMARKS, ["item"]).column("item").to_pylist())
        total += len({row["subject"] for row in test if row["view"] and row["item"] in found})
    return total


def read_cases(data: Path) -> list[Case]:
    """All test heads below ``data``: the held-out ones, then those of the other head model.

    Raises HeadwaterError when no head is held out.
    """
    other = _cases(data / "other_heads", OTHER) if _has_other(data) else []
    return _cases(data, HELD_OUT) + other


def skin(model: HeadModel) -> np.ndarray:
    """Faces (f, 3) that a scan would see."""
    return np.asarray(model.faces[model.surface == Surface.SKIN])


def _side_view(views: Views) -> int | None:
    """The first view from the side in which the face was detected."""
    found = np.isfinite(views.landmarks_478_px).all(axis=(1, 2))
    rows = np.flatnonzero(found)
    later = rows[rows > FRONTAL]
    return int(later[0]) if len(later) else None


def _has_other(data: Path) -> bool:
    note = json.loads((data / "other_heads" / "set.json").read_text(encoding="utf-8"))
    return note["head_model"] is not None


def _cases(data: Path, test_set: str) -> list[Case]:
    model = read_model(data)
    heads = read_heads(data, ("test",))
    views = read_views(data, of_rendered(data, heads))
    rows = {row["item"]: row for row in read_table(data, HEADS, _COLUMNS).to_pylist()}
    return [
        Case(
            test_set,
            _truth(model, heads, index, rows[subject]),
            views.choose(np.flatnonzero(views.head == index)),
        )
        for index, subject in enumerate(heads.subjects)
        if (views.head == index).any()
    ]


_COLUMNS: Final = ("item", "shape", "expression")


def _truth(model: HeadModel, heads: Heads, index: int, row: Row) -> TruthHead:
    vertices = heads.vertices[index]
    landmarks = model.landmarks_478.on(vertices)
    shape = np.array(row["shape"], np.float32)
    neutral = model.vertices(shape, np.zeros(len(row["expression"]), np.float32))
    strength = expression_strength_mm(landmarks, model.landmarks_478.on(neutral))
    return TruthHead(row["item"], vertices, skin(model), landmarks, strength)
