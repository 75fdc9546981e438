"""Claims: what holds is computed, what is written comes back, and strange files are refused."""

import json
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import HeadwaterError
from headwater.evaluation.claims import (
    Claim,
    claims_table,
    file_name,
    measured,
    measured_with,
    read_claims,
    write_claims,
)
from headwater.metrics.intervals import Interval

NUMBERS = st.floats(-100, 100)
SOUND = {
    "name": "a",
    "what": "b",
    "value": 1.0,
    "low": None,
    "high": None,
    "goal": 1.0,
    "sign": "<=",
    "strict": False,
}
ABOUT = {"system": "toy", "size": "smoke", "commit": None}


@pytest.mark.parametrize(
    ("value", "low", "high", "goal", "sign", "strict", "holds"),
    [
        (0.3, 0.2, 0.4, 0.35, "<=", False, True),
        (0.3, 0.2, 0.4, 0.35, "<=", True, False),
        (0.3, 0.2, 0.4, 0.4, "<=", True, True),
        (0.3, 0.2, 0.4, 0.25, "<=", False, False),
        (0.3, 0.2, 0.4, 0.25, ">=", False, True),
        (0.3, 0.2, 0.4, 0.25, ">=", True, False),
        (0.3, 0.2, 0.4, 0.1, ">=", True, True),
        (math.nan, None, None, 1.0, "<=", False, False),
        (0.3, None, None, 1.0, "<=", True, False),
        (0.3, None, None, 1.0, "<=", False, True),
    ],
)
def test_what_holds_follows_from_the_numbers(
    value: float,
    low: float | None,
    high: float | None,
    goal: float,
    sign: str,
    strict: bool,
    holds: bool,
) -> None:
    claim = Claim("a", "b", value, low, high, goal, sign, strict)  # type: ignore[arg-type]
    assert claim.holds is holds


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=4), st.booleans())
def test_claims_come_back_as_they_were_written(
    rows: list[tuple[float, float, float, float]],
    strict: bool,
) -> None:
    claims = [
        measured(
            f"claim {i}", "mm", Interval(value, low, high), ">=", goal, strict=strict, own=not i
        )
        for i, (value, low, high, goal) in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file_name("toy", "smoke")
        write_claims(path, claims, ABOUT)
        assert read_claims(path) == claims
        written = json.loads(path.read_text())["claims"]
    assert [row["holds"] for row in written] == [claim.holds for claim in claims]
    for row in written:
        assert {"name", "what", "value", "low", "high", "goal", "holds"} <= set(row)


def test_what_was_never_measured_is_written_and_does_not_hold(tmp_path: Path) -> None:
    claim = measured("a", "b", Interval(math.nan, math.nan, math.nan), "<=", 1.0)
    path = tmp_path / "claims.json"
    write_claims(path, [claim], ABOUT)
    (back,) = read_claims(path)
    assert math.isnan(back.value)
    assert not back.holds
    assert back.low is None


def test_a_typed_verdict_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    write_claims(path, [measured("a", "b", Interval(2.0, 1.5, 2.5), "<=", 1.0)], ABOUT)
    record = json.loads(path.read_text())
    record["claims"][0]["holds"] = True
    path.write_text(json.dumps(record))
    assert not read_claims(path)[0].holds
    assert "| 2 (1.5 to 2.5) | at most 1 | **no** |" in claims_table(read_claims(path))


def test_goals_of_the_projects_own_are_marked_in_the_table() -> None:
    own, theirs = (
        measured("a", "b", Interval(2.0, 1.5, 2.5), "<=", 1.0, own=own) for own in (True, False)
    )
    assert "| a (own goal): b |" in claims_table([own])
    assert "own goal" not in claims_table([theirs])


def test_what_claims_were_measured_with_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    assert measured_with(path) == ""
    machine = {"processor": "some", "cores": 2}
    about = {"subjects": "all", "commit": "01ab", "device": "cuda", "machine": machine}
    write_claims(path, [], about)
    words = "on all held-out subjects, with commit 01ab, on cuda (some)"
    assert measured_with(path) == words
    path.write_text("no JSON")
    with pytest.raises(HeadwaterError, match="not a file of claims"):
        measured_with(path)


def test_no_file_has_no_claims(tmp_path: Path) -> None:
    assert read_claims(tmp_path / "claims.json") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"claims": [{}]}',
        '{"claims": 3}',
        '{"claims": [3]}',
        json.dumps({"claims": [{**SOUND, "value": "x"}]}),
        json.dumps({"claims": [{**SOUND, "goal": None}]}),
        json.dumps({"claims": [{**SOUND, "sign": "<"}]}),
    ],
)
def test_strange_files_are_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "claims.json"
    path.write_text(text)
    with pytest.raises(HeadwaterError, match="not a file of claims"):
        read_claims(path)
