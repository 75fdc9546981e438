"""The rows that trainings and baselines depend on."""

import json
from pathlib import Path

from headwater.config import load_params
from headwater.evaluation.heads import CHALLENGE
from headwater.systems import SYSTEMS
from headwater.systems.settings import training_inputs
from tasks.inputs import baseline_inputs, inputs

PROJECT = Path(__file__).resolve().parents[2]


def rows(split: str) -> dict[str, str]:
    groups = {f"synthetic/{name}": name for name in ("train", "validation", "test")}
    return groups | {f"synthetic/{split}": "other"}


def project(folder: Path, changed: str) -> Path:
    """A project whose tables' rows of one split are others."""
    names = {schema.name for schema in (*CHALLENGE.learns, *CHALLENGE.reads)}
    contents = {
        "head_model": "model",
        "rows": {name: rows(changed) for name in names},
        "other": {},
    }
    path = folder / changed / "data" / "contents" / "tables.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(contents))
    return folder / changed


def test_weights_depend_on_heads_that_they_are_selected_by_and_baselines_do_not(
    tmp_path: Path,
) -> None:
    params = load_params(PROJECT / "params.yaml")
    folders = [project(tmp_path, split) for split in ("none", "train", "validation", "test")]
    none, train, validation, test = (inputs("train", "lvd", params, one) for one in folders)
    assert none not in (train, validation)
    assert test == none
    none, train, validation, test = (baseline_inputs(CHALLENGE, one) for one in folders)
    assert none not in (train, test)
    assert validation == none


def test_weights_depend_on_the_devices_that_share_their_batches() -> None:
    params = load_params(PROJECT / "params.yaml")
    before = training_inputs(SYSTEMS["lvd"], params, PROJECT)
    for change in ({"devices": 2}, {"precision": "bf16"}, {"device": "cuda"}):
        lvd = params.systems["lvd"].model_copy(update=change)
        changed = params.model_copy(update={"systems": {**params.systems, "lvd": lvd}})
        assert training_inputs(SYSTEMS["lvd"], changed, PROJECT) != before
