"""SPADE: pictures from part labels, which modulate normalised features, and a style vector.

T. Park and others: "Semantic Image Synthesis with Spatially-Adaptive Normalization", CVPR 2019. The
style comes from a reference picture through MaskGAN's encoder in place of a VAE.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from headwater.networks.style_encoder import StyleEncoder

_SLOPE: Final = 0.2


class LabelNorm(nn.Module):
    """Batch norm whose scale and shift at every place are computed from the labels (SPADE, eq. 1).

    From features (B, C, H, W) and labels (B, labels, S, S) to (B, C, H, W).
    """

    def __init__(self, channels: int, labels: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.shared = nn.Sequential(nn.Conv2d(labels, hidden, 3, 1, 1), nn.ReLU(inplace=True))
        self.scale = nn.Conv2d(hidden, channels, 3, 1, 1)
        self.shift = nn.Conv2d(hidden, channels, 3, 1, 1)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The normalised features."""
        # Averaged, as nearest sampling would miss eyes and lips, narrower than a coarse pixel.
        here = functional.adaptive_avg_pool2d(labels, (features.shape[-2], features.shape[-1]))
        hidden = self.shared(here)
        return self.norm(features) * (1.0 + self.scale(hidden)) + self.shift(hidden)


class SpadeBlock(nn.Module):
    """SPADE's residual block: two convolutions, each after a label norm and a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, labels: int, hidden: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.norms = nn.ModuleList(
            LabelNorm(channels, labels, hidden) for channels in (inputs, middle)
        )
        self.convolutions = nn.ModuleList(
            spectral_norm(nn.Conv2d(*channels, 3, 1, 1))
            for channels in ((inputs, middle), (middle, outputs))
        )
        self.past_norm, self.past = None, None
        if inputs != outputs:
            self.past_norm = LabelNorm(inputs, labels, hidden)
            self.past = spectral_norm(nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """From features (B, inputs, H, W) and labels (B, labels, S, S) to (B, outputs, H, W)."""
        moved = features
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            moved = convolution(functional.leaky_relu(norm(moved, labels), _SLOPE))
        if self.past is None or self.past_norm is None:
            return features + moved
        return self.past(self.past_norm(features, labels)) + moved


class Spade(nn.Module):
    """From labels M' to pictures (B, 3, S, S) in -1..1 in the style of a labelled reference.

    widths: channels of the feature maps, each of twice the side of the one before; the last has S
    px. S is a multiple of 32 and of 2 to the number of doublings. hidden: channels between the
    labels and the scales and shifts of a norm.
    """

    def __init__(self, labels: int, side: int, widths: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.start = side >> (len(widths) - 1)
        self.style = StyleEncoder(labels, widths[0] * self.start**2)
        self.first = SpadeBlock(widths[0], widths[0], labels, hidden)
        self.blocks = nn.ModuleList(
            SpadeBlock(before, after, labels, hidden) for before, after in pairwise(widths)
        )
        self.out = nn.Conv2d(widths[-1], 3, 3, 1, 1)

    def forward(self, labels: Tensor, reference: Tensor, reference_labels: Tensor) -> Tensor:
        """The pictures of ``labels`` (B, labels, S, S).

        reference: (B, 3, S, S) in -1..1. reference_labels: (B, labels, S, S).
        """
        style = self.style(reference, reference_labels)
        features = self.first(style.unflatten(1, (-1, self.start, self.start)), labels)
        for block in self.blocks:
            features = block(functional.interpolate(features, scale_factor=2.0), labels)
        return torch.tanh(self.out(functional.leaky_relu(features, _SLOPE)))
