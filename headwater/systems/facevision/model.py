"""The networks: a U-Net of one encoder and two decoders, and two PatchGAN discriminators.

The layers are those of pix2pix (Isola et al., CVPR 2017) for 128 px, with the decoder doubled.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from headwater.systems.facevision.config import FaceVisionConfig

MAPS: Final = {"depth": 1, "codes": 3}
_SLOPE: Final = 0.2
_SPREAD: Final = 0.02


def stage_widths(image_px: int, width: int) -> tuple[int, ...]:
    """Channels of the encoder's stages, each of half the side of the one before, down to 1 px."""
    return tuple(width * min(2**stage, 8) for stage in range(image_px.bit_length() - 1))


class Encoder(nn.Module):
    """Stages e1, e2, ...: images (B, 3, S, S) to maps of S/2, S/4, ..., 1 px."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        last = len(widths) - 1
        for number, (before, after) in enumerate(zip((3, *widths[:-1]), widths, strict=True)):
            layers: list[nn.Module] = [nn.LeakyReLU(_SLOPE)] if number else []
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=False))
            # One pixel has no spread to be divided by.
            if 0 < number < last:
                layers.append(nn.BatchNorm2d(after))
            self.stages.append(nn.Sequential(*layers))

    def forward(self, images: Tensor) -> list[Tensor]:
        """The outputs of all stages."""
        found = [images]
        for stage in self.stages:
            found.append(stage(found[-1]))
        return found[1:]


class Decoder(nn.Module):
    """Stages d1, d2, ...: the encoder's outputs to one map (B, channels, S, S) in -1..1."""

    def __init__(self, widths: Sequence[int], channels: int, dropout: float) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        last = len(widths) - 1
        for number, before in enumerate(widths[::-1]):
            inputs = before if number == 0 else 2 * before
            if number == last:
                end = nn.ConvTranspose2d(inputs, channels, 4, 2, 1)
                self.stages.append(nn.Sequential(nn.ReLU(), end, nn.Tanh()))
                continue
            after = widths[last - number - 1]
            layers: list[nn.Module] = [
                nn.ReLU(),
                nn.ConvTranspose2d(inputs, after, 4, 2, 1, bias=False),
                nn.BatchNorm2d(after),
            ]
            # The stages between the innermost one and the last four.
            if 0 < number < last - 3:
                layers.append(nn.Dropout(dropout))
            self.stages.append(nn.Sequential(*layers))

    def forward(self, encoded: Sequence[Tensor]) -> Tensor:
        """The map of encoded images."""
        x = self.stages[0](encoded[-1])
        for stage, skip in zip(self.stages[1:], encoded[-2::-1], strict=True):
            x = stage(torch.cat([skip, x], dim=1))
        return x


class Generator(nn.Module):
    """Images (B, 3, S, S) to depth (B, 1, S, S) and codes (B, 3, S, S), in -1..1."""

    def __init__(self, config: FaceVisionConfig) -> None:
        super().__init__()
        widths = stage_widths(config.image_px, config.width)
        self.encoder = Encoder(widths)
        self.decoders = nn.ModuleDict(
            {name: Decoder(widths, count, config.dropout) for name, count in MAPS.items()}
        )

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Both maps by name."""
        encoded = self.encoder(images)
        return {name: decoder(encoded) for name, decoder in self.decoders.items()}


class Discriminator(nn.Sequential):
    """A 70 x 70 PatchGAN that sees the photo beside a map: (B, 3 + channels, S, S) to logits."""

    def __init__(self, channels: int, width: int) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3 + channels, width, 4, 2, 1), nn.LeakyReLU(_SLOPE)]
        for before, after, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
            layers += [
                nn.Conv2d(before * width, after * width, 4, stride, 1, bias=False),
                nn.BatchNorm2d(after * width),
                nn.LeakyReLU(_SLOPE),
            ]
        super().__init__(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


class FaceVision(nn.Module):
    """The generator, and a discriminator for each of its maps."""

    def __init__(self, config: FaceVisionConfig) -> None:
        super().__init__()
        self.generator = Generator(config)
        self.discriminators = nn.ModuleDict(
            {name: Discriminator(count, config.discriminator_width) for name, count in MAPS.items()}
        )
        self.apply(_first_weights)


def _first_weights(module: nn.Module) -> None:
    """Weights N(0, 0.02), scales of norms N(1, 0.02), as in pix2pix."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, _SPREAD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, _SPREAD)
