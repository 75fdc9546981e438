"""The losses of eq. 1: the original GAN's, L1 of the maps, and L1 of their gradients."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from headwater.systems.facevision.config import FaceVisionConfig
from headwater.systems.facevision.model import FaceVision

# The photos (B, 3, S, S), network input, and the true maps by name, in -1..1.
Batch = tuple[Tensor, dict[str, Tensor]]
Draw = Callable[[int, torch.Generator], Batch]


def adversarial(logits: Tensor, *, real: bool) -> Tensor:
    """-log D where ``real``, else -log(1 - D), averaged over patches; D = sigmoid(logits)."""
    return functional.softplus(-logits if real else logits).mean()


def gradient_l1(found: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference of forward differences in x and y, over both."""
    off = found - true
    across, down = off[..., :, 1:] - off[..., :, :-1], off[..., 1:, :] - off[..., :-1, :]
    return torch.cat([across.flatten(), down.flatten()]).abs().mean()


class Objective:
    """The losses of both turns of a step: the generator's, then the discriminators'.

    draw(step, generator): the step's batch. The discriminators judge the maps that the generator
    made in its turn of the same step.
    """

    def __init__(self, config: FaceVisionConfig, network: FaceVision, draw: Draw) -> None:
        self.config, self.network, self.draw = config, network, draw
        self._made: tuple[Batch, dict[str, Tensor]] | None = None

    def generator(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """L_G, each term with its weight."""
        batch = photos, true = self.draw(step, generator)
        found = self.network.generator(photos)
        self._made = batch, {name: one.detach() for name, one in found.items()}
        losses: dict[str, Tensor] = {}
        for name, own in found.items():
            losses[f"{name}_l1_loss"] = self.config.l1 * (own - true[name]).abs().mean()
            if self.config.gradient:
                value = self.config.gradient * gradient_l1(own, true[name])
                losses[f"{name}_gradient_loss"] = value
            if self.config.gan:
                logits = self.network.discriminators[name](torch.cat([photos, own], dim=1))
                losses[f"{name}_gan_loss"] = self.config.gan * adversarial(logits, real=True)
        return losses

    def discriminators(self, _step: int, _generator: torch.Generator) -> dict[str, Tensor]:
        """L_D of each map, half the sum over true and made ones."""
        assert self._made is not None
        (photos, true), made = self._made
        losses = {}
        for name, discriminator in self.network.discriminators.items():
            real = adversarial(discriminator(torch.cat([photos, true[name]], dim=1)), real=True)
            fake = adversarial(discriminator(torch.cat([photos, made[name]], dim=1)), real=False)
            losses[f"{name}_discriminator_loss"] = 0.5 * (real + fake)
        return losses
