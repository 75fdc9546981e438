"""A head model's files that change in place make the stages stale that read them."""

import json
from pathlib import Path

import pytest

from flows.outside import NOTES, read_otherwise
from headwater.config import Params, load_params
from headwater.heads import source_digest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file of a head model; only its bytes count here."""
    path = tmp_path / "model.npz"
    path.write_bytes(b"one")
    return path


def params_with(model: Path) -> Params:
    params = load_params(PROJECT / "params.yaml")
    heads = params.synthesize.model_copy(update={"head_model": f"ict:{model}"})
    others = params.benchmark.model_copy(update={"other_head_model": f"ict:{model}"})
    return params.model_copy(update={"synthesize": heads, "benchmark": others})


def note(project: Path, source: str) -> None:
    for name in NOTES.values():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(json.dumps({"source_sha256": source}))


def test_other_bytes_are_stale_and_the_same_are_not(tmp_path: Path, model: Path) -> None:
    params = params_with(model)
    note(tmp_path, source_digest(f"ict:{model}"))
    assert read_otherwise(tmp_path, params) == set()
    model.write_bytes(b"two")
    assert read_otherwise(tmp_path, params) == {"head_model", "other_heads"}


def test_a_file_that_is_gone_and_a_stage_that_never_ran_are_not_stale(
    tmp_path: Path, model: Path
) -> None:
    params = params_with(model)
    assert read_otherwise(tmp_path, params) == set()
    note(tmp_path, "0" * 64)
    model.unlink()
    assert read_otherwise(tmp_path, params) == set()


def test_packaged_head_model_has_no_files_outside(tmp_path: Path) -> None:
    note(tmp_path, "")
    assert read_otherwise(tmp_path, load_params(PROJECT / "params.yaml")) == set()
