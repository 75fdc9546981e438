"""MaskGAN's dense mapping network: pix2pixHD's global generator with styled residual blocks.

C.-H. Lee and others: "MaskGAN: Towards Diverse and Interactive Facial Image Manipulation", CVPR
2020; T.-C. Wang and others: "High-Resolution Image Synthesis ...", CVPR 2018. Its second stage,
which blends interpolated masks, is left out.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from headwater.networks.style_encoder import StyleEncoder

# Convolutions of a residual block, each followed by a norm.
PATHS = 2


class StyledBlock(nn.Module):
    """Residual block of two 3x3 convolutions with adaptive instance norms (AdaIN)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, 1, 1, padding_mode="reflect") for _ in range(PATHS)
        )
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """From features (B, C, H, W), with scales and shifts of the norms: styles (B, 2, 2, C)."""
        moved = features
        for number, convolution in enumerate(self.convolutions):
            scale, shift = styles[:, number, :, :, None, None].unbind(dim=1)
            moved = self.norm(convolution(moved)) * (1.0 + scale) + shift
            if number == 0:
                moved = torch.relu(moved)
        return features + moved


class MaskGan(nn.Module):
    """From labels M' to pictures (B, 3, S, S) in -1..1 in the style of a labelled reference.

    width: channels at full size, doubled by each of ``halvings``. S is a multiple of 32.
    """

    def __init__(self, labels: int, width: int = 64, halvings: int = 4, blocks: int = 4) -> None:
        super().__init__()
        widths = [width * 2**number for number in range(halvings + 1)]
        down: list[nn.Module] = [
            nn.Conv2d(labels, width, 7, 1, 3, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        up: list[nn.Module] = []
        for fine, coarse in pairwise(widths):
            halved = nn.Conv2d(fine, coarse, 3, 2, 1)
            down += [halved, nn.InstanceNorm2d(coarse), nn.ReLU(inplace=True)]
            doubled = nn.ConvTranspose2d(coarse, fine, 3, 2, 1, output_padding=1)
            up = [doubled, nn.InstanceNorm2d(fine), nn.ReLU(inplace=True), *up]
        self.down, self.up = nn.Sequential(*down), nn.Sequential(*up)
        self.blocks = nn.ModuleList(StyledBlock(widths[-1]) for _ in range(blocks))
        self.style = StyleEncoder(labels, blocks * PATHS * 2 * widths[-1])
        self.out = nn.Conv2d(width, 3, 7, 1, 3, padding_mode="reflect")

    def forward(self, labels: Tensor, reference: Tensor, reference_labels: Tensor) -> Tensor:
        """The pictures of ``labels`` (B, labels, S, S).

        reference: (B, 3, S, S) in -1..1. reference_labels: (B, labels, S, S).
        """
        features = self.down(labels)
        styles = self.style(reference, reference_labels)
        styles = styles.unflatten(1, (len(self.blocks), PATHS, 2, -1))
        for number, block in enumerate(self.blocks):
            features = block(features, styles[:, number])
        return torch.tanh(self.out(self.up(features)))
