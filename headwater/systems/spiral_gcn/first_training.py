"""The first training: the decoder of shapes alone, the encoder of their codes, each apart.

A head lies ``z`` standard deviations along the principal components of the training heads. Codes
for it are ``R z``, R with orthogonal columns so long that codes have a deviation of one. The
decoder learns to make heads of codes, which takes no image, and the encoder to find the codes of
the heads that its images show, which takes no decoder: four fifths of a step's time. Then both
learn together. Not in the supplement, whose training is fifty times as long.
"""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from headwater.networks.vertex_descent.training import TrainingPart, counted_from
from headwater.systems.spiral_gcn.config import SpiralConfig
from headwater.systems.spiral_gcn.data import Examples
from headwater.systems.spiral_gcn.losses import coarse_loss
from headwater.systems.spiral_gcn.model import SpiralGcn
from headwater.training.draws import pass_over
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve
from headwater.training.schedules import Rate, constant_then_linear
from headwater.training.turns import LossFunction, Turn

# Of what a code says beside heads, in the encoder's loss.
_ASIDE: Final = 0.1
# A component of a smaller share of the first one's variance is rounding.
_ROUNDING: Final = 1e-7


@dataclass(frozen=True)
class HeadCodes:
    """Codes (B, C), before the ELU, of surfaces (B, s, 3) about ``mean`` (s, 3), canonical units.

    basis: (k, 3 s) principal components. deviations: (k,) along them. turn: (C, k).
    """

    mean: Tensor
    basis: Tensor
    deviations: Tensor
    turn: Tensor

    def components(self, surfaces: Tensor) -> Tensor:
        """(B, k) deviations along the components."""
        return (surfaces - self.mean).flatten(1) @ self.basis.T / self.deviations

    def surfaces(self, components: Tensor) -> Tensor:
        """The surfaces that lie so far along the components."""
        moved = (components * self.deviations) @ self.basis
        return self.mean + moved.unflatten(1, self.mean.shape)

    def encoded(self, components: Tensor) -> Tensor:
        """The codes of components."""
        return components @ self.turn.T

    def decoded(self, codes: Tensor) -> Tensor:
        """The components that codes say."""
        return codes @ self.turn / self.turn[:, 0].square().sum()


def head_codes(examples: Examples, config: SpiralConfig, seed: int) -> HeadCodes:
    """Codes by the heads that some crop shows; at most ``components`` and as many as differ."""
    mean = examples.mean
    heads = (examples.targets[torch.unique(examples.crops.head)] - mean).flatten(1)
    variances, shares = torch.linalg.eigh((heads @ heads.T / len(heads)).double())
    variances, shares = variances.flip(0), shares.flip(1)
    apart = int((variances > _ROUNDING * variances[0]).sum())
    count = min(config.components, config.code, apart)
    deviations = variances[:count].sqrt().float()
    basis = shares[:, :count].T.float() @ heads / (deviations[:, None] * len(heads) ** 0.5)
    generator = torch.Generator().manual_seed(seed)
    turn, _ = torch.linalg.qr(torch.randn(config.code, count, generator=generator))
    turn = turn * (config.code / count) ** 0.5
    return HeadCodes(mean, basis, deviations, turn)


def train_apart(network: SpiralGcn, examples: Examples, part: TrainingPart) -> Curve:
    """Train decoder, then encoder, in place."""
    config, codes = network.config, head_codes(examples, network.config, part.seed)
    torch.nn.init.zeros_(network.code.weight)
    learned = _fit(
        [{"params": list(network.decoder.parameters())}],
        config.decoder_steps,
        decoder_losses(network, codes, examples, part),
        network,
        "decoder",
        part,
    )
    found = _fit(
        [
            {"params": list(network.encoder.parameters()), "rate_share": config.encoder_rate},
            {"params": list(network.code.parameters())},
        ],
        config.code_steps,
        encoder_losses(network, codes, examples, part),
        network,
        "codes",
        part.after(config.decoder_steps),
    )
    return learned + counted_from(found, config.decoder_steps)


def decoder_losses(
    network: SpiralGcn, codes: HeadCodes, examples: Examples, part: TrainingPart
) -> LossFunction:
    """L1 of surfaces made of codes: half of a batch are training heads, half are drawn."""
    config, device = network.config, network.mean.device
    heads = codes.components(examples.targets[torch.unique(examples.crops.head)])

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        rows = pass_over(len(heads), config.batch, step, part.share)
        drawn = torch.randn(len(rows), heads.shape[1], generator=generator)
        components = torch.where(torch.arange(len(rows))[:, None] % 2 == 0, heads[rows], drawn)
        values = functional.elu(codes.encoded(components)).to(device)
        made = network.mean + network.decoder(values, network.levels) * network.unit
        truth = codes.surfaces(components).to(device)
        return {"decoder_loss": coarse_loss(made, truth, network.unit)}

    return losses


def encoder_losses(
    network: SpiralGcn, codes: HeadCodes, examples: Examples, part: TrainingPart
) -> LossFunction:
    """Distance of the heads that codes say, of a usual head's from the mean."""
    config, device = network.config, network.mean.device
    batches = examples.batches(config, device)
    components = codes.components(examples.targets)
    usual = codes.deviations.square().sum().sqrt()

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        rows = pass_over(len(examples.crops), config.code_batch, step, part.share)
        batch = batches.draw(rows, generator)
        _, _, pooled = network.encoder.maps(batch.images[:, 0, :3].to(device))
        found = network.code(pooled)
        said = codes.decoded(found.cpu())
        off = ((said - components[batch.heads]) * codes.deviations).norm(dim=1) / usual
        aside = (found.cpu() - codes.encoded(said)).square().mean()
        return {"code_loss": off.mean(), "aside_loss": _ASIDE * aside}

    return losses


def _fit(
    groups: list[dict[str, Any]],
    steps: int,
    losses: LossFunction,
    network: SpiralGcn,
    name: str,
    part: TrainingPart,
) -> Curve:
    config = network.config
    optimizer = torch.optim.AdamW(
        groups, lr=config.first_rate, weight_decay=config.weight_decay, fused=True
    )
    rate = Rate(config.first_rate, (constant_then_linear(steps, config.constant_share),))
    return fit(
        network,
        [Turn(optimizer, losses, rate, gradient_norm=1.0)],
        Plan(steps, config.checkpoint_every),
        seed=part.seed,
        fingerprint=f"{name} {part.fingerprint}",
        checkpoint_dir=part.checkpoints / name,
        fabric=part.fabric,
        progress=part.progress,
    )
