"""A step's voice: lines for people, events for a flow, counts, and nothing when nobody reads."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import HeadwaterError
from headwater.reject_reasons import PASSING, RejectReason
from tasks import console
from tasks.console import EVENTS, Voice, counts, finished, finished_line, progress, under_flow
from tasks.lifeline import belongs

PROJECT = Path(__file__).resolve().parents[2]
REASONS = st.dictionaries(st.sampled_from([str(one) for one in RejectReason]), st.integers(1, 99))


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> Voice:
    """The process's voice, speaking into memory, outside of any flow."""
    spoken = Voice()
    spoken.out, spoken.error = io.StringIO(), io.StringIO()
    monkeypatch.setattr(console, "VOICE", spoken)
    monkeypatch.delenv(EVENTS, raising=False)
    return spoken


def said(voice: Voice) -> str:
    assert isinstance(voice.out, io.StringIO)
    return voice.out.getvalue()


def test_a_finished_step_is_one_line_for_people(voice: Voice) -> None:
    finished("train@glvd", "100 steps", 12.345)
    assert said(voice) == finished_line("train@glvd", "100 steps", 12.345) + "\n"
    assert said(voice).split() == ["train@glvd", "100", "steps", "12.3", "s"]


def test_lines_of_long_and_short_names_have_the_same_columns() -> None:
    lines = [finished_line(name, "x", 1.0) for name in ("sdf", "reconstruct@colour_net")]
    assert len({line.index(" x ") for line in lines}) == 1
    assert len({len(line) for line in lines}) == 1


def test_under_a_flow_it_is_an_event(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EVENTS, "1")
    assert under_flow()
    finished("train@glvd", "100 steps", 12.3)
    with progress("train", 10) as advance:
        advance(3, "loss 0.5")
        advance()
    assert [json.loads(line) for line in said(voice).splitlines()] == [
        {"finished": "100 steps"},
        {"done": 0, "total": 10, "note": ""},
        {"done": 3, "total": 10, "note": "loss 0.5"},
        {"done": 4, "total": 10, "note": ""},
    ]


def test_without_a_terminal_there_is_no_bar(voice: Voice) -> None:
    with progress("train", 10) as advance:
        advance(10)
    assert said(voice) == ""


def test_on_a_terminal_a_bar_is_drawn_and_taken_away(voice: Voice) -> None:
    voice.out = Terminal()
    with progress("train", 10) as advance:
        advance(4, "four")
    text = said(voice)
    assert "train" in text
    assert "\x1b[" in text


@given(st.integers(0, 10**6), REASONS)
def test_counts_name_every_reason_with_its_number(items: int, rejects: dict[str, int]) -> None:
    text = counts(items, rejects)
    assert text.startswith(f"{items} item")
    assert ("item" + "s" * (items != 1)) in text
    for reason, number in rejects.items():
        assert f"{reason} {number}" in text
    assert (f"{sum(rejects.values())} rejected" in text) == bool(rejects)
    left = sum(number for reason, number in rejects.items() if reason in PASSING)
    assert (f"{left} left for the next" in text) == bool(left)
    assert "\n" not in text


def test_every_line_of_a_complaint_is_marked(voice: Voice) -> None:
    voice.complain("first\nsecond")
    assert isinstance(voice.error, io.StringIO)
    assert voice.error.getvalue() == "error: first\nerror: second\n"
    assert said(voice) == ""


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file in the way")
    with pytest.raises(HeadwaterError) as caught:
        console.redirect(tmp_path / "logs" / "step.log")
    assert str(tmp_path / "logs") in str(caught.value)


SPEAKER = """
import os, sys
from pathlib import Path
from tasks.console import VOICE
VOICE.alone(Path("log"))
print("chatter")
os.write(2, b"more chatter\\n")
try:
    for number in range(100000):
        VOICE.say(f"line {number}")
except KeyboardInterrupt:
    sys.exit(130)
"""


def speak(folder: Path, **more: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (sys.executable, "-c", SPEAKER),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **more,  # type: ignore[call-overload]
    )


def test_when_nobody_reads_any_more_it_ends_quietly_and_chatter_is_in_the_log(
    tmp_path: Path,
) -> None:
    with speak(tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line 0\n"
        process.stdout.close()
        assert process.wait(30) == 130
        assert process.stderr.read() == b""
    assert sorted((tmp_path / "log").read_text().split("\n")) == ["", "chatter", "more chatter"]


# Command lines of a build.


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("make repro", True),
        ("/usr/bin/gmake -j2", True),
        ("dvc repro", True),
        ("/usr/bin/python3 /x/.venv/bin/dvc repro", True),
        ("python -m tasks.train glvd", True),
        ("python -m flows", True),
        ("python -X dev -m dvc status", True),
        ("bash", False),
        ("python -m pytest tests", False),
        ("python", False),
        ("python -m", False),
        ("cat make", True),
        ("vim notes about make", False),
        ("python -m tasksome.thing", False),
        ("", False),
    ],
)
def test_parts_of_a_build_are_known_by_their_command(line: str, own: bool) -> None:
    assert belongs(line.split()) == own
