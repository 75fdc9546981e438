"""Goals, JSON and the Markdown page."""

import json
from pathlib import Path

from benchmarks.machine import describe, processor
from benchmarks.outcome import Figure, Outcome, markdown
from benchmarks.timing import Spread

FAST = Figure("ours to theirs", "times", Spread((0.9, 0.8, 1.0)), 0.85)
SLOW = Figure("build", "s", Spread((7.0, 4.0, 6.0)), 5.0, at_most=True)
FREE = Figure("samples", "per second", Spread((123456.0,)))


def test_goals_are_floors_or_ceilings_of_the_median() -> None:
    assert FAST.reached is True
    assert SLOW.reached is False
    assert FREE.reached is None


def test_page_says_what_was_missed() -> None:
    outcome = Outcome("photos", (FAST, SLOW, FREE), {"photos": "48 JPEG"})
    page = markdown([outcome], {"processor": "A", "cores": 2})
    assert "| photos | ours to theirs | **0.9** times (0.8 to 1) | ≥ 0.85 | yes |" in page
    assert "| photos | build | **6** s (4 to 7) | ≤ 5 | **no** |" in page
    assert "| photos | samples | **123456** per second (123000 to 123000) |  |  |" not in page
    assert "| photos | samples | **123000** per second (123000 to 123000) |  |  |" in page
    assert "- photos: 48 JPEG" in page
    assert "- cores: 2" in page


def test_json_holds_everything() -> None:
    outcome = Outcome("photos", (FAST, FREE), {"photos": "48 JPEG"})
    loaded = json.loads(json.dumps(outcome.as_json()))
    assert loaded["figures"]["ours to theirs"]["reached"] is True
    assert loaded["figures"]["ours to theirs"]["goal"] == 0.85
    assert "goal" not in loaded["figures"]["samples"]


def test_machine_is_described_without_names_or_paths() -> None:
    assert processor("x: 1\nmodel name\t: Some CPU 3000\nmodel name\t: Other\n") == "Some CPU 3000"
    assert processor("")
    text = json.dumps(describe())
    assert "/" not in text.replace(" @ ", "")
    assert str(Path.cwd()) not in text
