"""Two small steps: numbers, and their doubles."""

from dataclasses import replace
from pathlib import Path

import pytest
from number_steps import Pipeline

from headwater.config import load_params
from headwater.pipeline.step import Step

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """Forty numbers in eight buckets."""
    params = load_params(PROJECT / "params.yaml").model_copy(update={"buckets": 8})
    return Pipeline(tmp_path, params, list(range(40)))


def next_version(step: Step) -> Step:
    """The step with its version raised."""
    return replace(step, version=step.version + 1)
