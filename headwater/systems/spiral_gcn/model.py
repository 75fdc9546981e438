"""The networks: encoder, coarse decoder and detail network, after the supplement's layer lists."""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from headwater.data.canonical import UNIT_MM
from headwater.networks.mesh_levels import MeshLevels
from headwater.networks.mobilenet_v2 import MobileNetV2
from headwater.networks.resnet import ResNet
from headwater.networks.spiral import SpiralConv
from headwater.systems.spiral_gcn.config import SpiralConfig
from headwater.systems.spiral_gcn.surface import Surface, lengths_of

# Channels of the coarse decoder on every level, the finest first; the last are those of its first
# layer.
CHANNELS: Final = (8, 16, 32, 64, 128, 128)
# Inputs of the detail network for each vertex: its normal and its colour.
SEEN: Final = 6


class Coarse(NamedTuple):
    """vertices: (B, s, 3). half, quarter: the encoder's maps of these images."""

    vertices: Tensor
    half: Tensor
    quarter: Tensor


class CoarseDecoder(nn.Module):
    """A code (B, C) to vertices (B, s, 3): one layer to the coarsest level, then up (table 2.2).

    ELU after every layer but the last, whose first weights are zero.
    """

    def __init__(self, sizes: tuple[int, ...], config: SpiralConfig) -> None:
        super().__init__()
        self.coarsest, depth = sizes[-1], len(sizes) - 1
        lengths = lengths_of(config, depth)
        self.first = nn.Linear(config.code, self.coarsest * CHANNELS[depth])
        nn.init.xavier_uniform_(self.first.weight)
        nn.init.zeros_(self.first.bias)
        self.layers = nn.ModuleList(
            SpiralConv(CHANNELS[level + 1], CHANNELS[level], lengths[level])
            for level in range(depth)
        )
        self.last = SpiralConv(CHANNELS[0], 3, lengths[0])
        nn.init.zeros_(self.last.weight)

    def forward(self, code: Tensor, levels: MeshLevels) -> Tensor:
        """Displacements (B, s, 3) in the decoder's unit."""
        values = functional.elu(self.first(code)).unflatten(1, (self.coarsest, -1)).transpose(0, 1)
        for level in reversed(range(levels.depth)):
            values = levels.unpool(values, level)
            values = functional.elu(self.layers[level](values, levels.spirals(level)))
        moved: Tensor = self.last(values, levels.spirals(0))
        return moved.transpose(0, 1)


class DetailNet(nn.Module):
    """Normals and colours (s, B, 6) to displacements (s, B, 3), after the supplement's list.

    half, quarter: channels of the encoder's maps that are sampled on levels 1 and 2.
    """

    def __init__(self, half: int, quarter: int, length: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            SpiralConv(inputs, outputs, length)
            for inputs, outputs in ((SEEN, 8), (8, 16), (16, 32))
        )
        self.adapt_quarter = nn.Linear(quarter, 32)
        self.adapt_half = nn.Linear(half, 16)
        self.up = nn.ModuleList(SpiralConv(*both, length) for both in ((32, 16), (16, 8)))
        self.last = SpiralConv(8, 3, length)
        nn.init.zeros_(self.last.weight)

    def forward(self, seen: Tensor, half: Tensor, quarter: Tensor, levels: MeshLevels) -> Tensor:
        """half: (v1, B, C) features at the vertices of level 1; quarter: (v2, B, D), of level 2."""
        values = functional.elu(self.down[0](seen, levels.spirals(0)))
        values = functional.elu(self.down[1](levels.pool(values, 0), levels.spirals(1)))
        values = functional.elu(self.down[2](levels.pool(values, 1), levels.spirals(2)))
        values = levels.unpool(values + self.adapt_quarter(quarter), 1)
        values = functional.elu(self.up[0](values, levels.spirals(1)))
        values = levels.unpool(values + self.adapt_half(half), 0)
        values = functional.elu(self.up[1](values, levels.spirals(0)))
        moved: Tensor = self.last(values, levels.spirals(0))
        return moved


class SpiralGcn(nn.Module):
    """The whole system for one surface.

    mean: (s, 3), mean surface in the network's axes, canonical units. common: (s, 1, 3), mean
    output of the detail network over images, in mean edge lengths.
    """

    def __init__(self, config: SpiralConfig, surface: Surface, mean: Tensor) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", mean)
        self.mean: Tensor
        self.register_buffer("common", torch.zeros(len(mean), 1, 3))
        self.common: Tensor
        self.levels = MeshLevels(surface.tables)
        self.encoder: ResNet | MobileNetV2
        if config.encoder == "mobilenet":
            self.encoder = MobileNetV2()
        else:
            self.encoder = ResNet(config.width, config.depths)
        self.code = nn.Linear(self.encoder.features_out, config.code)
        self.decoder = CoarseDecoder(surface.sizes, config)
        self.detail = DetailNet(*self.encoder.map_channels, config.long_spiral)

    def forward(self, images: Tensor) -> Coarse:
        """The coarse mesh, canonical units, of images (B, 3, S, S), ImageNet-normalised."""
        half, quarter, pooled = self.encoder.maps(images)
        moved = self.decoder(functional.elu(self.code(pooled)), self.levels)
        return Coarse(self.mean + moved * self.unit, half, quarter)

    @property
    def unit(self) -> float:
        """The decoder's unit of length, in canonical units."""
        return self.config.scale_mm / UNIT_MM

    def coarse_parameters(self) -> list[nn.Parameter]:
        """All parameters but those of the detail network."""
        own = set(self.detail.parameters())
        return [parameter for parameter in self.parameters() if parameter not in own]


def sampled(maps: Tensor, places: Tensor, side: int) -> Tensor:
    """Maps (B, C, h, w) of images of ``side`` px at places (B, v, 2) px: (v, B, C).

    Bilinear, pixel centres at +0.5; places beyond the border take its values.
    """
    grid = (places * (2.0 / side) - 1.0)[:, :, None]
    found = functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
    return found[..., 0].permute(2, 0, 1)
