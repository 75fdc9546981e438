"""Rows of the benchmark written as the scores of a stage."""

import math
from pathlib import Path

from headwater.evaluation.challenge import Judged, Question
from headwater.evaluation.heads import CHALLENGE
from headwater.evaluation.heads.table import _CONDITIONS, SetRows, _known_values
from headwater.evaluation.heads.trials import key_of
from headwater.evaluation.scores import scores_of, write_scores
from headwater.metrics.benchmark import BenchmarkRow


def write_rows(folder: Path, rows: SetRows) -> None:
    """Write rows by test set as scores into a folder."""
    judged = [_judged(test_set, row) for test_set, members in rows.items() for row in members]
    write_scores(folder, scores_of(CHALLENGE, judged))


def _judged(test_set: str, row: BenchmarkRow) -> Judged:
    conditions = {
        name: value
        for name, value in vars(row).items()
        if name in _CONDITIONS and not (isinstance(value, float) and math.isnan(value))
    }
    key = key_of(row.views, row.first_view, row.camera)
    question = Question(test_set, row.subject, key, conditions, None)
    return Judged(question, row.system, row.size, _known_values(row), row.failure)
