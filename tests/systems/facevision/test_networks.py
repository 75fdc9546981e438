"""The networks are those of the paper: stages, weight counts, skips, and patches of 70 px."""

import pytest
import torch

from headwater.systems.facevision.config import SIZES
from headwater.systems.facevision.model import MAPS, Discriminator, FaceVision, Generator

PAPER, SMOKE = SIZES["paper"], SIZES["smoke"]


def count(module: torch.nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def test_the_papers_networks_have_its_weights() -> None:
    with torch.device("meta"):
        generator = Generator(PAPER)
        judges = [Discriminator(channels, PAPER.discriminator_width) for channels in MAPS.values()]
    assert count(generator.encoder) == 15_342_336
    assert count(generator.decoders["depth"]) == 26_482_561
    assert count(generator.decoders["codes"]) == 26_486_659
    assert count(generator) == 68_311_556
    assert [count(one) for one in judges] == [2_766_657, 2_768_705]


def test_seven_stages_come_down_to_a_pixel_and_up_to_two_maps() -> None:
    with torch.device("meta"):
        generator = Generator(PAPER)
        encoded = generator.encoder(torch.zeros(2, 3, 128, 128))
        found = generator(torch.zeros(2, 3, 128, 128))
    assert [one.shape[2] for one in encoded] == [64, 32, 16, 8, 4, 2, 1]
    assert [one.shape[1] for one in encoded] == [64, 128, 256, 512, 512, 512, 512]
    assert {name: one.shape for name, one in found.items()} == {
        "depth": (2, 1, 128, 128),
        "codes": (2, 3, 128, 128),
    }


@pytest.mark.parametrize("image_px", [32, 64, 128, 256])
def test_maps_of_every_side_lie_between_minus_one_and_one(image_px: int) -> None:
    torch.manual_seed(0)
    config = SMOKE.model_copy(update={"image_px": image_px})
    found = Generator(config)(20 * torch.randn(2, 3, image_px, image_px))
    for one in found.values():
        assert one.shape[2:] == (image_px, image_px)
        assert -1 <= one.min() < one.max() <= 1


def test_decoders_share_the_encoder_and_nothing_else() -> None:
    torch.manual_seed(0)
    generator = Generator(SMOKE).eval()
    images = torch.randn(2, 3, 32, 32)
    before = generator(images)
    before["depth"].mean().backward()
    assert all(one.grad is None for one in generator.decoders["codes"].parameters())
    assert all(one.grad.abs().sum() > 0 for one in generator.encoder.parameters())
    with torch.no_grad():
        for one in generator.decoders["codes"].parameters():
            one.zero_()
        after = generator(images)
    assert torch.equal(before["depth"], after["depth"])
    assert not torch.equal(before["codes"], after["codes"])


@pytest.mark.parametrize("channels", MAPS.values())
def test_a_discriminators_logit_sees_70_px_of_photo_and_map(channels: int) -> None:
    torch.manual_seed(0)
    # Batch norm in training would spread what one pixel changes over all.
    judge = Discriminator(channels, 4).double().eval()
    images = torch.randn(1, 3 + channels, 128, 128, dtype=torch.float64, requires_grad=True)
    logits = judge(images)
    assert logits.shape == (1, 1, 14, 14)
    (slope,) = torch.autograd.grad(logits[0, 0, 6, 6], images)
    rows = slope.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == 70
    assert (slope.abs().sum(dim=(2, 3)) > 0).all()


def test_first_weights_are_those_of_pix2pix() -> None:
    torch.manual_seed(0)
    network = FaceVision(SIZES["small"])
    stage = network.generator.encoder.stages[3]
    assert stage[1].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert stage[2].weight.mean().item() == pytest.approx(1.0, abs=0.01)
    assert stage[2].weight.std().item() == pytest.approx(0.02, rel=0.3)
