"""MobileNetV2 (Sandler et al. 2018, table 2), with torchvision's parameter names."""

from typing import Final

from torch import Tensor, nn

from headwater.networks.encoder_maps import EncoderMaps

# Expansion, output channels, repetitions and stride of each row of the table.
_ROWS: Final = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_FIRST: Final = 32
_LAST: Final = 1280
# The last blocks whose maps have half and a quarter of the image's side.
_HALF, _QUARTER = 1, 3


def _rounded(channels: float) -> int:
    """The multiple of 8 nearest to ``channels``, at least 8 and 90 % of them."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class _InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and linear projection of one block."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        inner = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(_convolution(inputs, inner, 1, 1, 1))
        layers += [
            _convolution(inner, inner, 3, stride, inner),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, values: Tensor) -> Tensor:
        """Values (B, C, h, w) through the block, and added to it where both have one form."""
        moved: Tensor = self.conv(values)
        return values + moved if self.shortcut else moved


class MobileNetV2(nn.Module):
    """Images (B, 3, S, S), ImageNet-normalised, to pooled features; there is no classifier.

    share: of the published channels, its width multiplier.
    """

    def __init__(self, share: float = 1.0) -> None:
        super().__init__()
        inputs = _rounded(_FIRST * share)
        layers: list[nn.Module] = [_convolution(3, inputs, 3, 2, 1)]
        channels = [inputs]
        for expansion, outputs, repeats, stride in _ROWS:
            own = _rounded(outputs * share)
            for number in range(repeats):
                layers.append(
                    _InvertedResidual(channels[-1], own, expansion, stride if number == 0 else 1)
                )
                channels.append(own)
        self.features_out = _rounded(_LAST * max(1.0, share))
        layers.append(_convolution(channels[-1], self.features_out, 1, 1, 1))
        self.features = nn.Sequential(*layers)
        self.map_channels = (channels[_HALF], channels[_QUARTER])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def maps(self, images: Tensor) -> EncoderMaps:
        """Maps of half and a quarter of the image's side, and features averaged over it."""
        values, kept = images, []
        for number, layer in enumerate(self.features):
            values = layer(values)
            if number in (_HALF, _QUARTER):
                kept.append(values)
        return EncoderMaps(kept[0], kept[1], values.mean(dim=(2, 3)))

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, ``features_out``), averaged over the image."""
        return self.maps(images).pooled
