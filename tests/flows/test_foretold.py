"""Files of hashes are foretold as their stages write them, or not at all."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from flows.foretold import foretold, former, recorded_files
from headwater.config import load_params
from headwater.upkeep.recorded import md5_of
from headwater.upkeep.repair import read_record
from tasks.contents import TABLES
from tasks.inputs import CONTENTS, inputs_text
from tasks.reads import tables_text

PROJECT = Path(__file__).resolve().parents[2]
PARAMS = load_params(PROJECT / "params.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with parameters, and hashes of the rows of tables as another code had them."""
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    (tmp_path / CONTENTS).parent.mkdir(parents=True)
    return tmp_path


def write_contents(project: Path, names: list[str]) -> None:
    content = {"head_model": "0", "rows": {name: {} for name in names}, "other": {}}
    (project / CONTENTS).write_text(json.dumps(content))


def test_inputs_are_foretold_from_the_hashes_of_rows_that_are_there(project: Path) -> None:
    steps = ("ingest", "landmarks", "masks", "cameras")
    write_contents(project, [*(one.name for one in TABLES), *(f"{one}/rejects" for one in steps)])
    files = foretold("inputs@lvd", PARAMS, project)
    names = ("train", "evaluate", "reconstruct", "shown")
    assert files.keys() == {f"data/inputs/lvd/{name}.json" for name in names}
    text = inputs_text("train", "lvd", PARAMS, project)
    assert files["data/inputs/lvd/train.json"] == text.encode()


@pytest.mark.parametrize("stage", ["inputs@lvd", "questions"])
def test_nothing_is_foretold_from_hashes_of_rows_that_other_code_wrote(
    project: Path, stage: str
) -> None:
    assert foretold(stage, PARAMS, project) == {}
    write_contents(project, ["masks/masks"])
    assert foretold(stage, PARAMS, project) == {}


def test_the_rows_themselves_are_not_foretold(project: Path) -> None:
    assert foretold("contents", PARAMS, project) == {}
    text = tables_text(PARAMS, project)
    assert foretold("reads", PARAMS, project) == {
        "data/reads/tables.json": text.encode(),
        "data/reads/map_size.json": b"null\n",
    }


def test_a_former_file_is_taken_from_where_it_is_as_recorded(tmp_path: Path) -> None:
    content, other = b"{}\n", b"[]\n"
    md5, path = md5_of(content), "data/reads/tables.json"
    assert former(tmp_path, md5, path) is None
    objects = tmp_path / ".dvc" / "cache" / "files" / "md5" / md5[:2]
    for place in (objects / md5[2:], tmp_path / path):
        place.parent.mkdir(parents=True)
        place.write_bytes(other)
    assert former(tmp_path, md5, path) is None
    (tmp_path / path).write_bytes(content)
    assert former(tmp_path, md5, path) == content
    (tmp_path / path).write_bytes(other)
    (objects / md5[2:]).write_bytes(content)
    assert former(tmp_path, md5, path) == content


def test_files_are_those_on_record_whatever_lies_in_their_place(tmp_path: Path) -> None:
    content = {"files.json": b"{}\n", ".manifest.json": b"[]\n", "page.html": b"<p>"}
    listing = [{"md5": md5_of(data), "relpath": name} for name, data in content.items()]
    folder = json.dumps(listing, sort_keys=True).encode()
    md5 = f"{md5_of(folder)}.dir"
    objects = {md5: folder, **{md5_of(data): data for data in content.values()}}
    for name, data in objects.items():
        place = tmp_path / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    outs = {"outs": [{"path": "data/own", "md5": md5}]}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"code": outs, "other": {}}}))
    (tmp_path / "data" / "own").mkdir(parents=True)
    (tmp_path / "data" / "own" / "files.json").write_bytes(b"half of ano")
    record = read_record(tmp_path)
    assert recorded_files("code", record) == {"data/own/files.json": b"{}\n"}
    assert recorded_files("other", record) == {}
