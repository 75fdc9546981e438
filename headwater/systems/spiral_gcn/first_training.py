"""The first training: decoder and encoder apart, the one from codes to heads, the other to codes.

A head is z standard deviations from the mean along the principal components of the training heads.
Its code is R z, where R has orthogonal columns, scaled so that a code's numbers have a standard
deviation of one. The decoder learns heads from codes, without images, and the encoder the codes of
the heads in its images, without the decoder, which takes four fifths of the time of a common step.
Then both are trained together. Not in the supplement, whose training is fifty times as long.
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

# Weight, in the encoder's loss, of the part of a code that is orthogonal to the codes of heads.
_ASIDE: Final = 0.1
# Least variance of a component, as a share of the first one's; less is rounding.
_ROUNDING: Final = 1e-7


@dataclass(frozen=True)
class HeadCodes:
    """The linear map between surfaces (B, s, 3), canonical units, and codes (B, C), before the ELU.

    mean: (s, 3). basis: (k, 3 s), principal components of unit length. deviations: (k,), standard
    deviations along them. turn: (C, k), R.
    """

    mean: Tensor
    basis: Tensor
    deviations: Tensor
    turn: Tensor

    def components(self, surfaces: Tensor) -> Tensor:
        """Components z (B, k) of surfaces (B, s, 3), in standard deviations."""
        return (surfaces - self.mean).flatten(1) @ self.basis.T / self.deviations

    def surfaces(self, components: Tensor) -> Tensor:
        """Surfaces (B, s, 3) of components (B, k)."""
        moved = (components * self.deviations) @ self.basis
        return self.mean + moved.unflatten(1, self.mean.shape)

    def encoded(self, components: Tensor) -> Tensor:
        """Codes R z (B, C) of components (B, k)."""
        return components @ self.turn.T

    def decoded(self, codes: Tensor) -> Tensor:
        """Components (B, k) of codes (B, C), by the pseudoinverse of R."""
        return codes @ self.turn / self.turn[:, 0].square().sum()


def head_codes(examples: Examples, config: SpiralConfig, seed: int) -> HeadCodes:
    """The codes by the heads that some crop shows, with as many components as these span.

    At most ``config.components`` and ``config.code``. seed: of the random R.
    """
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
    """Train the decoder, then the encoder, in place; returns the curve of both."""
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
    """L1 of decoded surfaces; half of a batch are training heads, half are drawn from the prior."""
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
    """Distance between heads of found and true codes, as a share of heads' RMS from the mean."""
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
