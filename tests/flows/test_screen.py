"""A build that no terminal shows is never silent for long, and never chatty."""

import io
import logging
import time

import pytest

from flows import screen as screens
from flows.left import unheld
from flows.screen import Screen, event_to_progress
from tasks import console
from tasks.console import VOICE


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Lines said where no terminal is."""
    text = io.StringIO()
    monkeypatch.setattr(VOICE, "out", text)
    return text


def test_silence_is_broken_by_a_line_on_the_running_stages(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "SILENT_SECONDS", 0.3)
    screen = Screen(logging.getLogger("test"))
    with screen.live():
        screen.start("synthesize")
        screen.start("train@glvd")
        screen.progress("synthesize", 3, 16, "buckets")
        event_to_progress(screen, "train@glvd", {"done": 40, "total": 1200, "note": "loss 0.5"})
        time.sleep(1.0)
        screen.finish("synthesize", "256 items")
        screen.finish("train@glvd", "1200 steps")
    time.sleep(0.5)
    *standing, first, second = out.getvalue().splitlines()
    assert 1 <= len(standing) <= 3
    assert standing[0].startswith("running: synthesize 3/16 buckets (0 s), train@glvd 40/1200 loss")
    assert first.startswith("synthesize")
    assert second.startswith("train@glvd")


def test_lines_of_stages_are_enough_where_they_come_often(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "SILENT_SECONDS", 5.0)
    screen = Screen(logging.getLogger("test"))
    with screen.live():
        for number in range(5):
            screen.start(f"stage{number}")
            time.sleep(0.05)
            screen.finish(f"stage{number}", "done")
    assert len(out.getvalue().splitlines()) == 5


def test_a_step_alone_says_how_far_it_is_once_a_minute(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(console.EVENTS, raising=False)
    now = 0.0
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    with console.progress("train glvd", 600) as advance:
        for _ in range(600):
            now += 1.0
            advance(note="loss 0.5")
    lines = out.getvalue().splitlines()
    assert lines[0] == "train glvd             60/600 loss 0.5"
    assert len(lines) == 9


@pytest.mark.parametrize(
    ("stage", "message", "said"),
    [
        ("squares", "squares: no luck", "squares: no luck"),
        ("train@toy", "train@toy: unexpected KeyError: 3", "train@toy: unexpected KeyError: 3"),
        ("baselines", "data/heads: no head", "baselines: data/heads: no head"),
        ("train@toy", "toy: one\ntoy: two", "train@toy: toy: one\nerror: train@toy: toy: two"),
    ],
)
def test_a_failure_names_its_stage_once(
    monkeypatch: pytest.MonkeyPatch, stage: str, message: str, said: str
) -> None:
    errors = io.StringIO()
    monkeypatch.setattr(VOICE, "error", errors)
    screen = Screen(logging.getLogger("test"))
    screen.start(stage)
    screen.fail(stage, message)
    assert errors.getvalue() == f"error: {said}\n"


def test_stages_that_do_not_hold_are_named_and_an_older_report_is_called_so() -> None:
    failed, waiting = ["train@lvd", "sdf"], ["evaluate@lvd", "report"]
    assert unheld(failed, waiting, 29, reported=True) == (
        "4 of 29 stages do not hold: train@lvd, sdf failed; evaluate@lvd, report wait for that, so "
        "data/report/index.html is still that of an earlier build"
    )
    assert unheld(failed, waiting, 29, reported=False).endswith(
        "evaluate@lvd, report wait for that"
    )
    assert unheld(["report"], [], 29, reported=True) == (
        "1 of 29 stages does not hold: report failed, so data/report/index.html is still that of "
        "an earlier build"
    )
