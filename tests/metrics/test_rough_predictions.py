"""Whatever a network predicts is judged within bounds of memory and time, or is a failure."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.metrics.benchmark import NOT_CONVERGED
from tests.metrics.scoring_process import KINDS

PROJECT = Path(__file__).resolve().parents[2]
MOST_MB = 600  # of which the packages take 100
MOST_SECONDS = 30  # of a busy core; the smooth head takes a fifth of one
FAILED = {"a point"}
# The face fits a plane by so much: nearer surfaces of such a size are none.
FLAT_MM = {"a kilometre wide": 10.76, "a kilometre of noise": 10.76}


@pytest.mark.fault("any prediction is judged within a bound on memory and time")
@pytest.mark.parametrize("kind", KINDS)
def test_any_prediction_is_judged_within_bounds(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.metrics.scoring_process", kind],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    used = json.loads(done.stdout)
    assert used["peak_mb"] < MOST_MB
    assert used["seconds"] < MOST_SECONDS
    assert used["failure"] == (NOT_CONVERGED if kind in FAILED else None)
    assert math.isnan(used["face_mm"]) == (kind in FAILED)
    if kind in FLAT_MM:
        assert used["face_mm"] == pytest.approx(FLAT_MM[kind], abs=0.01)
