"""Progress of a training, and its refusal of code that was edited before the first record."""

import time
from pathlib import Path

import pytest

from headwater.artifacts import modules
from headwater.errors import HeadwaterError
from tasks.training_progress import training_progress
from tests.tasks.test_console import Voice, said, voice

__all__ = ["voice"]

STEPS = 40
NOTE = "loss {loss:.1f}".format_map


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of code that was counted before the training began."""
    path = tmp_path / "method.py"
    path.write_text("RATE = 1")
    monkeypatch.setattr(modules, "STARTED_NS", time.time_ns())
    monkeypatch.setattr(modules, "COUNTED", {path})
    return path


def edit(path: Path) -> None:
    time.sleep(0.01)
    path.write_text("RATE = 2")


def test_steps_are_counted_from_the_last_record(
    voice: Voice, counted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_EVENTS", "1")
    with training_progress("toy", STEPS, NOTE) as show:
        for step in (10, 15, STEPS):
            show(step, STEPS, {"loss": 100 / step})
    assert [line.count('"total": 40') for line in said(voice).splitlines()] == [1] * 4
    done = [line.partition(",")[0] for line in said(voice).splitlines()]
    assert done == [f'{{"done": {step}' for step in (0, 10, 15, STEPS)]
    assert '"note": "loss 2.5"' in said(voice).splitlines()[-1]


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("records", [0, 1])
def test_code_edited_before_the_first_record_fails_it(
    voice: Voice, counted: Path, records: int
) -> None:
    def train() -> None:
        with training_progress("toy", STEPS, NOTE) as show:
            edit(counted)
            for _ in range(records):
                show(10, STEPS, {"loss": 1.0})

    with pytest.raises(HeadwaterError, match=r"method\.py: was edited while it was in use"):
        train()


def test_code_edited_after_the_first_record_does_not_concern_it(
    voice: Voice, counted: Path
) -> None:
    with training_progress("toy", STEPS, NOTE) as show:
        show(10, STEPS, {"loss": 1.0})
        edit(counted)
        show(STEPS, STEPS, {"loss": 1.0})
    assert said(voice) == ""
