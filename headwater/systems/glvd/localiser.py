"""The localiser: a frozen network that draws heatmaps of 68 landmarks (note, 2.3, unknown 5).

An hourglass on the middle of the crop, where the face is, trained on the same heads before the
rest. A landmark is read off its heatmap as the expected place, so that it is not bound to the map's
cells (integral regression, Sun et al., ECCV 2018).
"""

import torch
from torch import Tensor, nn

from headwater.data.crops import network_images
from headwater.networks.hourglass import StackedHourglass
from headwater.systems.glvd.config import LocaliserConfig

LANDMARKS = 68
_CHANNELS = 4
_AT_ONCE = 16


class Localiser(nn.Module):
    """Heatmaps of 68 landmarks in the middle of square crops of ``image_px``."""

    def __init__(self, config: LocaliserConfig, image_px: int) -> None:
        super().__init__()
        self.side = round(config.middle * image_px)
        self.margin = (image_px - self.side) // 2
        self.stride = config.stride
        self.net = StackedHourglass(
            _CHANNELS,
            width=config.width,
            outputs=LANDMARKS,
            stacks=1,
            depth=config.depth,
            stride=config.stride,
            upsampling="bilinear",
        )

    def forward(self, images: Tensor) -> Tensor:
        """Log-probabilities (n, 68, h, w) of the landmarks' places in crops (n, 4, S, S)."""
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
        """Landmarks (n, 68, 2) px in the crop, of log-probabilities (n, 68, h, w)."""
        share, centres = maps.exp(), self.centres()
        columns, rows = share.sum(dim=2), share.sum(dim=3)
        return torch.stack([(columns * centres).sum(dim=-1), (rows * centres).sum(dim=-1)], dim=-1)

    @torch.no_grad()
    def peaks(self, pixels: Tensor) -> Tensor:
        """Landmarks (n, 68, 2) px in crops (n, S, S, 4) uint8, both on the CPU."""
        few = [network_images(crops).to(self.device) for crops in pixels.split(_AT_ONCE)]
        return torch.cat([self.expected(self(images)).cpu() for images in few])
