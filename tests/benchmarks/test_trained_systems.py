"""Trained systems of a build, as benchmarks on other data sets find them."""

from pathlib import Path

import pytest
import yaml

from benchmarks.trained_systems import trained_systems
from headwater.errors import HeadwaterError
from headwater.systems.spiral_gcn.weights import TrainedSpiral, save_weights
from tests.systems.spiral_gcn.toy import TOY, toy_network, toy_surface

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("size", "detail"), [("small", False), ("medium", True)])
def test_systems_answer_with_the_settings_of_their_build(
    size: str, detail: bool, tmp_path: Path
) -> None:
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params["build"] = {"spiral_gcn": "heads"}
    params["systems"] = {"spiral_gcn": {"size": size}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    template, surface = toy_surface()
    path = tmp_path / "data" / "train" / "spiral_gcn" / "weights.safetensors"
    path.parent.mkdir(parents=True)
    save_weights(path, TrainedSpiral(toy_network(), TOY, template, surface))
    [(name, trained)] = trained_systems(tmp_path / "data").items()
    assert name == "spiral_gcn"
    assert trained.config.answer.detail == detail


def test_a_build_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="no trained weights; run `make repro`"):
        trained_systems(tmp_path)
