"""One optimiser's turn in every step of a training."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from headwater.errors import HeadwaterError

LossFunction = Callable[[int, torch.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Turn:
    """An optimiser, the losses that its parameters are moved against, and its learning rate.

    losses(step, generator) gives named scalars whose sum is minimised; all its randomness must
    come from the generator, or from torch's global one, which is seeded for it. rate: of a step,
    counted from 0; a parameter group may hold ``rate_share``, which it is multiplied with.
    gradient_norm: the gradient is scaled down to this Euclidean norm over all parameters. name: of
    this turn, where a training has several, as a GAN's generator and discriminator; the names of
    their losses differ.
    """

    optimizer: torch.optim.Optimizer
    losses: LossFunction
    rate: Callable[[int], float]
    gradient_norm: float | None = None
    name: str = "model"

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All parameters that the optimiser moves."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]


class _Losses(nn.Module):
    """A turn's losses as a module of the parameters that they train.

    Several devices are kept equal through calls of a module, and systems call any method of theirs.
    """

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self.trained = nn.ParameterList(turn.parameters)
        self.losses = turn.losses

    def forward(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The turn's losses of one step, by name."""
        return self.losses(step, generator)


class ReadyTurn:
    """A turn on its device, and on others where the training is shared with them."""

    def __init__(self, turn: Turn, turns: Sequence[Turn], fabric: Fabric) -> None:
        self.turn, self.fabric = turn, fabric
        self.losses, self.optimizer = fabric.setup(
            _Losses(turn), turn.optimizer, move_to_device=False
        )
        own = set(turn.parameters)
        others = [parameter for other in turns for parameter in other.parameters]
        self.others = [parameter for parameter in others if parameter not in own]

    def take(self, step: int, number: int) -> dict[str, Tensor]:
        """Move the parameters by one step; returns the losses before it.

        number: seed of all that is random. Raises HeadwaterError when the gradient is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.turn.rate(step) * group.get("rate_share", 1.0)
        self._seed(number)
        with _held_still(self.others):
            parts = self.losses(step, torch.Generator().manual_seed(number))
            self.optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(torch.stack(list(parts.values())).sum())
        if self.turn.gradient_norm is not None:
            self._clip(step, self.turn.gradient_norm)
        self.optimizer.step()
        return {name: value.detach() for name, value in parts.items()}

    def _seed(self, number: int) -> None:
        # torch.manual_seed takes a quarter of a millisecond on a machine without CUDA.
        torch.default_generator.manual_seed(number)
        if self.fabric.device.type == "cuda":
            torch.cuda.manual_seed(number)

    def _clip(self, step: int, norm: float) -> None:
        try:
            self.fabric.clip_gradients(self.losses, self.optimizer, max_norm=norm)
        except RuntimeError as error:
            if "non-finite" not in str(error):
                raise
            raise diverged("the gradient", step) from error


def diverged(name: str, step: int) -> HeadwaterError:
    """The error of a training in which something named is no finite number any more."""
    return HeadwaterError(
        f"training diverged: {name} is not finite in step {step + 1}; "
        "set a lower learning_rate, or look into the data for values that are not finite"
    )


@contextmanager
def _held_still(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """No gradients for ``parameters`` inside: they belong to other optimisers."""
    learned = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in learned:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad = True
