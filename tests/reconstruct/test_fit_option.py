"""The option --fit: passed to a system that fits its answers, refused by others in one sentence."""

from pathlib import Path

import pytest

from headwater.errors import HeadwaterError
from headwater.reconstruct.system import model_for_photos
from headwater.systems import SYSTEMS
from tests.systems.prdl.test_training import TOY, toy_examples, trained


def test_a_system_that_fits_is_told_to(tmp_path: Path) -> None:
    trained(tmp_path, TOY.model_copy(update={"steps": 10}), toy_examples(4))
    weights = tmp_path / "weights.safetensors"
    for fit in (False, True):
        model = model_for_photos(SYSTEMS["prdl"], weights, None, tmp_path, fit=fit)
        assert model.config.answer.fit == fit


def test_another_says_that_it_does_not(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="lvd fits nothing to photos; leave out --fit"):
        model_for_photos(SYSTEMS["lvd"], tmp_path / "weights", None, tmp_path, fit=True)
