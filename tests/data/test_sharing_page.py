"""The readers of docs/sharing.md, run as they stand there on a small build."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from torch.utils.data import DataLoader

from headwater.artifacts.ids import item_id
from headwater.artifacts.images import encode_png
from headwater.artifacts.schemas import FRAMES, HEADS, SYNTHETIC_FRAMES
from headwater.data import TorchDataset
from headwater.sharing.export import export
from tests.artifacts.small_build import row_of, write_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sharing.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tables of 200 frames and views, in which the snippets run."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    items = [item_id("frame", number) for number in range(200)]
    for schema in (FRAMES, SYNTHETIC_FRAMES):
        write_rows(tmp_path / "data", schema, [row_of(schema, item, item) for item in items])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(number: int, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(SNIPPETS[number], f"{PAGE.name}, snippet {number}", "exec"), names)
    return names


def training_rows(project: Path, name: str = FRAMES.name) -> set[str]:
    table = pq.read_table(project / "data" / name, columns=["item", "split"])
    rows = table.to_pylist()
    return {row["item"] for row in rows if row["split"] == "train"}


def test_the_page_has_no_other_snippet() -> None:
    assert len(SNIPPETS) == 5


def test_pyarrow(project: Path) -> None:
    names = run(0, {})
    assert {row["item"] for row in names["rows"]} == training_rows(project)
    assert names["picture"].size == (24, 24)


def test_datasets(project: Path) -> None:
    import datasets

    datasets.config.HF_DATASETS_CACHE = project / "cache"
    names = run(1, {})
    assert set(names["train"]["item"]) == training_rows(project)
    assert names["picture"].size == (24, 24)


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")
def test_torch_and_its_resumed_loader(project: Path) -> None:
    names = run(2, {})
    assert names["pixels"].shape[1:] == (1, 24, 24)
    run(3, names)
    rest = [item for batch in names["resumed"] for item in batch["item"]]
    assert len(names["first"]["item"]) == 32 < len(rest)
    own = training_rows(project, SYNTHETIC_FRAMES.name)
    assert sorted([*names["first"]["item"], *rest]) == sorted(own)


def test_frames_of_several_sizes_come_apart(project: Path) -> None:
    rows = [row_of(FRAMES, item, item) for item in (item_id("small"), item_id("large"))]
    rows[1]["image"] = encode_png(np.zeros((40, 30, 3), np.uint8), "large")
    shutil.rmtree(project / "data" / FRAMES.name)
    write_rows(project / "data", FRAMES, rows)
    frames = TorchDataset(project / "data" / FRAMES.name, ["item", "image"])
    [batch] = DataLoader(frames, batch_size=2, collate_fn=list)
    assert sorted(tuple(row["image"].shape) for row in batch) == [(1, 24, 24), (3, 40, 30)]


def test_an_export_is_opened(project: Path) -> None:
    import datasets

    datasets.config.HF_DATASETS_CACHE = project / "cache"
    heads = [item_id("head", number) for number in range(20)]
    write_rows(project / "data", HEADS, [row_of(HEADS, item, item) for item in heads])
    export(project / "data", project / "out", (), "{}\n")
    names = run(4, {})
    assert set(names["frames"]["item"]) == training_rows(project)
    assert names["frames"][0]["image"].size == (24, 24)
    assert "mesh" in names["heads"].features
