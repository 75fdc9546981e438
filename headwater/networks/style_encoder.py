"""Style vector of a picture with part labels: MaskGAN's spatial-aware style encoder.

C.-H. Lee and others: "MaskGAN: Towards Diverse and Interactive Facial Image Manipulation", CVPR
2020. Labels modulate the picture's features (spatial feature transform), which are then pooled.
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

FEATURES: Final = 64


def halving(inputs: int, outputs: int) -> nn.Sequential:
    """A 3x3 convolution that halves the side, with ReLU.

    Without a norm: an instance norm would remove means and spreads, which are the style (MUNIT).
    """
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU(inplace=True))


class Modulation(nn.Module):
    """Spatial feature transform (Wang et al., CVPR 2018): scale and shift from conditions.

    From features (B, C, H, W) and conditions (B, ``FEATURES``, H, W) to (B, C, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Conv2d(FEATURES, channels, 1)
        self.shift = nn.Conv2d(FEATURES, channels, 1)

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor:
        """The modulated features."""
        return features * (1.0 + self.scale(conditions)) + self.shift(conditions)


class StyleEncoder(nn.Module):
    """Style vectors (B, outputs) of pictures (B, 3, S, S) in -1..1 with labels (B, labels, S, S).

    The picture is encoded to 64 channels at a quarter of its side and at a 32nd; at both, labels
    encoded to 64 channels modulate it. S is a multiple of 32, at least 64.
    """

    def __init__(self, labels: int, outputs: int) -> None:
        super().__init__()
        self.to_quarter = nn.Sequential(
            nn.Conv2d(3, 16, 7, 1, 3), nn.ReLU(inplace=True), halving(16, 32), halving(32, 64)
        )
        self.labels_to_quarter = nn.Sequential(
            halving(labels, FEATURES), halving(FEATURES, FEATURES)
        )
        self.to_end, self.labels_to_end = (
            nn.Sequential(*(halving(FEATURES, FEATURES) for _ in range(3))) for _ in range(2)
        )
        self.at_quarter, self.at_end = Modulation(FEATURES), Modulation(FEATURES)
        self.out = nn.Linear(FEATURES, outputs)

    def forward(self, picture: Tensor, labels: Tensor) -> Tensor:
        """The style (B, outputs)."""
        conditions = self.labels_to_quarter(labels)
        features = self.at_quarter(self.to_quarter(picture), conditions)
        features = self.at_end(self.to_end(features), self.labels_to_end(conditions))
        return self.out(functional.adaptive_avg_pool2d(features, 1).flatten(1))
