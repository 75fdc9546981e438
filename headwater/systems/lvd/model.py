"""The LVD network: image encoder f_v, vertex decoder g_v, and the descent."""

import torch
from torch import Tensor, nn

from headwater.networks.step_decoder import StepDecoder
from headwater.networks.vertex_descent.fields import (
    EncodedViews,
    Field,
    Rows,
    image_encoder,
    image_maps,
)
from headwater.systems.lvd.config import LvdConfig


class Lvd(nn.Module):
    """Learned vertex descent for one template.

    template: (V, 3) canonical mean head. smoothing: (V, anchors) shares of the shared last-layer
    weights, None without anchors.
    """

    def __init__(
        self, config: LvdConfig, template: Tensor, smoothing: Tensor | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("template", template)
        self.template: Tensor
        self.f_v = image_encoder(config)
        inputs = 3 + config.stacks * config.outputs
        self.g_v = StepDecoder(inputs, config.hidden, len(template), smoothing)

    def encode(self, images: Tensor, projection: Tensor) -> EncodedViews:
        """Feature maps of every view: images (B, N, 4, S, S), projection (B, N, 3, 4)."""
        batch, count = images.shape[:2]
        maps = torch.cat(image_maps(self.f_v, images), dim=1).unflatten(0, (batch, count))
        template = self.template.expand(batch, -1, -1)
        return EncodedViews(maps, projection, images.new_zeros(batch, 0), template)

    def field(self, encoded: EncodedViews) -> Field:
        """The vertices' displacement field."""
        return Field(self.g_v, self.config, encoded)

    def descend(
        self, encoded: EncodedViews, vertices: Tensor, iterations: int, rows: Rows | None = None
    ) -> Tensor:
        """States (T + 1, B, V, 3) of the descent that starts at vertices (B, V, 3).

        rows: of g_v, computed before.
        """
        states, field = [vertices], self.field(encoded)
        rows = self.g_v.rows() if rows is None else rows
        for _ in range(iterations):
            vertices = vertices + field.own(vertices, rows=rows)
            states.append(vertices)
        return torch.stack(states)
