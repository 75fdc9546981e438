"""Networks of the generators: sizes, shapes, and that labels and style both count."""

import pytest
import torch
from torch import Tensor, nn

from headwater.expressions.generator import KINDS, LABELS, one_hot
from headwater.networks.mask_gan import MaskGan
from headwater.networks.patch_discriminator import PatchDiscriminator, ScaledDiscriminators
from headwater.networks.spade import Spade
from headwater.networks.style_encoder import StyleEncoder


def weights_of(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def convolution(inputs: int, outputs: int, side: int = 3) -> int:
    return inputs * outputs * side * side + outputs


def test_the_published_networks_have_their_number_of_weights() -> None:
    with torch.device("meta"):
        paper = MaskGan(19)
    backbone = sum(weights_of(part) for part in (paper.down, paper.blocks, paper.up, paper.out))
    halvings = [(64, 128), (128, 256), (256, 512), (512, 1024)]
    wanted = convolution(19, 64, 7) + convolution(64, 3, 7) + 8 * convolution(1024, 1024)
    wanted += sum(convolution(a, b) + convolution(b, a) for a, b in halvings)
    assert backbone == wanted == 88_111_363
    # Scales and shifts of two norms in each of four blocks of 1024 channels.
    assert paper.style.out.out_features == 16_384


def test_a_discriminator_has_its_number_of_weights() -> None:
    with torch.device("meta"):
        judge = PatchDiscriminator(22, 64)
    widths = [(22, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    assert weights_of(judge) == sum(convolution(a, b, 4) for a, b in widths)


def test_style_encoder_has_its_number_of_weights() -> None:
    encoder = StyleEncoder(19, 10)
    picture = convolution(3, 16, 7) + convolution(16, 32) + convolution(32, 64)
    labels = convolution(19, 64) + convolution(64, 64)
    rest = 6 * convolution(64, 64) + 4 * convolution(64, 64, 1) + 64 * 10 + 10
    assert weights_of(encoder) == picture + labels + rest


def inputs(side: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = one_hot(torch.randint(0, LABELS, (2, side, side), generator=generator))
    picture = torch.rand(2, 3, side, side, generator=generator) * 2 - 1
    return labels, picture, labels.roll(7, dims=2)


@pytest.mark.parametrize(
    "network",
    [
        lambda: Spade(LABELS, 64, (16, 16, 8, 8), hidden=8),
        lambda: MaskGan(LABELS, width=4, halvings=3, blocks=2),
    ],
)
def test_labels_and_style_both_change_the_picture(network) -> None:
    torch.manual_seed(0)
    made = network()
    labels, picture, reference = inputs(64)
    found = made(labels, picture, reference)
    assert found.shape == picture.shape
    assert found.abs().max() <= 1
    assert (made(labels.roll(9, dims=3), picture, reference) - found).abs().mean() > 1e-4
    assert (made(labels, picture.flip(1) * 0.3, reference) - found).abs().mean() > 1e-5
    found.square().mean().backward()
    assert all(parameter.grad is not None for parameter in made.parameters())


def test_discriminators_see_two_scales() -> None:
    judges = ScaledDiscriminators(LABELS + 3, 8)
    labels, picture, _ = inputs(64)
    scales = judges(torch.cat([labels, picture], dim=1))
    assert [len(scale) for scale in scales] == [5, 5]
    assert [scale[0].shape[-1] for scale in scales] == [33, 17]
    assert all(scale[-1].shape[1] == 1 for scale in scales)


def test_networks_of_all_kinds_take_their_crops() -> None:
    for kind in KINDS.values():
        with torch.device("meta"):
            network = kind.network()
            labels = torch.empty(1, LABELS, kind.side, kind.side)
            picture = torch.empty(1, 3, kind.side, kind.side)
            assert network(labels, picture, labels).shape == picture.shape
