"""Settings for photos: --fit, refused by other systems in a sentence, and files of trainings."""

from pathlib import Path

import pytest
import yaml

from headwater.errors import HeadwaterError
from headwater.reconstruct.system import model_for_photos
from headwater.systems import SYSTEMS
from tests.systems.prdl.test_training import TOY, toy_examples, trained

PROJECT = Path(__file__).resolve().parents[2]


def test_a_system_that_fits_is_told_to(tmp_path: Path) -> None:
    trained(tmp_path, TOY.model_copy(update={"steps": 10}), toy_examples(4))
    weights = tmp_path / "weights.safetensors"
    for fit in (False, True):
        model = model_for_photos(SYSTEMS["prdl"], weights, None, tmp_path, fit=fit)
        assert model.config.answer.fit == fit
    # Files that its training began with are not asked for again.
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    overrides = {"encoder_weights": "gone.pth", "answer": {"fitting": {"steps": 7}}}
    params["systems"]["prdl"] = {"size": "smoke", "device": "cpu", "overrides": overrides}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    answer = model_for_photos(SYSTEMS["prdl"], weights, None, tmp_path).config.answer
    assert (answer.fitting.steps, answer.encoder_file) == (7, "")


def test_another_says_that_it_does_not(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="lvd fits nothing to photos; leave out --fit"):
        model_for_photos(SYSTEMS["lvd"], tmp_path / "weights", None, tmp_path, fit=True)
