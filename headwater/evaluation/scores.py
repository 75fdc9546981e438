"""The one long table of scores: every metric of every answer to every challenge, and back."""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from headwater.artifacts.evaluate_schemas import SCORES
from headwater.artifacts.ids import canonical_json, item_id
from headwater.artifacts.tables import Row, read_bucket, to_table, write_bucket
from headwater.evaluation.challenge import Challenge, Judged, Score

FILE: Final = "scores.parquet"
BASELINES: Final = "baselines"


def scores_of(challenge: Challenge, judged: Iterable[Judged]) -> Iterator[Score]:
    """A score for every metric of the challenge, also where its value is not known."""
    for one in judged:
        question = one.question
        for metric in challenge.metrics:
            yield Score(
                challenge.name,
                one.system,
                one.size,
                question.test_set,
                question.subject,
                question.key,
                question.conditions,
                metric.name,
                one.values.get(metric.name),
                one.failure,
            )


def write_scores(folder: Path, scores: Iterable[Score]) -> None:
    """Write the table into ``folder``."""
    rows = [_row(score) for score in scores]
    write_bucket(folder / FILE, SCORES, to_table(SCORES, rows), "")


def read_scores(folder: Path) -> list[Score]:
    """The scores in ``folder``; none where it has no such table. Raises DamagedTable."""
    path = folder / FILE
    if not path.exists():
        return []
    return [_score(row) for row in read_bucket(path, SCORES).to_pylist()]


def score_folders(data: Path, systems: Collection[str] | None = None) -> list[Path]:
    """Folders below ``data`` that hold scores: of the baselines, then of systems by name.

    systems: those of a build, where others of earlier builds may lie beside them.
    """
    evaluated = data / "evaluate"
    folders = sorted(path.parent for path in evaluated.rglob(FILE))
    baselines = [one for one in folders if one.is_relative_to(evaluated / BASELINES)]
    others = [one for one in folders if one not in baselines]
    return [*baselines, *(one for one in others if systems is None or one.name in systems)]


def read_all(data: Path, systems: Collection[str] | None = None) -> list[Score]:
    """Every score in ``score_folders``."""
    return [score for folder in score_folders(data, systems) for score in read_scores(folder)]


def _row(score: Score) -> Row:
    identity = (score.challenge, score.system, score.size, score.test_set, score.subject)
    return {
        **vars(score),
        "item": item_id("score", *identity, score.question, score.metric),
        "conditions": canonical_json(dict(score.conditions)),
    }


def _score(row: Row) -> Score:
    fields = {name: value for name, value in row.items() if name != "item"}
    return Score(**{**fields, "conditions": json.loads(row["conditions"])})
