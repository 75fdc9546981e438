"""The localiser: a network that finds points of the face in crops.

An hourglass on the middle of the crop, where the face is, trained on the same heads before the
rest. A point is read off its heatmap as the expected place, so that it is not bound to the map's
cells (integral regression, Sun et al., ECCV 2018). How wide a heatmap is, calibrated by the errors,
tells how far off its place may be (predicted uncertainty as of Wood et al., arXiv 2204.02776).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headwater.data.crops import network_images
from headwater.networks.hourglass import StackedHourglass
from headwater.networks.localiser.config import LocaliserConfig

_CHANNELS = 4
_AT_ONCE = 16


@dataclass(frozen=True)
class Localised:
    """Points of the face in n crops.

    places: (n, P, 2) px in the crop. spreads: (n, P) px, the predicted standard deviation of a
    place's error along each axis.
    """

    places: Tensor
    spreads: Tensor


class Localiser(nn.Module):
    """Heatmaps of ``points`` points in the middle of square crops of ``image_px``."""

    def __init__(self, config: LocaliserConfig, image_px: int, points: int) -> None:
        super().__init__()
        self.side = round(config.middle * image_px)
        self.margin = (image_px - self.side) // 2
        self.stride = config.stride
        self.net = StackedHourglass(
            _CHANNELS,
            width=config.width,
            outputs=points,
            stacks=1,
            depth=config.depth,
            stride=config.stride,
            upsampling="bilinear",
        )
        # Of every point the exponent and the logarithm of a factor, learned from the errors.
        self.calibration = nn.Parameter(torch.tensor([[1.0, 0.0]]).repeat(points, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Log-probabilities (n, P, h, w) of the points' places in crops (n, 4, S, S)."""
        middle = slice(self.margin, self.margin + self.side)
        seen = images[..., middle, middle].contiguous(memory_format=torch.channels_last)
        maps = self.net(seen)[0]
        return maps.flatten(2).log_softmax(dim=-1).unflatten(2, maps.shape[2:])

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.net.stem.weight.device

    def centres(self) -> Tensor:
        """(w,) px in the crop: centres of the cells of a map's row or column."""
        cells = torch.arange(self.side // self.stride, device=self.device) + 0.5
        return self.margin + self.stride * cells

    def expected(self, maps: Tensor) -> Tensor:
        """Places (n, P, 2) px in the crop, of log-probabilities (n, P, h, w)."""
        share, centres = maps.exp(), self.centres()
        columns, rows = share.sum(dim=2), share.sum(dim=3)
        return torch.stack([(columns * centres).sum(dim=-1), (rows * centres).sum(dim=-1)], dim=-1)

    def spreads(self, maps: Tensor) -> Tensor:
        """Standard deviations (n, P) px of the places' errors, of log-probabilities (n, P, h, w).

        That of a Gaussian with the map's entropy, to a power and times a factor of each point. No
        gradient reaches the maps: places are learned without regard to their spreads.
        """
        entropy = -(maps.exp() * maps).sum(dim=(2, 3)).detach()
        # Of a round Gaussian in the plane it is 1 + log(2 pi) + 2 log(sigma).
        wide = 0.5 * (entropy - 1.0 - math.log(2.0 * math.pi))
        power, shift = self.calibration.unbind(dim=1)
        return self.stride * (power * wide + shift).exp()

    @torch.no_grad()
    def localise(self, pixels: Tensor) -> Localised:
        """The points in crops (n, S, S, 4) uint8, all on the CPU."""
        places, spreads = [], []
        for crops in pixels.split(_AT_ONCE):
            maps = self(network_images(crops).to(self.device))
            places.append(self.expected(maps).cpu())
            spreads.append(self.spreads(maps).cpu())
        return Localised(torch.cat(places), torch.cat(spreads))
