"""Experiments: what is tried is written into params.yaml, and only what is read is fetched."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.trial import Trial, recorded, write_params
from headwater.errors import HeadwaterError

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the project's parameters and a record of three outputs."""
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    outs = [
        {"path": path, "hash": "md5", "md5": f"{number:032x}.dir"}
        for number, path in enumerate(("data/ingest", "data/plugins/own", "data/plugins/more"))
    ]
    stages = {f"stage{number}": {"cmd": "true", "outs": [out]} for number, out in enumerate(outs)}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    return tmp_path


def trial(**changes: Any) -> Trial:
    values = {"systems": ["glvd"], "sizes": {}, "overrides": {}, "device": "cuda", **changes}
    return Trial.model_validate(values)


def test_settings_replace_those_of_the_file_and_leave_the_rest(folder: Path) -> None:
    before = yaml.safe_load((folder / "params.yaml").read_text())
    params = write_params(
        folder, trial(sizes={"glvd": "smoke"}, overrides={"glvd": {"learning_rate": 0.0005}})
    )
    glvd = params.systems["glvd"]
    assert (glvd.size, glvd.device, glvd.overrides) == ("smoke", "cuda", {"learning_rate": 0.0005})
    text = (folder / "params.yaml").read_text()
    assert "# shares of the subjects held out, chosen by hash" not in text.splitlines()[0]
    assert "# shares of the subjects held out, chosen by hash" in text
    after = yaml.safe_load(text)
    assert after["systems"].pop("glvd") != before["systems"].pop("glvd")
    assert after == before


def test_system_outside_of_the_build_joins_it(folder: Path) -> None:
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(text.replace("  lvd: heads\n", ""))
    params = write_params(folder, trial(systems=["lvd"]))
    assert list(params.build) == ["glvd", "lvd"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"systems": ["glv"]}, "glv"),
        ({"sizes": {"lvd": "smoke"}}, "lvd has a size or overrides, but is not one of the systems"),
        ({"sizes": {"glvd": "huge"}}, "huge"),
        ({"overrides": {"glvd": {"learning_rat": 1.0}}}, "nearest valid key is .*learning_rate"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(HeadwaterError, match=message):
        write_params(folder, trial(**changes))


def test_parts_of_outputs_and_outputs_within_are_fetched(folder: Path) -> None:
    assert recorded(folder, ["data/ingest/frames", "data/plugins"]) == [
        "data/ingest/frames",
        "data/plugins/own",
        "data/plugins/more",
    ]
    with pytest.raises(HeadwaterError, match=r"dvc\.lock: has no data/sdf/samples; build it"):
        recorded(folder, ["data/sdf/samples"])
