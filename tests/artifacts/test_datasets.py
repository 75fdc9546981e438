"""Hugging Face `datasets` shows our tables without any code of ours."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from headwater.artifacts import schemas
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.images import decode_png
from headwater.artifacts.tables import read_bucket, table_files
from tests.artifacts.small_build import build, head_mesh


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))


@pytest.mark.usefixtures("offline")
def test_pictures_meshes_and_vectors_are_shown(tmp_path: Path) -> None:
    import datasets

    data = tmp_path / "data"
    build(data)

    def load(schema: TableSchema) -> datasets.Dataset:
        files = [str(path) for path in table_files(data, schema)]
        return datasets.load_dataset(
            "parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache")
        )

    truth = load(schemas.TRUTH)
    row = truth[0]
    assert isinstance(row["mask"], Image.Image)
    stored = {
        known["item"]: known
        for path in table_files(data, schemas.TRUTH)
        for known in read_bucket(path, schemas.TRUTH).to_pylist()
    }[row["item"]]
    np.testing.assert_array_equal(np.array(row["mask"]), decode_png(stored["mask"]))
    assert row["landmarks_68_px"] == stored["landmarks_68_px"]
    mesh = load(schemas.HEADS)[0]["mesh"]
    shown = mesh.to_mesh() if isinstance(mesh, trimesh.Scene) else mesh
    np.testing.assert_allclose(shown.bounds, trimesh.Trimesh(*head_mesh()).bounds, atol=1e-3)
