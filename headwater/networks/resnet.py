"""Residual networks of bottleneck blocks (He et al. 2016), with torchvision's parameter names.

torch has no torchvision build for CPUs beside the pinned one, so the network is written out; a file
of torchvision's weights fits it.
"""

from collections.abc import Sequence
from typing import Final

from torch import Tensor, nn

from headwater.networks.encoder_maps import EncoderMaps

EXPANSION: Final = 4
DEPTHS_50: Final = (3, 4, 6, 3)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut: (B, inputs, H, W) to (B, 4 width, h, w).

    The stride is that of the 3x3 convolution, as in torchvision's version.
    """

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, values: Tensor) -> Tensor:
        """The block's output, after its last ReLU."""
        inner = self.relu(self.bn1(self.conv1(values)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        summed: Tensor = self.relu(self.bn3(self.conv3(inner)) + self.downsample(values))
        return summed


class ResNet(nn.Module):
    """Images (B, 3, S, S), ImageNet-normalised, to pooled features (B, ``features_out``).

    width: channels of the first stage, 64 in ResNet-50. depths: blocks of the four stages. There is
    no classifier.
    """

    def __init__(self, width: int = 64, depths: Sequence[int] = DEPTHS_50) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = width
        stages = []
        for number, depth in enumerate(depths):
            inner, stride = width * 2**number, 1 if number == 0 else 2
            blocks = [Bottleneck(inputs, inner, stride)]
            inputs = EXPANSION * inner
            blocks += [Bottleneck(inputs, inner, 1) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.features_out = inputs
        self.map_channels = (width, EXPANSION * width)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def maps(self, images: Tensor) -> EncoderMaps:
        """Maps of half and a quarter of the image's side, and features averaged over it."""
        half = self.relu(self.bn1(self.conv1(images)))
        quarter = self.layer1(self.maxpool(half))
        values = self.layer4(self.layer3(self.layer2(quarter)))
        return EncoderMaps(half, quarter, values.mean(dim=(2, 3)))

    def forward(self, images: Tensor) -> Tensor:
        """Features, averaged over the image."""
        return self.maps(images).pooled
