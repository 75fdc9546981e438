"""Training of the localiser on the projected true points of rendered heads."""

from typing import Any

import torch
from torch import Tensor

from headwater.data.augmentation import disturbed_images, jittered
from headwater.networks.localiser.config import LocaliserConfig
from headwater.networks.localiser.network import Localiser
from headwater.networks.vertex_descent.training import TrainingPart
from headwater.training.draws import WHOLE, Share, pass_over
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve
from headwater.training.schedules import Rate, constant_then_linear
from headwater.training.turns import Turn

# Rate of the calibration, as a multiple of the weights': its two numbers per point change by up to
# 1.5, weights by a hundredth of that.
CALIBRATION_RATE = 10.0


def heatmap_losses(
    network: Localiser, maps: Tensor, points: Tensor, sigma_cells: float
) -> dict[str, Tensor]:
    """Losses of log-probabilities (n, P, h, w) for points (n, P, 2) px.

    Cross entropy to Gaussians round the points; the distance, in px per axis, of the expected
    places to them; and the negative log-likelihood of the errors of these places under Gaussians
    of the predicted spreads, which calibrates the spreads alone.
    """
    offsets = (points[..., None] - network.centres()) / network.stride
    falloff = torch.exp(-0.5 * (offsets / sigma_cells) ** 2)
    falloff = falloff / falloff.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    wanted = falloff[:, :, 1, :, None] * falloff[:, :, 0, None, :]
    places = network.expected(maps)
    spreads = network.spreads(maps) / network.stride
    errors = (places.detach() - points) / network.stride / spreads[..., None]
    return {
        "heatmap_loss": -(maps * wanted).sum(dim=(2, 3)).mean(),
        "localisation_loss": (places - points).abs().mean(),
        "spread_loss": 0.5 * errors.square().mean() + spreads.log().mean(),
    }


class LocaliserObjective:
    """The losses of one step, as a function of the step and its generator.

    pixels: (n, S, S, 4) uint8 crops; truth: (n, P, 2) px, their true points.
    """

    def __init__(
        self,
        config: LocaliserConfig,
        network: Localiser,
        pixels: Tensor,
        truth: Tensor,
        share: Share = WHOLE,
    ) -> None:
        self.config, self.network, self.share = config, network, share
        # All crops stay where the network is: there they are disturbed, too.
        self.pixels, self.truth = pixels.to(network.device), truth.to(network.device)

    def losses(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of a batch of crops, each turned, resized, shifted and disturbed a little."""
        rows = pass_over(len(self.pixels), self.config.batch, step, self.share)
        rows = rows.to(self.pixels.device)
        values = self.pixels[rows].movedim(-1, -3).float() / 255.0
        moved, points = jittered(values, self.truth[rows], generator)
        maps = self.network(disturbed_images(moved, generator))
        return heatmap_losses(self.network, maps, points, self.config.sigma_cells)


def train_localiser(
    config: LocaliserConfig, network: Localiser, pixels: Tensor, truth: Tensor, part: TrainingPart
) -> Curve:
    """Train ``network`` in place, where it is, and freeze it; returns the curve.

    pixels: (n, S, S, 4) uint8 crops; truth: (n, P, 2) px, their true points.
    """
    network.requires_grad_(requires_grad=True)
    learned = [one for one in network.parameters() if one is not network.calibration]
    groups: list[dict[str, Any]] = [
        {"params": learned},
        {"params": [network.calibration], "rate_share": CALIBRATION_RATE, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups,
        lr=config.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=0.02,
        fused=True,
    )
    losses = LocaliserObjective(config, network, pixels, truth, part.share).losses
    rate = Rate(config.learning_rate, (constant_then_linear(config.steps, 0.1),))
    curve = fit(
        network,
        [Turn(optimizer, losses, rate, gradient_norm=1.0)],
        Plan(config.steps, config.checkpoint_every),
        seed=part.seed + 2,
        fingerprint=f"localiser {part.fingerprint}",
        checkpoint_dir=part.checkpoints / "localiser",
        fabric=part.fabric,
        progress=part.progress,
    )
    network.requires_grad_(requires_grad=False)
    return curve
