"""Selection of weights by their error on the validation split."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Validation:
    """error(model): a figure on the validation split, lower is better, taken every ``every`` steps.

    It is taken without gradients, of a model in evaluation mode, and after the last step, too.
    """

    every: int
    error: Callable[[nn.Module], float]


@dataclass(frozen=True)
class Best:
    """The weights of least error so far, after ``step`` steps."""

    step: int
    error: float
    state: dict[str, Tensor]


def better(best: Best | None, step: int, error: float, model: nn.Module) -> Best | None:
    """The best weights once ``model`` has shown ``error``; of equal ones the earlier."""
    if not math.isfinite(error) or (best is not None and error >= best.error):
        return best
    return Best(step, error, {name: w.detach().clone() for name, w in model.state_dict().items()})
