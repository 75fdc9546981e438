"""U-Net (Ronneberger et al., MICCAI 2015) that works on folded pixels, for maps of full size."""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

# A square of so many pixels a side is one place of the finest maps, its pixels being channels.
FOLD: Final = 2


class Block(nn.Sequential):
    """Two 3x3 convolutions, each with a norm and ReLU after it; (B, inputs, H, W) to outputs."""

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for count in (inputs, outputs):
            layers += [
                nn.Conv2d(count, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """Scores per pixel (B, outputs, H, W) of images (B, inputs, H, W).

    widths: channels of the maps, of which each is half as large a side as the one before it. H and
    W are divisible by ``FOLD`` times 2 to the number of halvings.
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        fine = list(widths[:-1])
        self.down = nn.ModuleList(
            Block(before, after)
            for before, after in zip([FOLD**2 * inputs, *fine], widths, strict=True)
        )
        self.up = nn.ModuleList(
            Block(low + skip, skip) for low, skip in zip(widths[:0:-1], fine[::-1], strict=True)
        )
        self.out = nn.Conv2d(widths[0], FOLD**2 * outputs, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        x = functional.pixel_unshuffle(images, FOLD).contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if number else x)
            skips.append(x)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0), skip], dim=1))
        return functional.pixel_shuffle(self.out(x), FOLD)
