"""Questions of a build about images alone, and its tables with rows changed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.schemas import TRUTH
from headwater.artifacts.tables import (
    Row,
    read_bucket,
    read_table,
    table_files,
    to_table,
    write_bucket,
)
from headwater.evaluation.challenge import Question
from headwater.evaluation.heads.trials import count_trials, questions, read_all_cases
from headwater.metrics.strata import ESTIMATED


def estimated_questions(data: Path) -> dict[str, Question]:
    """The questions about one image alone, from the front, by subject."""
    asked = list(questions(read_all_cases(data)))
    assert len(asked) == count_trials(data)
    return {
        one.subject: one
        for one in asked
        if one.conditions["camera"] == ESTIMATED and one.content.frontal
    }


def first_views(data: Path) -> dict[str, str]:
    """Items of the views that these show, by subject."""
    rows = read_table(data, TRUTH, ["item", "subject", "view"]).to_pylist()
    return {row["subject"]: row["item"] for row in rows if row["view"] == 0}


def rewrite(data: Path, schema: TableSchema, change: Callable[[Row], Row]) -> None:
    """Change all rows of a table below ``data``."""
    for path in table_files(data, schema):
        rows = [change(row) for row in read_bucket(path, schema).to_pylist()]
        write_bucket(path, schema, to_table(schema, rows), "")


def untrue(row: Row) -> Row:
    """A row of truth with another mask, camera and landmarks."""
    mask = decode_png(row["mask"])[::-1] == 0
    return {
        **row,
        "mask": encode_png(mask, f"{row['item']}-mask"),
        "rotation": np.roll(np.array(row["rotation"]).reshape(3, 3), 1, axis=1).ravel().tolist(),
        "translation": [2 * one for one in row["translation"]],
        "landmarks_478_px": [one + 9.0 for one in row["landmarks_478_px"]],
        "landmarks_68_px": [one + 9.0 for one in row["landmarks_68_px"]],
    }
