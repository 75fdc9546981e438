"""Files outside the project: changed in place they make stages stale, missing they end a build."""

import json
import os
import re
from pathlib import Path

import pytest
import torch

from flows.outside import NOTES, read_otherwise, refuse_missing
from headwater.artifacts.manifest import sha256_of_file
from headwater.config import Params, SystemSettings, load_params
from headwater.errors import HeadwaterError
from headwater.heads import source_digest
from headwater.systems import find_system
from headwater.systems.settings import training_inputs

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
    parts = params.parts.model_copy(update={"parser": str(model)})
    return params.model_copy(update={"synthesize": heads, "benchmark": others, "parts": parts})


def note(project: Path, source: str) -> None:
    for name in NOTES.values():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(json.dumps({"source_sha256": source}))


def test_other_bytes_are_stale_and_the_same_are_not(tmp_path: Path, model: Path) -> None:
    params = params_with(model)
    note(tmp_path, source_digest(f"ict:{model}"))
    parser = json.dumps({"source_sha256": sha256_of_file(model)})
    (tmp_path / NOTES["parser"]).write_text(parser)
    assert read_otherwise(tmp_path, params) == set()
    model.write_bytes(b"two")
    assert read_otherwise(tmp_path, params) == {"head_model", "other_heads", "parser"}


def test_other_files_that_settings_of_systems_name_make_their_inputs_stale(tmp_path: Path) -> None:
    weights = tmp_path / "own.pth"
    weights.write_bytes(b"one")
    named = SystemSettings(size="smoke", overrides={"encoder_weights": "own.pth"})
    params = load_params(PROJECT / "params.yaml").model_copy(
        update={"build": {"glvd": "heads", "prdl": "heads"}, "systems": {"prdl": named}}
    )
    for name in params.build:
        path = tmp_path / "data" / "inputs" / name / "train.json"
        path.parent.mkdir(parents=True)
        made = training_inputs(find_system(name, params, tmp_path), params, tmp_path)
        path.write_text(json.dumps(made))
    assert read_otherwise(tmp_path, params) == set()
    before = weights.stat()
    weights.write_bytes(b"two")
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_otherwise(tmp_path, params) == {"inputs@prdl"}
    weights.unlink()
    assert read_otherwise(tmp_path, params) == set()


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


@pytest.mark.parametrize(
    ("group", "key", "value", "stage", "said"),
    [
        ("photos", "folder", "/nowhere", "photos", "photos.folder is '/nowhere', but there is no"),
        ("photos", "folder", "params.yaml", "photos", "photos.folder is 'params.yaml', but there"),
        ("synthesize", "head_model", "ict:/no.npz", "head_model", "synthesize.head_model: ICT-"),
        ("synthesize", "head_model", "annie", "head_model", "synthesize.head_model: Unknown head"),
    ],
)
def test_missing_source_is_refused_before_the_stage_that_reads_it(
    tmp_path: Path, group: str, key: str, value: str, stage: str, said: str
) -> None:
    (tmp_path / "params.yaml").touch()
    params = load_params(PROJECT / "params.yaml")
    refuse_missing(tmp_path, params, {stage})
    changed = getattr(params, group).model_copy(update={key: value})
    params = params.model_copy(update={group: changed})
    refuse_missing(tmp_path, params, {"sdf", "report"})
    with pytest.raises(HeadwaterError, match=re.escape(f"params.yaml: {said}")):
        refuse_missing(tmp_path, params, {"sdf", stage})


@pytest.mark.parametrize("system", ["glvd", "lvd"])
def test_cuda_where_there_is_none_is_refused_before_a_build(tmp_path: Path, system: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    params = load_params(PROJECT / "params.yaml")
    settings = params.system(system).model_copy(update={"device": "cuda"})
    systems = {**params.systems, system: settings}
    params = params.model_copy(update={"systems": systems})
    refuse_missing(tmp_path, params, {"photos", "report"})
    for stage in ("train", "evaluate", "reconstruct"):
        with pytest.raises(HeadwaterError, match=f"params.yaml: systems.{system}.device is 'cuda'"):
            refuse_missing(tmp_path, params, {f"{stage}@{system}"})


def test_more_devices_than_there_are_are_refused_before_a_build(tmp_path: Path) -> None:
    params = load_params(PROJECT / "params.yaml")
    settings = params.system("lvd").model_copy(update={"devices": 1024})
    params = params.model_copy(update={"systems": {**params.systems, "lvd": settings}})
    refuse_missing(tmp_path, params, {"photos", "train@glvd"})
    with pytest.raises(HeadwaterError, match=r"params.yaml: systems.lvd.devices is 1024, but"):
        refuse_missing(tmp_path, params, {"train@lvd"})
