"""Trials of every system: held-out heads, in one, three and six views where they have them.

Each of these begins with the head's first view, from the front. Two more show the head in one view
from the side and in one from anywhere, for the error by head pose. In these, masks and cameras are
given: they are exact. Each question about one view is put once more with both estimated from its
image alone, by the pipeline's steps, as ``headwater reconstruct`` does with a user's photo, and one
more about all of these images together, as ``headwater reconstruct --views`` takes them.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc

from headwater.artifacts.schemas import HEADS, LANDMARKS, TRUTH
from headwater.artifacts.tables import Row, read_table
from headwater.data.rejections import UNKNOWN, rejections
from headwater.data.scenes import FloatArray, Heads, Template, Views
from headwater.data.tables import read_heads, read_model, template_of
from headwater.data.views import of_photos, of_rendered, read_views
from headwater.evaluation.challenge import Question
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import Camera
from headwater.heads.model import HeadModel, Surface
from headwater.metrics.benchmark import BenchmarkRow, Prediction, TruthHead, score
from headwater.metrics.strata import (
    ESTIMATED,
    GIVEN,
    expression_strength_mm,
    pitch_degrees,
    yaw_degrees,
)
from headwater.metrics.summary import FRONTAL

HELD_OUT: Final = "held_out"
OTHER: Final = "other"
VIEW_COUNTS: Final = (1, 3, 6)


@dataclass(frozen=True)
class Case:
    """One head of a test set, with views of it, by number.

    camera: GIVEN, of all of its views, or ESTIMATED, of ``images`` single images of which the views
    are those that show a face, number ``first_view`` of the head the first. kinds: of the views,
    "frontal" and others. pose: yaw and pitch, degrees, of the first estimated view by its true
    camera. unseen: why there is nothing estimated; there is no view then. template: of the true
    head; exact: the true camera of the first estimated view; None where they are not known.
    """

    test_set: str
    truth: TruthHead
    views: Views
    kinds: tuple[str, ...]
    camera: str = GIVEN
    first_view: int = FRONTAL
    pose: tuple[float, float] = (math.nan, math.nan)
    unseen: str | None = None
    template: Template | None = None
    exact: Camera | None = None
    images: int = 1


@dataclass(frozen=True)
class Trial:
    """One question to a system: the head in these views, ``first_view`` of the case the first."""

    case: Case
    views: Views
    first_view: int = FRONTAL

    @property
    def yaw_degrees(self) -> float:
        """Turn of the head in the first view, by its true camera."""
        return self.pose[0]

    @property
    def pitch_degrees(self) -> float:
        """Angle by which the true camera of the first view stands above the head."""
        return self.pose[1]

    @property
    def pose(self) -> tuple[float, float]:
        """Yaw and pitch, degrees, of the first view."""
        return self.case.pose if self.case.camera == ESTIMATED else _pose(self.views.R[0])

    @property
    def true_camera(self) -> Camera | None:
        """The camera that took the first view, in its px; None where nobody knows it."""
        return self.case.exact if self.case.camera == ESTIMATED else self.views.camera(0)

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
        return self.case.images if self.case.camera == ESTIMATED else len(self.views)

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
            pitch_degrees=self.pitch_degrees,
            size=size,
        )


def trials(cases: Sequence[Case]) -> Iterator[Trial]:
    """All questions of the cases, in order."""
    for case in cases:
        if case.camera == ESTIMATED:
            yield Trial(case, case.views, case.first_view)
            continue
        for count in VIEW_COUNTS:
            if count <= len(case.views):
                yield Trial(case, case.views.choose(np.arange(count)))
        for row in _other_views(case):
            yield Trial(case, case.views.choose(np.array([row])), row)


def questions(cases: Sequence[Case]) -> Iterator[Question]:
    """All questions about the cases, in order."""
    for trial in trials(cases):
        case = trial.case
        yield Question(
            case.test_set,
            case.truth.subject,
            key_of(trial.count, trial.first_view, case.camera),
            {
                "camera": case.camera,
                "views": trial.count,
                "first_view": trial.first_view,
                **_known(yaw_degrees=trial.yaw_degrees, pitch_degrees=trial.pitch_degrees),
                "expression_mm": case.truth.expression_mm,
            },
            trial,
            looked_at=case.test_set == HELD_OUT and case.camera == GIVEN and trial.frontal,
            unanswerable=case.unseen,
        )


def _known(**conditions: float) -> dict[str, float]:
    return {name: value for name, value in conditions.items() if not math.isnan(value)}


def key_of(views: int, first_view: int, camera: str) -> str:
    """The name of a question among those about a head."""
    key = f"{views} views from {first_view}"
    return key if camera == GIVEN else f"{key}, camera {camera}"


def count_trials(data: Path) -> int:
    """Count the trials of ``read_all_cases`` without reading any picture."""
    total = 0
    for folder in (data, data / "other_heads") if _has_other(data) else (data,):
        truth = read_table(folder, TRUTH, _VIEW_COLUMNS, pc.field("split") == "test").to_pylist()
        views = Counter(row["subject"] for row in truth)
        total += len(views) + sum(count <= seen for seen in views.values() for count in VIEW_COUNTS)
        found = set(read_table(folder, LANDMARKS, ["item"]).column("item").to_pylist())
        later = (row for row in truth if row["view"] != FRONTAL and row["item"] in found)
        kinds = {(row["subject"], row["view_kind"]) for row in later}
        # Each with the camera given, once more with an estimated one, and all images together.
        total += 2 * len(kinds) + len({subject for subject, _ in kinds})
    return total


def read_cases(data: Path) -> list[Case]:
    """All test heads below ``data``: the held-out ones, then those of the other head model.

    With their exact masks and cameras. Raises HeadwaterError when no head is held out.
    """
    other = _cases(data / "other_heads", OTHER) if _has_other(data) else []
    return _cases(data, HELD_OUT) + other


def held_out_cases(data: Path, heads: int | None = None) -> list[Case]:
    """The first ``heads`` of the held-out heads below ``data``, or all, as ``read_cases``."""
    return _cases(data, HELD_OUT)[:heads]


def read_all_cases(data: Path) -> list[Case]:
    """The cases of ``read_cases``, after each the same head as single images of it alone show it.

    These are of the views that are asked about one at a time, and then of all of them together.
    """
    places = {HELD_OUT: data, OTHER: data / "other_heads"}
    asked: list[Case] = []
    for test_set, members in groupby(read_cases(data), key=attrgetter("test_set")):
        given = list(members)
        for case, estimated in zip(given, _estimated(places[test_set], given), strict=True):
            asked += [case, *estimated]
    return asked


def skin(model: HeadModel) -> np.ndarray:
    """Faces (f, 3) that a scan would see."""
    return np.asarray(model.faces[model.surface == Surface.SKIN])


def _other_views(case: Case) -> list[int]:
    """The first view with a detected face of each kind but the frontal one."""
    found = np.isfinite(case.views.landmarks_478_px).any(axis=(1, 2))
    first: dict[str, int] = {}
    for row, kind in enumerate(case.kinds):
        if row != FRONTAL and found[row]:
            first.setdefault(kind, row)
    return list(first.values())


def _pose(rotation: FloatArray) -> tuple[float, float]:
    return yaw_degrees(rotation), pitch_degrees(rotation)


def _has_other(data: Path) -> bool:
    note = json.loads((data / "other_heads" / "set.json").read_text(encoding="utf-8"))
    return note["head_model"] is not None


def _cases(data: Path, test_set: str) -> list[Case]:
    model = read_model(data)
    heads = read_heads(data, ("test",))
    views = read_views(data, of_rendered(data, heads))
    rows = {row["item"]: row for row in read_table(data, HEADS, _COLUMNS).to_pylist()}
    shown = _numbered_views(data)
    return [
        Case(
            test_set,
            _truth(model, heads, index, rows[subject]),
            views.choose(np.flatnonzero(views.head == index)),
            tuple(row["view_kind"] for row in shown[subject]),
            template=template_of(model),
        )
        for index, subject in enumerate(heads.subjects)
        if (views.head == index).any()
    ]


def _numbered_views(data: Path) -> dict[str, list[Row]]:
    """Views of every held-out head, in the order of their numbers."""
    truth = read_table(data, TRUTH, _VIEW_COLUMNS, pc.field("split") == "test").to_pylist()
    truth.sort(key=itemgetter("subject", "view"))
    return {head: list(views) for head, views in groupby(truth, key=itemgetter("subject"))}


def _estimated(data: Path, given: Sequence[Case]) -> list[list[Case]]:
    """Cases of the same heads with estimated cameras: of each image alone, then of all of them."""
    shown = _numbered_views(data)
    singles = [[FRONTAL, *_other_views(case)] for case in given]
    items = [
        shown[case.truth.subject][row]["item"]
        for case, rows in zip(given, singles, strict=True)
        for row in rows
    ]
    annotations = of_photos(data, items)
    place = {one.row["item"]: row for row, one in enumerate(annotations)}
    reasons = rejections(data, [item for item in items if item not in place])
    views = read_views(data, annotations) if annotations else None

    def of_images(case: Case, numbers: Sequence[int]) -> Case:
        """The head as its images with these numbers show it."""
        asked = [shown[case.truth.subject][number]["item"] for number in numbers]
        seen = [number for number, item in zip(numbers, asked, strict=True) if item in place]
        first = seen[0] if seen else numbers[0]
        rows = np.array([place[item] for item in asked if item in place], np.intp)
        return replace(
            case,
            views=(case.views if views is None else views).choose(rows),
            kinds=tuple(case.kinds[number] for number in seen),
            camera=ESTIMATED,
            first_view=numbers[0],
            pose=_pose(case.views.R[first]),
            unseen=None if seen else reasons.get(asked[0], UNKNOWN),
            exact=case.views.camera(first),
            images=len(numbers),
        )

    return [
        [of_images(case, [row]) for row in rows] + [of_images(case, rows)] * (len(rows) > 1)
        for case, rows in zip(given, singles, strict=True)
    ]


_COLUMNS: Final = ("item", "shape", "expression")
_VIEW_COLUMNS: Final = ("item", "subject", "split", "view", "view_kind")


def _truth(model: HeadModel, heads: Heads, index: int, row: Row) -> TruthHead:
    vertices = heads.vertices[index]
    landmarks = model.landmarks_478.on(vertices)
    shape = np.array(row["shape"], np.float32)
    neutral = model.vertices(shape, np.zeros(len(row["expression"]), np.float32))
    strength = expression_strength_mm(landmarks, model.landmarks_478.on(neutral))
    return TruthHead(row["item"], vertices, skin(model), landmarks, strength)
