"""The U-Net: sizes, reach, and layers where they are told to be."""

import pytest
import torch

from headwater.networks.unet import FOLD, UNet


def test_scores_have_the_size_of_the_images() -> None:
    network = UNet(3, 7, (8, 12, 16)).eval()
    scores = network(torch.rand(2, 3, 40, 24))
    assert scores.shape == (2, 7, 40, 24)
    assert [block[0].out_channels for block in network.down] == [8, 12, 16]
    assert [block[0].in_channels for block in network.up] == [28, 20]


def test_a_score_sees_what_is_far_away_and_every_pixel_has_its_own() -> None:
    torch.manual_seed(0)
    network = UNet(1, 1, (8, 8, 8, 8)).eval()
    image = torch.rand(1, 1, 64, 64, requires_grad=True)
    scores = network(image)
    scores[0, 0, 32, 32].backward()
    assert image.grad is not None
    rows = image.grad[0, 0].abs().sum(dim=1).nonzero()
    assert int(rows.max() - rows.min()) > 40
    square = scores[0, 0, 32 : 32 + FOLD, 32 : 32 + FOLD]
    assert square.unique().numel() == FOLD**2


def test_an_image_that_cannot_be_halved_so_often_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"[Ss]izes of tensors"):
        UNet(1, 1, (4, 4, 4))(torch.rand(1, 1, 36 + FOLD, 36))
