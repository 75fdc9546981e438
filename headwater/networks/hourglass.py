"""Stacked hourglass network: the image encoder of LVD, with its size configurable.

At width 256, 4 stacks, depth 2 and 256 output channels it is the published LVD encoder
(14,424,000 parameters with 4 input channels).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Upsampling = Literal["bicubic", "bilinear"]


class Residual(nn.Module):
    """Three 3x3 convolutions of out/2, out/4 and out/4 channels, joined, plus the input.

    (B, inputs, H, W) -> (B, outputs, H, W); norm and ReLU come before each convolution.
    """

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        half, quarter = outputs // 2, outputs // 4
        self.norm1, self.conv1 = nn.GroupNorm(groups, inputs), _conv3(inputs, half)
        self.norm2, self.conv2 = nn.GroupNorm(groups, half), _conv3(half, quarter)
        self.norm3, self.conv3 = nn.GroupNorm(groups, quarter), _conv3(quarter, quarter)
        # Used only where the width changes, but LVD has it everywhere and its published parameter
        # count includes it.
        self.norm4 = nn.GroupNorm(groups, inputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        a = self.conv1(functional.relu(self.norm1(x)))
        b = self.conv2(functional.relu(self.norm2(a)))
        c = self.conv3(functional.relu(self.norm3(b)))
        if self.skip is not None:
            x = self.skip(functional.relu(self.norm4(x)))
        return torch.cat([a, b, c], dim=1) + x


class Hourglass(nn.Module):
    """One hourglass: ``depth`` halvings and doublings with a skip at every size."""

    def __init__(self, depth: int, width: int, upsampling: Upsampling) -> None:
        super().__init__()
        groups = norm_groups(width)
        self.upsampling = upsampling
        self.skip = Residual(width, width, groups)
        self.down = Residual(width, width, groups)
        self.inner = (
            Hourglass(depth - 1, width, upsampling) if depth > 1 else Residual(width, width, groups)
        )
        self.up = Residual(width, width, groups)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> same; H and W divisible by 2^depth."""
        low = self.up(self.inner(self.down(functional.avg_pool2d(x, 2))))
        up: Tensor = functional.interpolate(
            low, scale_factor=2, mode=self.upsampling, align_corners=True
        )
        return torch.add(self.skip(x), up)


class Stack(nn.Module):
    """An hourglass and its output head."""

    def __init__(
        self, depth: int, width: int, outputs: int, upsampling: Upsampling, *, last: bool
    ) -> None:
        super().__init__()
        groups = norm_groups(width)
        self.hourglass = Hourglass(depth, width, upsampling)
        self.top = Residual(width, width, groups)
        self.conv = nn.Conv2d(width, width, 1)
        self.norm = nn.GroupNorm(groups, width)
        self.out = nn.Conv2d(width, outputs, 1)
        self.merge_features = None if last else nn.Conv2d(width, width, 1)
        self.merge_output = None if last else nn.Conv2d(outputs, width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, width, H, W) -> output map (B, outputs, H, W), input of the next stack."""
        y = functional.relu(self.norm(self.conv(self.top(self.hourglass(x)))))
        out = self.out(y)
        if self.merge_features is None or self.merge_output is None:
            return out, x
        return out, x + self.merge_features(y) + self.merge_output(out)


class StackedHourglass(nn.Module):
    """Image (B, inputs, S, S) -> ``stacks`` maps (B, outputs, S/stride, S/stride).

    stride: 2 as published, or 4 with an average pooling after the first residual block.
    """

    def __init__(
        self,
        inputs: int,
        *,
        width: int,
        outputs: int,
        stacks: int,
        depth: int,
        stride: int,
        upsampling: Upsampling,
    ) -> None:
        super().__init__()
        quarter, half, groups = width // 4, width // 2, norm_groups(width)
        self.stride = stride
        self.stem = nn.Conv2d(inputs, quarter, 7, stride=2, padding=3)
        self.norm = nn.GroupNorm(groups, quarter)
        self.block1 = Residual(quarter, half, groups)
        self.block2 = Residual(half, half, groups)
        self.block3 = Residual(half, width, groups)
        self.stacks = nn.ModuleList(
            Stack(depth, width, outputs, upsampling, last=index == stacks - 1)
            for index in range(stacks)
        )
        initialise(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, inputs, S, S) -> one map (B, outputs, S/stride, S/stride) per stack."""
        x = self.block1(functional.relu(self.norm(self.stem(x))))
        if self.stride == 4:
            x = functional.avg_pool2d(x, 2)
        x = self.block3(self.block2(x))
        maps = []
        for stack in self.stacks:
            out, x = stack(x)
            maps.append(out)
        return maps


class MapHourglass(nn.Module):
    """An hourglass on maps of the encoder's size, without stem and stride: f_s.

    (B, inputs, h, w) -> (B, outputs, h, w).
    """

    def __init__(
        self, inputs: int, *, width: int, outputs: int, depth: int, upsampling: Upsampling
    ) -> None:
        super().__init__()
        self.enter = nn.Conv2d(inputs, width, 1)
        self.stack = Stack(depth, width, outputs, upsampling, last=True)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, h, w)."""
        out, _ = self.stack(self.enter(x))
        return torch.as_tensor(out)


def norm_groups(width: int) -> int:
    """Groups of every GroupNorm: the published 32 at width 256, in proportion below."""
    return max(1, width // 8)


def initialise(module: nn.Module) -> None:
    """Draw convolution weights by fan-in; biases are zero."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def _conv3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
