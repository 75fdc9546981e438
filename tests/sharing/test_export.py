"""An export as `datasets` opens it: pictures, meshes, splits and licences; whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
import trimesh
from PIL import Image

from headwater.artifacts.ids import item_id
from headwater.artifacts.schemas import FRAMES, HEADS, LANDMARKS
from headwater.artifacts.tables import DamagedTable, read_table
from headwater.cli import app, run
from headwater.errors import HeadwaterError
from headwater.sharing.export import export
from tests.artifacts.small_build import build, row_of, write_rows

ITEMS = [item_id("item", number) for number in range(40)]
RENDERED, PHOTO = "CC0-1.0 (of a model)", "unknown"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Frames and landmarks of two licences, and heads of one."""
    licences = [RENDERED if number % 4 else PHOTO for number in range(len(ITEMS))]
    for schema in (FRAMES, LANDMARKS):
        pairs = zip(ITEMS, licences, strict=True)
        rows = [row_of(schema, item, item, licence=licence) for item, licence in pairs]
        write_rows(tmp_path / "data", schema, rows)
    heads = [row_of(HEADS, item, item, licence=RENDERED) for item in ITEMS[:20]]
    write_rows(tmp_path / "data", HEADS, heads)
    return tmp_path / "data"


def load(folder: Path, name: str | None = None) -> datasets.DatasetDict:
    return datasets.load_dataset(str(folder), name, cache_dir=str(folder.parent / "cache"))


def rows_of(opened: datasets.DatasetDict) -> dict[str, tuple[str, str]]:
    return {
        row["item"]: (split, row["licence"])
        for split, rows in opened.items()
        for row in rows.select_columns(["item", "licence"])
    }


def stored(data: Path) -> dict[str, tuple[str, str]]:
    rows = read_table(data, FRAMES, ["item", "split", "licence"]).to_pylist()
    return {row["item"]: (row["split"], row["licence"]) for row in rows}


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_datasets_opens_pictures_meshes_and_splits(data: Path, tmp_path: Path) -> None:
    made = export(data, tmp_path / "out", (), "{}\n")
    assert (made.tables, made.rows) == (3, 100)
    frames = load(tmp_path / "out")
    assert rows_of(frames) == stored(data)
    assert isinstance(frames["train"][0]["image"], Image.Image)
    heads = load(tmp_path / "out", "synthesize_heads")
    assert isinstance(heads["train"][0]["mesh"], trimesh.Trimesh | trimesh.Scene)
    assert sum(map(len, heads.values())) == 20
    points = load(tmp_path / "out", "landmarks_landmarks")["train"][0]["landmarks_68_px"]
    assert len(points) == 136


@pytest.mark.parametrize("named", ["CC0-1.0", RENDERED])
def test_only_rows_of_a_licence_are_taken(data: Path, tmp_path: Path, named: str) -> None:
    export(data, tmp_path / "out", [named], "{}\n")
    wanted = {item: row for item, row in stored(data).items() if row[1] == RENDERED}
    assert 0 < len(wanted) < len(ITEMS)
    for name in ("ingest_frames", "landmarks_landmarks"):
        assert rows_of(load(tmp_path / "out", name)) == wanted
    assert PHOTO.encode() not in (tmp_path / "out" / "README.md").read_bytes()


def test_a_table_without_rows_of_the_licence_is_left_out(data: Path, tmp_path: Path) -> None:
    made = export(data, tmp_path / "out", [PHOTO], "{}\n")
    assert made.tables == 2
    assert set(datasets.get_dataset_config_names(str(tmp_path / "out"))) == {
        "ingest_frames",
        "landmarks_landmarks",
    }


def test_the_same_build_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    for name in ("one", "two"):
        export(data, tmp_path / name, (), "{}\n")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert files(tmp_path / "one")["origins.json"] == b"{}\n"


def test_what_is_there_is_not_touched(data: Path, tmp_path: Path) -> None:
    full, file = tmp_path / "full", tmp_path / "file"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    file.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for folder, words in (
        (full, "is not empty"),
        (file, "is no folder"),
        (link, "is no folder"),
        (data / "out", "lies among the artifacts"),
        (data, "lies among the artifacts"),
    ):
        with pytest.raises(HeadwaterError, match=words):
            export(data, folder, (), "{}\n")
    assert files(full) == {"mine.txt": b"mine"}
    assert file.read_text() == "mine"


def test_a_licence_of_no_row_is_named_with_those_there_are(data: Path, tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match=r"'GPL'; there are: CC0-1.0 \(of a model\), unknown"):
        export(data, tmp_path / "out", ["GPL"], "{}\n")
    with pytest.raises(HeadwaterError, match="has no table to export"):
        export(tmp_path / "none", tmp_path / "out", (), "{}\n")
    assert not (tmp_path / "out").exists()


def test_a_damaged_table_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    path = data / "landmarks" / "landmarks" / "bucket-001.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(DamagedTable, match=path.name):
        export(data, tmp_path / "out", (), "{}\n")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data"]


def dvc(project: Path, *arguments: str) -> None:
    command = (sys.executable, "-m", "dvc", *arguments)
    subprocess.run(command, cwd=project, check=True, capture_output=True)


@pytest.mark.slow
def test_a_folder_that_cannot_be_made_is_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with pytest.raises(HeadwaterError, match="is the current folder; name one that is new"):
        export(data, Path(), (), "{}")
    (tmp_path / "file").touch()
    with pytest.raises(HeadwaterError, match=r"file.*: Not a directory"):
        export(data, tmp_path / "file" / "folder", (), "{}")


def test_a_pipe_in_place_of_a_table_is_not_waited_for(data: Path, tmp_path: Path) -> None:
    os.mkfifo(data / "ingest" / "frames" / "bucket-999.parquet")
    with pytest.raises(DamagedTable, match=r"bucket-999\.parquet: is not a file"):
        export(data, tmp_path / "out", (), "{}")
    assert not (tmp_path / "out").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "project"
    build(project / "data")
    arguments: list[Any] = ["export", "hf", str(tmp_path / "out"), "--project", str(project)]
    assert run(app, arguments) == 2
    assert "no stage is recorded" in capsys.readouterr().err
    stage = "stages: {photos: {cmd: python -m tasks.photos, outs: [data/photos]}}\n"
    (project / "dvc.yaml").write_text(stage)
    dvc(project, "init", "--no-scm", "--quiet")
    dvc(project, "commit", "--force", "--quiet")
    assert run(app, [*arguments, "--licence", "words"]) == 0
    said = capsys.readouterr().out
    assert "tables, " in said
    assert len(load(tmp_path / "out", "synthesize_heads")) > 0
    assert '"path": "data/photos"' in (tmp_path / "out" / "origins.json").read_text()
    assert run(app, arguments) == 2
    assert capsys.readouterr().err.endswith(
        "out: is not empty; name a folder that is new or empty\n"
    )
