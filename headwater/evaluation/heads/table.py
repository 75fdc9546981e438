"""Scores of heads, and rows of the benchmark: one row an answer, with all its metrics."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from headwater.evaluation.challenge import Question, Score, Scored, Unanswered
from headwater.evaluation.heads.answer import HeadAnswer, check_answer, prediction
from headwater.evaluation.heads.free_mesh import free_mesh_scores
from headwater.evaluation.heads.parts import part_scores
from headwater.evaluation.scores import read_scores
from headwater.metrics.benchmark import FREE_MESH, BenchmarkRow
from headwater.metrics.face_regions import REGIONS
from headwater.metrics.part_iou import AVERAGE, NAMES
from headwater.metrics.strata import GIVEN
from headwater.metrics.summary import ERRORS, FRONTAL

_CONDITIONS: Final = (
    "camera",
    "views",
    "first_view",
    "yaw_degrees",
    "pitch_degrees",
    "expression_mm",
)

# Conditions of rows that lack them: earlier, masks and cameras were always given.
_UNSAID: Final[dict[str, Any]] = {
    "camera": GIVEN,
    "yaw_degrees": math.nan,
    "pitch_degrees": math.nan,
}

SetRows = dict[str, list[BenchmarkRow]]


def score_answer(question: Question, answer: HeadAnswer) -> Scored:
    """The errors of a head; the row, with the error of every vertex, is the detail.

    Raises Unanswered where it is no surface or cannot be aligned, TypeError or ValueError where it
    is no head of its template.
    """
    check_answer(answer)
    # A baseline's one answer is prepared once, and judged once for all questions about a head.
    memo, truth, digest = answer.memo, question.content.case.truth, answer.digest
    if memo.get("digest") != digest:
        memo.clear()
        memo.update(digest=digest, prediction=prediction(answer.template, answer.vertices))
    if memo.get("truth") is not truth:
        memo.update(truth=truth, row=question.content.score(memo["prediction"], ""))
    row: BenchmarkRow = memo["row"]
    if row.failure is not None:
        raise Unanswered(row.failure)
    beside = {**part_scores(question.content, answer), **free_mesh_scores(question.content, answer)}
    return Scored({**_known_values(row), **beside}, row)


def rows_of(scores: Iterable[Score]) -> SetRows:
    """Rows by test set; without their heat maps."""
    answers: dict[tuple[Any, ...], list[Score]] = {}
    for score in scores:
        key = (score.test_set, score.system, score.size, score.subject, score.question)
        answers.setdefault(key, []).append(score)
    rows: SetRows = {}
    for (test_set, *_), members in answers.items():
        rows.setdefault(test_set, []).append(_row(members))
    return rows


def read_rows(folder: Path) -> SetRows:
    """The rows of ``folder`` by test set; without their heat maps."""
    return rows_of(score for score in read_scores(folder) if score.challenge == "heads")


def of_system(
    rows: Iterable[BenchmarkRow], system: str, views: int, camera: str = GIVEN
) -> list[BenchmarkRow]:
    """The rows of one system from ``views`` views, the first of them from the front.

    camera: GIVEN or ESTIMATED.
    """
    asked = (system, views, FRONTAL, camera)
    return [row for row in rows if (row.system, row.views, row.first_view, row.camera) == asked]


def _known_values(row: BenchmarkRow) -> dict[str, float]:
    """Metrics of a row by name, without those that are not known: a region that nobody saw, say."""
    plain = {name: float(getattr(row, name)) for name in ERRORS}
    regions = {f"{name}_mm": row.regions_mm.get(name, math.nan) for name in REGIONS}
    known = {**plain, **regions, **row.parts_iou, **row.free_mesh}
    return {name: value for name, value in known.items() if math.isfinite(value)}


def _row(scores: list[Score]) -> BenchmarkRow:
    first = scores[0]
    known: dict[str, Any] = {one.metric: one.value for one in scores if one.value is not None}
    errors: dict[str, Any] = {name: known[name] for name in ERRORS if name in known}
    regions = {name: known[f"{name}_mm"] for name in REGIONS if f"{name}_mm" in known}
    parts = {name: known[name] for name in (AVERAGE, *NAMES) if name in known}
    return BenchmarkRow(
        first.subject,
        first.system,
        failure=first.failure,
        size=first.size,
        regions_mm=regions,
        parts_iou=parts,
        free_mesh={name: known[name] for name in FREE_MESH if name in known},
        **{name: first.conditions.get(name, _UNSAID.get(name)) for name in _CONDITIONS},
        **errors,
    )
