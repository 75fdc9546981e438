"""LVD's losses: the vertex field alone, regressed at sampled points."""

import torch
from torch import Tensor

from headwater.data.camera_axes import turned_points
from headwater.data.head_batches import HeadBatches
from headwater.networks.vertex_descent.objective import VertexObjective
from headwater.networks.vertex_descent.training import Examples
from headwater.systems.lvd.config import LvdConfig
from headwater.systems.lvd.model import Lvd
from headwater.training.draws import WHOLE, Share, pass_over


class Objective:
    """The losses of one step, as a function of the step and its generator."""

    def __init__(
        self,
        config: LvdConfig,
        network: Lvd,
        examples: Examples,
        batches: HeadBatches,
        share: Share = WHOLE,
    ) -> None:
        self.config, self.network, self.share = config, network, share
        self.examples, self.batches = examples, batches
        self.vertices = VertexObjective(config, examples.template)

    def losses(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of one batch, by name."""
        first = pass_over(len(self.examples.crops), self.config.batch, step, self.share)
        batch = self.batches.draw(first, generator)
        device = self.network.template.device
        truth = turned_points(self.examples.targets[batch.heads], batch.axes).to(device)
        encoded = self.network.encode(batch.images.to(device), batch.projection.to(device))
        moments = self.vertices.points.moments(len(first), generator)
        return self.vertices.losses(self.network.field(encoded), truth, moments, generator)
