"""Pre-training of f_v: signed distances from pixel-aligned features.

A temporary head predicts the distance of a point to the closed surface from where the point is and
what the views show there. Only f_v is kept.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headwater.data.camera_axes import turned_points
from headwater.data.canonical import UNIT_MM
from headwater.data.head_batches import HeadBatches
from headwater.data.scenes import SdfSamples
from headwater.networks.hourglass import StackedHourglass
from headwater.networks.pixel_aligned import pixel_aligned
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.training import TrainingPart, turn
from headwater.training.draws import WHOLE, Share, pass_over
from headwater.training.loop import Plan, fit

CLAMP_MM: Final = 20.0


class SdfNetwork(nn.Module):
    """f_v with a head of two hidden layers that is thrown away."""

    def __init__(self, f_v: StackedHourglass, config: DescentConfig) -> None:
        super().__init__()
        self.f_v = f_v
        self.image_px = config.image_px
        inputs = 3 + config.stacks * config.outputs
        self.hidden1 = nn.Linear(inputs, config.hidden)
        self.hidden2 = nn.Linear(config.hidden, config.hidden)
        self.last = nn.Linear(config.hidden, 1)

    def forward(self, images: Tensor, projection: Tensor, points: Tensor) -> Tensor:
        """Signed distances (B, Q), canonical units, at points (B, Q, 3).

        images: (B, N, 4, S, S); projection: (B, N, 3, 4).
        """
        maps = torch.cat(self.f_v(images.flatten(0, 1)), dim=1)
        maps = maps.unflatten(0, tuple(images.shape[:2]))
        features = pixel_aligned(maps, points, projection, self.image_px)
        x = functional.relu(self.hidden1(torch.cat([points, features], dim=-1)))
        return torch.as_tensor(self.last(functional.relu(self.hidden2(x)))[..., 0])


def sdf_loss(predicted: Tensor, distance: Tensor, clamp: float) -> Tensor:
    """Mean absolute difference of distances clamped to +-clamp."""
    difference = predicted.clamp(-clamp, clamp) - distance.clamp(-clamp, clamp)
    return difference.abs().mean()


class SdfObjective:
    """The loss of one step, as a function of the step and its generator."""

    def __init__(
        self,
        config: DescentConfig,
        network: SdfNetwork,
        batches: HeadBatches,
        samples: SdfSamples,
        share: Share = WHOLE,
    ) -> None:
        self.config, self.network, self.batches, self.share = config, network, batches, share
        points, distances = torch.from_numpy(samples.points), torch.from_numpy(samples.distances)
        if int(batches.sets.crops.head.max()) >= len(points):
            points = torch.cat([points, points * torch.tensor([-1.0, 1.0, 1.0])])
            distances = torch.cat([distances, distances])
        self.points, self.distances = points, distances

    def losses(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The clamped L1 loss of a batch of heads, each at points of its own."""
        first = pass_over(len(self.batches.sets.crops), self.config.batch, step, self.share)
        batch = self.batches.draw(first, generator)
        chosen = torch.randint(
            self.points.shape[1], (len(first), self.config.sdf_points), generator=generator
        )
        heads, device = batch.heads[:, None], self.network.last.weight.device
        points = turned_points(self.points[heads, chosen], batch.axes).to(device)
        predicted = self.network(batch.images.to(device), batch.projection.to(device), points)
        distances = self.distances[heads, chosen].to(device)
        return {"sdf_loss": sdf_loss(predicted, distances, CLAMP_MM / UNIT_MM)}


def pretrain(
    config: DescentConfig,
    f_v: StackedHourglass,
    batches: HeadBatches,
    samples: SdfSamples,
    part: TrainingPart,
) -> list[dict[str, float]]:
    """Train ``f_v`` in place, where it is, on canonical samples; returns the curve."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(part.seed)
        whole = SdfNetwork(f_v, config).to(f_v.stem.weight.device)
    losses = SdfObjective(config, whole, batches, samples, part.share).losses
    return fit(
        whole,
        [turn(config, [{"params": list(whole.parameters())}], losses, config.sdf_steps)],
        Plan(config.sdf_steps, config.checkpoint_every),
        seed=part.seed + 1,
        fingerprint=f"sdf {part.fingerprint}",
        checkpoint_dir=part.checkpoints / "sdf",
        fabric=part.fabric,
        progress=part.progress,
    )
