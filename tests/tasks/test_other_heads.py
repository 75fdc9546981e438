"""The test set from another head model: none by default, else the build's own tables of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from headwater.artifacts.cameras import camera_of, frame_from_photo_of
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.schemas import (
    CAMERAS,
    FRAMES,
    HEADS,
    LANDMARKS,
    MASKS,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.artifacts.tables import read_table
from headwater.config import Benchmark, load_params
from headwater.errors import HeadwaterError
from headwater.faces.photo_path import frame_camera
from headwater.faces.vocabulary import ibug68
from headwater.heads import ADAPTERS, load_head_model, store
from headwater.heads.landmark_files import with_landmarks
from headwater.upkeep.verify import verify
from tasks.head_model import FILE
from tasks.other_heads import INNER, inner_params

PROJECT = Path(__file__).resolve().parents[2]


def project(folder: Path, **benchmark: Any) -> Path:
    """A folder with parameters in which the step can run."""
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    content["benchmark"] |= benchmark
    content["synthesize"]["image_px"] = 192
    content["ingest"]["frame_px"] = 192
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tasks.other_heads"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_another_head_model_the_set_is_empty_and_says_so(tmp_path: Path) -> None:
    done = run(project(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "none" in done.stdout + done.stderr
    note = json.loads((tmp_path / "data/other_heads/set.json").read_text())
    assert note == {"head_model": None, "source_sha256": "", "subjects": 0, "views": 0}
    assert verify(tmp_path / "data").problems == ()
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_set_that_is_no_longer_wanted_goes(tmp_path: Path) -> None:
    left = tmp_path / "data/other_heads/synthesize/heads/bucket-001.parquet"
    left.parent.mkdir(parents=True)
    left.touch()
    assert run(project(tmp_path)).returncode == 0
    assert not left.exists()


def test_a_missing_file_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = run(project(tmp_path, other_head_model="ict:nowhere/ict.npz"))
    assert done.returncode == 2
    assert "nowhere/ict.npz" in done.stderr
    assert not (tmp_path / "data").exists()


def test_the_inner_build_holds_every_head_out_and_shares_the_cache(tmp_path: Path) -> None:
    (tmp_path / "ict.npz").touch()
    params = load_params(
        project(tmp_path, other_head_model="ict:ict.npz", subjects=3, views=6) / "params.yaml"
    )
    inner = inner_params(params, tmp_path)
    assert inner.split.test == 1.0
    assert inner.split.validation == 0.0
    assert inner.synthesize.head_model == "ict:ict.npz"
    assert (inner.synthesize.subjects, inner.benchmark.views) == (3, 6)
    assert Path(inner.cache.url) == tmp_path / params.cache.url
    assert inner.seed == params.seed
    assert inner.ingest == params.ingest


def test_the_inner_build_does_without_the_builds_own_parser(tmp_path: Path) -> None:
    written = project(tmp_path, other_head_model="ict:ict.npz") / "params.yaml"
    content = yaml.safe_load(written.read_text(encoding="utf-8"))
    content["parts"]["parser"] = "models/own.onnx"
    (tmp_path / "ict.npz").touch()
    written.write_text(yaml.safe_dump(content), encoding="utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "own.onnx").touch()
    inner = inner_params(load_params(written), tmp_path)
    (tmp_path / INNER).mkdir(parents=True)
    (tmp_path / INNER / "params.yaml").write_text(yaml.safe_dump(inner.model_dump()))
    assert load_params(tmp_path / INNER / "params.yaml") == inner


def test_every_adapter_can_be_named() -> None:
    """The pattern in the parameters knows the adapters, which it must not import."""
    for usage, *_ in ADAPTERS.values():
        spec = usage.replace("<path>", "some/file.npz")
        assert Benchmark(other_head_model=spec, subjects=1, views=1).other_head_model == spec
    with pytest.raises(ValidationError):
        Benchmark(other_head_model="flame:some/file.npz", subjects=1, views=1)


def test_the_model_that_systems_train_on_is_no_other_one(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="the one that systems train on"):
        load_params(project(tmp_path, other_head_model="anny") / "params.yaml")


@pytest.mark.slow
def test_the_set_is_read_like_the_build_itself(tmp_path: Path, shared_data: Path) -> None:
    spec = f"ict:{shared_data / 'ict_facekit.npz'}"
    store.write(tmp_path / FILE, load_head_model("anny", tmp_path / ".headwater/models"))
    write_manifest((tmp_path / FILE).parent)
    done = run(project(tmp_path, other_head_model=spec, subjects=2, views=3))
    assert done.returncode == 0, done.stderr
    data = tmp_path / "data/other_heads"
    assert json.loads((data / "set.json").read_text())["head_model"] == "ict"
    heads = read_table(data, HEADS).to_pylist()
    views = read_table(data, TRUTH, ["item", "subject", "split", "view"]).to_pylist()
    assert len(heads) == 2
    assert {(row["split"], row["view"]) for row in views} == {("test", n) for n in range(3)}
    assert read_table(data, SYNTHETIC_FRAMES, ["item"]).num_rows == 6
    frames = read_table(data, FRAMES, ["item"]).column("item").to_pylist()
    found = read_table(data, LANDMARKS, ["item", "landmarks_478_px"]).to_pylist()
    assert sorted(row["item"] for row in found) == sorted(frames)
    assert len(frames) >= 4
    assert np.isfinite([row["landmarks_478_px"] for row in found]).all()
    assert (data / "head_model/bases.safetensors").is_file()
    cameras = read_table(data, CAMERAS, ["item"]).column("item").to_pylist()
    masks = read_table(data, MASKS, ["item"]).column("item").to_pylist()
    assert sorted(masks) == sorted(frames)
    assert set(cameras) <= set(frames)
    assert len(cameras) >= 4
    assert verify(tmp_path / "data").problems == ()
    assert not list((tmp_path / ".headwater").glob("other_heads*"))
    solved_against_the_builds_own_mean_head(tmp_path)


def solved_against_the_builds_own_mean_head(folder: Path) -> None:
    """Cameras are those of photos: of the other model's mean head they would be others."""
    data = folder / "data/other_heads"
    model = with_landmarks(store.read(folder / FILE))
    rows = {
        schema: {row["item"]: row for row in read_table(data, schema).to_pylist()}
        for schema in (FRAMES, LANDMARKS)
    }
    for row in read_table(data, CAMERAS).to_pylist():
        frame, landmarks = rows[FRAMES][row["item"]], rows[LANDMARKS][row["item"]]
        size = frame["width"], frame["height"]
        solved = frame_camera(
            landmarks_of(landmarks, "landmarks_68_px"),
            ibug68(model.landmarks_478.on(model.mean)),
            frame_from_photo_of(frame),
            frame["photo_width"],
            frame["photo_height"],
        ).camera(*size)
        np.testing.assert_allclose(camera_of(row, size).t, solved.t, rtol=1e-9)
