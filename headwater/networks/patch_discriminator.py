"""PatchGAN discriminators at several scales, whose features a generator can match (pix2pixHD)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

_SLOPE: Final = 0.2


class PatchDiscriminator(nn.Module):
    """Logits of patches: ``layers`` convolutions of stride 2 and two of stride 1.

    All but the first and the last are followed by a norm.
    """

    def __init__(self, inputs: int, width: int, layers: int = 3) -> None:
        super().__init__()
        widths = [inputs, *(width * min(2**number, 8) for number in range(layers + 1))]
        self.stages = nn.ModuleList()
        for number, (before, after) in enumerate(pairwise(widths)):
            stride = 1 if number == layers else 2
            stage: list[nn.Module] = [nn.Conv2d(before, after, 4, stride, 2)]
            if number:
                stage.append(nn.InstanceNorm2d(after))
            self.stages.append(nn.Sequential(*stage, nn.LeakyReLU(_SLOPE)))
        self.stages.append(nn.Conv2d(widths[-1], 1, 4, 1, 2))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features of all stages of (B, inputs, S, S); the last are the logits (B, 1, h, w)."""
        found = [pictures]
        for stage in self.stages:
            found.append(stage(found[-1]))
        return found[1:]


class ScaledDiscriminators(nn.Module):
    """Discriminators of a picture at ``scales`` sizes, each of half the side of the one before."""

    def __init__(self, inputs: int, width: int, scales: int = 2, layers: int = 3) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            PatchDiscriminator(inputs, width, layers) for _ in range(scales)
        )

    def forward(self, pictures: Tensor) -> Sequence[list[Tensor]]:
        """Features of every scale, the last of each being its logits."""
        found = []
        for scale in self.scales:
            found.append(scale(pictures))
            pictures = functional.avg_pool2d(pictures, 3, 2, 1, count_include_pad=False)
        return found
