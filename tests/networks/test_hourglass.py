"""Hourglasses of any size."""

import torch

from headwater.networks.hourglass import StackedHourglass


def test_an_encoder_refuses_no_size_that_its_strides_divide() -> None:
    encoder = StackedHourglass(
        4, width=16, outputs=8, stacks=2, depth=2, stride=4, upsampling="bilinear"
    )
    assert [tuple(m.shape) for m in encoder(torch.zeros(2, 4, 64, 64))] == [(2, 8, 16, 16)] * 2
