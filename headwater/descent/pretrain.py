"""Pre-training of f_v: signed distances from pixel-aligned features (note, section 2.8).

A temporary head predicts the distance of a point to the closed surface from where the point is and
what the views show there. Only f_v is kept.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headwater.data.scenes import SdfSamples
from headwater.descent.augment import augmented_batch
from headwater.descent.camera_axes import axes_of, turned_cameras, turned_points
from headwater.descent.canonical import UNIT_MM
from headwater.descent.config import GlvdConfig
from headwater.descent.features import pixel_aligned
from headwater.descent.hourglass import StackedHourglass
from headwater.descent.model import Glvd, ViewBatch
from headwater.descent.view_sets import ViewSets
from headwater.training.loop import Progress, Schedule, fit, pass_over

CLAMP_MM: Final = 20.0


class SdfNetwork(nn.Module):
    """f_v with a head of two hidden layers that is thrown away."""

    def __init__(self, f_v: StackedHourglass, config: GlvdConfig) -> None:
        super().__init__()
        self.f_v = f_v
        self.image_px = config.image_px
        inputs = 3 + config.stacks * config.outputs
        self.hidden1 = nn.Linear(inputs, config.hidden)
        self.hidden2 = nn.Linear(config.hidden, config.hidden)
        self.last = nn.Linear(config.hidden, 1)

    def forward(self, views: ViewBatch, points: Tensor) -> Tensor:
        """Signed distances (B, Q), canonical units, at points (B, Q, 3)."""
        maps = torch.cat(self.f_v(views.images.flatten(0, 1)), dim=1)
        maps = maps.unflatten(0, tuple(views.images.shape[:2]))
        features = pixel_aligned(maps, points, views.projection, self.image_px)
        x = functional.relu(self.hidden1(torch.cat([points, features], dim=-1)))
        return torch.as_tensor(self.last(functional.relu(self.hidden2(x)))[..., 0])


def sdf_loss(predicted: Tensor, distance: Tensor, clamp: float) -> Tensor:
    """Mean absolute difference of distances clamped to +-clamp."""
    difference = predicted.clamp(-clamp, clamp) - distance.clamp(-clamp, clamp)
    return difference.abs().mean()


class SdfObjective:
    """The loss of one step, as a function of the step and its generator."""

    def __init__(
        self, config: GlvdConfig, network: SdfNetwork, sets: ViewSets, samples: SdfSamples
    ) -> None:
        self.config, self.network, self.sets = config, network, sets
        points, distances = torch.from_numpy(samples.points), torch.from_numpy(samples.distances)
        if int(sets.crops.head.max()) >= len(points):
            points = torch.cat([points, points * torch.tensor([-1.0, 1.0, 1.0])])
            distances = torch.cat([distances, distances])
        self.points, self.distances = points, distances

    def losses(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The clamped L1 loss of a batch of heads, each at points of its own."""
        rows = pass_over(len(self.sets.crops), self.config.batch, step)
        count = int(torch.randint(1, self.config.most_views + 1, (1,), generator=generator))
        sets = self.sets.choose(rows, count, generator)
        views = augmented_batch(self.sets, sets, self.config, generator)
        heads = self.sets.crops.head[rows][:, None]
        chosen = torch.randint(
            self.points.shape[1], (len(rows), self.config.sdf_points), generator=generator
        )
        axes = axes_of(self.config.space, views.projection)
        views = replace(views, projection=turned_cameras(views.projection, axes))
        device = self.network.last.weight.device
        points = turned_points(self.points[heads, chosen], axes).to(device)
        distances = self.distances[heads, chosen].to(device)
        predicted = self.network(views.to(device), points)
        return {"sdf_loss": sdf_loss(predicted, distances, CLAMP_MM / UNIT_MM)}


def pretrain(
    config: GlvdConfig,
    network: Glvd,
    sets: ViewSets,
    samples: SdfSamples,
    checkpoint_dir: Path,
    fingerprint: str,
    seed: int,
    progress: Progress | None,
) -> list[dict[str, float]]:
    """Train ``network.f_v`` in place on canonical samples; returns the curve."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        whole = SdfNetwork(network.f_v, config).to(network.template.device)
    optimizer = torch.optim.AdamW(
        whole.parameters(),
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=True,
    )
    schedule = Schedule(
        config.sdf_steps,
        config.learning_rate,
        config.constant_share,
        config.gradient_norm,
        config.checkpoint_every,
    )
    return fit(
        whole,
        optimizer,
        SdfObjective(config, whole, sets, samples).losses,
        schedule,
        seed=seed + 1,
        fingerprint=f"sdf {fingerprint}",
        checkpoint_dir=checkpoint_dir,
        progress=progress,
    )
