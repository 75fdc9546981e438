"""Settings that name a user's file, in a build's own check of its systems."""

from pathlib import Path
from typing import Any

import pytest

from headwater.artifacts.manifest import MANIFEST
from headwater.config import Params, SystemSettings, load_params
from headwater.errors import HeadwaterError
from headwater.systems import find_system
from headwater.systems.settings import check_systems, config_of
from headwater.systems.soundness import config_fault
from headwater.training.run import Config, FilePlace, SettingGroup
from tests.networks.onnx_files import onnx_file

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")
SETTINGS = [
    ("glvd", "heatmaps", "net.onnx"),
    ("prdl", "encoder_weights", "weights.pth"),
    ("spiral_gcn", "encoder_weights", "weights.safetensors"),
    ("spiral_gcn", "fitted_photos", "fits"),
]


def with_file(system: str, setting: str, named: str) -> Params:
    settings = SystemSettings(size="smoke", overrides={setting: named})
    return PARAMS.model_copy(update={"build": {system: "heads"}, "systems": {system: settings}})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("one", "other"):
        (tmp_path / name / "fits").mkdir(parents=True)
        net = onnx_file("AveragePool", kernel_shape=[4, 4], strides=[4, 4])
        (tmp_path / name / "net.onnx").write_bytes(net)
        for file in ("weights.pth", "weights.safetensors", f"fits/{MANIFEST}"):
            (tmp_path / name / file).write_bytes(b"weights")
    return tmp_path


@pytest.mark.parametrize(("system", "setting", "file"), SETTINGS)
def test_a_build_takes_a_file_and_records_its_content_and_not_its_place(
    system: str, setting: str, file: str, project: Path
) -> None:
    def recorded(named: str) -> dict[str, Any]:
        params = with_file(system, setting, named)
        check_systems(params, project)
        config: Config = config_of(find_system(system, params, project), params, project)
        return config.model_dump()

    there, elsewhere = recorded(f"one/{file}"), recorded(str(project / "other" / file))
    assert there == elsewhere
    changed = project / "one" / (f"{file}/{MANIFEST}" if file == "fits" else file)
    changed.write_bytes(changed.read_bytes() + b" ")
    assert recorded(f"one/{file}") != there


@pytest.mark.parametrize(("system", "setting", "file"), SETTINGS)
@pytest.mark.parametrize("place", ["nowhere/", "~nobody/", f"{'x' * 5000}/", "\0/"])
def test_a_file_that_cannot_be_there_is_named_with_its_setting(
    system: str, setting: str, file: str, place: str, project: Path
) -> None:
    with pytest.raises(
        HeadwaterError, match=rf"^params\.yaml: systems\.{system}\.overrides\."
    ) as no:
        check_systems(with_file(system, setting, f"{place}{file}"), project)
    assert "there is no such file" in str(no.value)


class Inner(SettingGroup):
    """Settings of answers."""

    place: FilePlace = ""
    """Where a file is."""


class Outer(Config):
    """Settings with a file."""

    answer: Inner = Inner()
    """Of answers."""


def test_the_place_of_a_file_alone_may_be_left_out_of_records() -> None:
    placed = Outer(answer=Inner(place="/somewhere"))
    assert config_fault(placed) is None
    assert placed.model_dump() == {"answer": {}}
    assert "answer" in (config_fault(Outer(answer=Wider(place="a", other=3))) or "")


class Wider(Inner):
    """Settings that the config does not declare."""

    other: int = 1
    """Lost in a record."""
