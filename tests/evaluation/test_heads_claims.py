"""Claims about heads: errors under conditions by hand, and systems compared by their scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headwater.evaluation.challenge import Score
from headwater.evaluation.heads.claims import ErrorTable, scan_to_mesh_claims
from headwater.evaluation.heads.trials import HELD_OUT
from headwater.evaluation.scores import write_scores
from headwater.metrics.summary import HEADLINE

CONDITIONS = {"views": 1, "first_view": 0}


def test_conditions_are_compared_on_the_heads_that_have_both() -> None:
    rows = [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 2.5}, {"a": 100.0}]
    table = ErrorTable(rows, seed=0)
    ours, theirs = table.columns("a", "b")
    np.testing.assert_array_equal(ours, [1.0, 3.0])
    np.testing.assert_array_equal(theirs, [2.0, 2.5])
    assert table.difference("a", "b").value == pytest.approx(-0.25)
    assert table.ratio("a", "b").value == pytest.approx(4.0 / 4.5)
    assert np.isnan(table.ratio("a", "none").value)


def test_other_systems_are_compared_on_the_subjects_of_both(tmp_path: Path) -> None:
    base = Score(
        "heads", "glvd", "small", HELD_OUT, "a", "1 views from 0", CONDITIONS, HEADLINE, 1.0, None
    )
    ours = [replace(base, subject=one, value=1.0 + 0.1 * i) for i, one in enumerate("abcd")]
    ours.append(replace(base, subject="side", conditions={"views": 1, "first_view": 2}))
    ours.append(replace(base, subject="failed", value=None, failure="no face"))
    theirs = [
        replace(one, system="mean_head", size=None, value=one.value + 0.5)
        for one in ours[:3]
        if one.value is not None
    ]
    write_scores(tmp_path / "evaluate" / "glvd", ours)
    write_scores(tmp_path / "evaluate" / "baselines" / "heads", theirs)
    (claim,) = scan_to_mesh_claims(tmp_path, "glvd", seed=0)
    assert claim.name == "better than mean_head"
    assert claim.value == pytest.approx(-0.5)
    assert claim.holds
