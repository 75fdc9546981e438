"""MobileNetV2: parameters of torchvision's network without its classifier, names and maps."""

import pytest
import torch

from headwater.networks.mobilenet_v2 import MobileNetV2
from headwater.networks.resnet import ResNet


def test_it_has_torchvisions_parameters_and_names() -> None:
    network = MobileNetV2()
    assert sum(one.numel() for one in network.parameters()) == 2_223_872
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes["features.0.0.weight"] == (32, 3, 3, 3)
    assert shapes["features.1.conv.0.0.weight"] == (32, 1, 3, 3)
    assert shapes["features.2.conv.0.0.weight"] == (96, 16, 1, 1)
    assert shapes["features.17.conv.2.weight"] == (320, 960, 1, 1)
    assert shapes["features.18.1.running_mean"] == (1280,)


@pytest.mark.parametrize(
    ("network", "channels"), [(MobileNetV2(), (16, 24)), (ResNet(8, (1, 1, 1, 1)), (8, 32))]
)
def test_maps_have_half_and_a_quarter_of_the_side(
    network: MobileNetV2 | ResNet, channels: tuple[int, int]
) -> None:
    network.eval()
    images = torch.randn(2, 3, 64, 64)
    maps = network.maps(images)
    assert network.map_channels == channels
    assert maps.half.shape == (2, channels[0], 32, 32)
    assert maps.quarter.shape == (2, channels[1], 16, 16)
    assert maps.pooled.shape == (2, network.features_out)
    torch.testing.assert_close(network(images), maps.pooled)
