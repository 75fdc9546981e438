"""MobileNetV3-large (Howard et al. 2019, table 1), with torchvision's parameter names."""

from typing import Final, NamedTuple

from torch import Tensor, nn


class _Row(NamedTuple):
    """A row of the paper's table: kernel, expanded and output channels, and the rest."""

    kernel: int
    expanded: int
    outputs: int
    squeezes: bool
    hard: bool
    stride: int


_LARGE: Final = (
    _Row(3, 16, 16, False, False, 1),
    _Row(3, 64, 24, False, False, 2),
    _Row(3, 72, 24, False, False, 1),
    _Row(5, 72, 40, True, False, 2),
    _Row(5, 120, 40, True, False, 1),
    _Row(5, 120, 40, True, False, 1),
    _Row(3, 240, 80, False, True, 2),
    _Row(3, 200, 80, False, True, 1),
    _Row(3, 184, 80, False, True, 1),
    _Row(3, 184, 80, False, True, 1),
    _Row(3, 480, 112, True, True, 1),
    _Row(3, 672, 112, True, True, 1),
    _Row(5, 672, 160, True, True, 2),
    _Row(5, 960, 160, True, True, 1),
    _Row(5, 960, 160, True, True, 1),
)
_FIRST: Final = 16
_LAST: Final = 960


def _rounded(channels: int) -> int:
    """The multiple of 8 nearest to ``channels``, at least 8 and 90 % of them."""
    nearest = max(8, (channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int, groups: int, act: nn.Module | None
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=0.001, momentum=0.01),
    ]
    return nn.Sequential(*layers, *([act] if act is not None else []))


class _SqueezeExcitation(nn.Module):
    """Every channel of (B, C, H, W) times a share that follows from the means of all."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = _rounded(channels // 4)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation = nn.ReLU()
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, values: Tensor) -> Tensor:
        """Values (B, C, h, w), each channel weighted by what all channels' means say."""
        shares = self.activation(self.fc1(values.mean(dim=(2, 3), keepdim=True)))
        weighted: Tensor = values * self.scale_activation(self.fc2(shares))
        return weighted


class _InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, squeeze and projection of one row of the table."""

    def __init__(self, inputs: int, row: _Row) -> None:
        super().__init__()
        self.shortcut = row.stride == 1 and inputs == row.outputs

        def act() -> nn.Module:
            return nn.Hardswish(inplace=True) if row.hard else nn.ReLU(inplace=True)

        layers: list[nn.Module] = []
        if row.expanded != inputs:
            layers.append(_convolution(inputs, row.expanded, 1, 1, 1, act()))
        layers.append(
            _convolution(row.expanded, row.expanded, row.kernel, row.stride, row.expanded, act())
        )
        if row.squeezes:
            layers.append(_SqueezeExcitation(row.expanded))
        layers.append(_convolution(row.expanded, row.outputs, 1, 1, 1, None))
        self.block = nn.Sequential(*layers)

    def forward(self, values: Tensor) -> Tensor:
        """Values (B, C, h, w) through the block, and added to it where both have one form."""
        moved: Tensor = self.block(values)
        return values + moved if self.shortcut else moved


class MobileNet(nn.Module):
    """Images (B, 3, S, S), ImageNet-normalised, to pooled features (B, 960); no classifier."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, _FIRST, 3, 2, 1, nn.Hardswish(inplace=True))]
        inputs = _FIRST
        for row in _LARGE:
            layers.append(_InvertedResidual(inputs, row))
            inputs = row.outputs
        layers.append(_convolution(inputs, _LAST, 1, 1, 1, nn.Hardswish(inplace=True)))
        self.features = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Features, averaged over the image."""
        pooled: Tensor = self.features(images).mean(dim=(2, 3))
        return pooled
