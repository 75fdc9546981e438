"""Trials of every system: held-out heads, in one, three and six views where they have them.

Each of these begins with the head's first view, from the front. One more shows the head in one
view from the side, for the error by head pose. In these, masks and cameras are given: they are
exact. In a last one they are estimated from the image of the first view alone, by the pipeline's
steps, as ``headwater reconstruct`` does with a user's photo.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc

from headwater.artifacts.schemas import HEADS, LANDMARKS, TRUTH
from headwater.artifacts.tables import Row, read_table
from headwater.data.rejections import UNKNOWN, rejections
from headwater.data.scenes import FloatArray, Heads, Views
from headwater.data.tables import read_heads, read_model
from headwater.data.views import of_photos, of_rendered, read_views
from headwater.evaluation.challenge import Question
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.heads.model import HeadModel, Surface
from headwater.metrics.benchmark import BenchmarkRow, Prediction, TruthHead, score
from headwater.metrics.strata import ESTIMATED, GIVEN, expression_strength_mm, yaw_degrees
from headwater.metrics.summary import FRONTAL

HELD_OUT: Final = "held_out"
OTHER: Final = "other"
VIEW_COUNTS: Final = (1, 3, 6)


@dataclass(frozen=True)
class Case:
    """One head of a test set, with views of it, by number.

    camera: GIVEN, of all of its views, or ESTIMATED, of the first one alone. unseen: why there is
    nothing estimated; there is no view then.
    """

    test_set: str
    truth: TruthHead
    views: Views
    camera: str = GIVEN
    unseen: str | None = None


@dataclass(frozen=True)
class Trial:
    """One question to a system: the head in these views, ``first_view`` of the case the first."""

    case: Case
    views: Views
    first_view: int = FRONTAL

    @property
    def yaw_degrees(self) -> float:
        """Head pose in the first view, by its camera; NaN without one."""
        return yaw_degrees(self.views.R[0]) if len(self.views) else math.nan

    @property
    def true_landmarks_mm(self) -> FloatArray | None:
        """(68, 3) of the head in the frame of its cameras; None where these are estimated."""
        if self.case.camera == ESTIMATED:
            return None
        return np.asarray(self.case.truth.landmarks_478[IBUG68_FROM_478])

    @property
    def frontal(self) -> bool:
        """True when the head is seen once and from the front, as in the main figures."""
        return self.count == 1 and self.first_view == FRONTAL

    @property
    def count(self) -> int:
        """Views that the question is about."""
        return 1 if self.case.camera == ESTIMATED else len(self.views)

    def score(self, prediction: Prediction, system: str, size: str | None = None) -> BenchmarkRow:
        """The errors of a predicted head, in the views' head frame or any other, mm."""
        return score(
            self.case.truth,
            prediction,
            system=system,
            views=self.count,
            yaw_degrees=self.yaw_degrees,
            first_view=self.first_view,
            camera=self.case.camera,
            size=size,
        )


def trials(cases: Sequence[Case]) -> Iterator[Trial]:
    """All questions of the cases, in order."""
    for case in cases:
        if case.camera == ESTIMATED:
            yield Trial(case, case.views)
            continue
        for count in VIEW_COUNTS:
            if count <= len(case.views):
                yield Trial(case, case.views.choose(np.arange(count)))
        side = _side_view(case.views)
        if side is not None:
            yield Trial(case, case.views.choose(np.array([side])), side)


def questions(cases: Sequence[Case]) -> Iterator[Question]:
    """All questions about the cases, in order."""
    for trial in trials(cases):
        case, yaw = trial.case, trial.yaw_degrees
        yield Question(
            case.test_set,
            case.truth.subject,
            key_of(trial.count, trial.first_view, case.camera),
            {
                "camera": case.camera,
                "views": trial.count,
                "first_view": trial.first_view,
                **({} if math.isnan(yaw) else {"yaw_degrees": yaw}),
                "expression_mm": case.truth.expression_mm,
            },
            trial,
            looked_at=case.test_set == HELD_OUT and case.camera == GIVEN and trial.frontal,
            unanswerable=case.unseen,
        )


def key_of(views: int, first_view: int, camera: str) -> str:
    """The name of a question among those about a head."""
    key = f"{views} views from {first_view}"
    return key if camera == GIVEN else f"{key}, camera {camera}"


def count_trials(data: Path) -> int:
    """Count the trials of ``read_all_cases`` without reading any picture."""
    total = 0
    for folder in (data, data / "other_heads") if _has_other(data) else (data,):
        truth = read_table(folder, TRUTH, ["item", "subject", "split", "view"]).to_pylist()
        test = [row for row in truth if row["split"] == "test"]
        views = Counter(row["subject"] for row in test)
        total += len(views) + sum(count <= seen for seen in views.values() for count in VIEW_COUNTS)
        found = set(read_table(folder, LANDMARKS, ["item"]).column("item").to_pylist())
        total += len({row["subject"] for row in test if row["view"] and row["item"] in found})
    return total


def read_cases(data: Path) -> list[Case]:
    """All test heads below ``data``: the held-out ones, then those of the other head model.

    With their exact masks and cameras. Raises HeadwaterError when no head is held out.
    """
    other = _cases(data / "other_heads", OTHER) if _has_other(data) else []
    return _cases(data, HELD_OUT) + other


def read_all_cases(data: Path) -> list[Case]:
    """The cases of ``read_cases``, after each the same head as its first image alone shows it."""
    places = {HELD_OUT: data, OTHER: data / "other_heads"}
    asked: list[Case] = []
    for test_set, members in groupby(read_cases(data), key=attrgetter("test_set")):
        given = list(members)
        asked += chain.from_iterable(zip(given, _estimated(places[test_set], given), strict=True))
    return asked


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


def _estimated(data: Path, given: Sequence[Case]) -> list[Case]:
    """Of each case the same head, of whose first view nothing is known but its image."""
    where = pc.field("view") == FRONTAL
    truth = read_table(data, TRUTH, ["item", "subject", "view"], where).to_pylist()
    first = {row["subject"]: row["item"] for row in truth}
    items = [first[case.truth.subject] for case in given]
    annotations = of_photos(data, items)
    rows = {one.row["item"]: row for row, one in enumerate(annotations)}
    reasons = rejections(data, [item for item in items if item not in rows])
    views = read_views(data, annotations) if annotations else None

    def estimated(case: Case, item: str) -> Case:
        if views is None or item not in rows:
            none = case.views.choose(np.zeros(0, np.intp))
            reason = reasons.get(item, UNKNOWN)
            return replace(case, views=none, camera=ESTIMATED, unseen=reason)
        return replace(case, views=views.choose(np.array([rows[item]])), camera=ESTIMATED)

    return [estimated(case, item) for case, item in zip(given, items, strict=True)]


_COLUMNS: Final = ("item", "shape", "expression")


def _truth(model: HeadModel, heads: Heads, index: int, row: Row) -> TruthHead:
    vertices = heads.vertices[index]
    landmarks = model.landmarks_478.on(vertices)
    shape = np.array(row["shape"], np.float32)
    neutral = model.vertices(shape, np.zeros(len(row["expression"]), np.float32))
    strength = expression_strength_mm(landmarks, model.landmarks_478.on(neutral))
    return TruthHead(row["item"], vertices, skin(model), landmarks, strength)
