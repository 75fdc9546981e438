"""A build that no terminal shows is never silent for long, and never chatty."""

import io
import logging
import time

import pytest

from flows import screen as screens
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
    assert lines[0] == "train glvd     60/600 loss 0.5"
    assert len(lines) == 9
