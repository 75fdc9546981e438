"""The losses of eq. 1 by hand, and each term with its weight."""

import math

import pytest
import torch

from headwater.systems.facevision.config import SIZES, FaceVisionConfig
from headwater.systems.facevision.losses import Batch, Objective, adversarial, gradient_l1
from headwater.systems.facevision.model import FaceVision

SMOKE = SIZES["smoke"]


def test_the_gradient_term_by_hand() -> None:
    true = torch.zeros(1, 1, 4, 4)
    found = true.clone()
    found[0, 0, 1, 1] = 3.0
    # A lone pixel of 3 makes two differences of 3 across and two down, among 12 and 12.
    assert gradient_l1(found, true).item() == pytest.approx(4 * 3.0 / 24)
    assert gradient_l1(true + 0.7, true).item() == 0.0


def test_the_original_gans_value_by_hand() -> None:
    logits = torch.tensor([[0.0, math.log(3.0)]])
    # D is 1/2 and 3/4.
    assert adversarial(logits, real=True).item() == pytest.approx(
        -(math.log(0.5) + math.log(0.75)) / 2
    )
    assert adversarial(logits, real=False).item() == pytest.approx(
        -(math.log(0.5) + math.log(0.25)) / 2
    )


def losses(config: FaceVisionConfig) -> tuple[dict[str, float], dict[str, float]]:
    torch.manual_seed(0)
    network = FaceVision(config).eval()
    images = torch.randn(2, 3, 32, 32)
    true = {"depth": torch.rand(2, 1, 32, 32), "codes": torch.rand(2, 3, 32, 32)}

    def draw(_step: int, _generator: torch.Generator) -> Batch:
        return images, true

    objective = Objective(config, network, draw)
    generator = torch.Generator()
    first = objective.generator(0, generator)
    second = objective.discriminators(0, generator) if config.gan else {}
    return (
        {name: value.item() for name, value in first.items()},
        {name: value.item() for name, value in second.items()},
    )


def test_terms_are_logged_with_their_weights() -> None:
    usual, judges = losses(SMOKE)
    doubled, _ = losses(SMOKE.model_copy(update={"gan": 2.0, "l1": 300.0, "gradient": 50.0}))
    assert set(usual) == {
        f"{name}_{term}_loss" for name in ("depth", "codes") for term in ("l1", "gradient", "gan")
    }
    for name in ("depth", "codes"):
        for term, factor in {"l1": 3.0, "gradient": 0.5, "gan": 2.0}.items():
            key = f"{name}_{term}_loss"
            assert doubled[key] == pytest.approx(factor * usual[key], rel=1e-5)
    # Judges that know nothing say 1/2.
    assert set(judges) == {"depth_discriminator_loss", "codes_discriminator_loss"}
    for value in judges.values():
        assert value == pytest.approx(math.log(2.0), abs=0.05)


def test_terms_of_no_weight_are_left_out() -> None:
    plain, judges = losses(SMOKE.model_copy(update={"gan": 0.0, "gradient": 0.0}))
    assert set(plain) == {"depth_l1_loss", "codes_l1_loss"}
    assert not judges
