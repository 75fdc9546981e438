"""The process of an experiment's trial ends with the run that is cancelled."""

import os
import time
from pathlib import Path

import psutil
import pytest

from flows.experiment import _run
from flows.trial import Trial

# In place of the revision's own, whose first line it says.
REVISION = """
import os, time
print(f"pid {os.getpid()}", flush=True)
time.sleep(600)
"""


class Cancelled(BaseException):
    """As Prefect raises for a run that is cancelled."""


@pytest.mark.fault("a build that is stopped ends at once and quietly")
def test_a_cancelled_run_does_not_wait_for_its_trial(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").touch()
    (tmp_path / "flows" / "trial.py").write_text(REVISION)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        raise Cancelled

    trial = Trial(systems=["glvd"], sizes={}, overrides={}, device="cpu")
    started = time.monotonic()
    with pytest.raises(Cancelled):
        _run(tmp_path, trial, say)
    assert time.monotonic() - started < 60
    [line] = said
    assert line.startswith("pid ")
    number = int(line.removeprefix("pid "))
    assert number != os.getpid()
    assert not psutil.pid_exists(number)
