"""Learning rates over a training: a base rate times factors, each a function of the step.

A factor takes a step, counted from 0, and gives a number; factors are multiplied. A rate that no
factor stands beside is constant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi, prod

Factor = Callable[[int], float]


@dataclass(frozen=True)
class Rate:
    """The learning rate ``base`` times all ``factors`` of a step."""

    base: float
    factors: tuple[Factor, ...] = ()

    def __call__(self, step: int) -> float:
        """Learning rate of step ``step`` (from 0)."""
        return self.base * prod(factor(step) for factor in self.factors)


def constant_then_linear(steps: int, constant_share: float) -> Factor:
    """1 for ``constant_share`` of the steps, then linear to 0 at ``steps``."""
    constant = constant_share * steps

    def factor(step: int) -> float:
        return min(1.0, (steps - step) / max(steps - constant, 1.0))

    return factor


def warm_up(steps: int, first: float = 0.0) -> Factor:
    """Linear from ``first`` at step 0 to 1 at ``steps``, and 1 from there on."""

    def factor(step: int) -> float:
        return first + (1.0 - first) * min(1.0, step / steps)

    return factor


def milestones(steps: Sequence[int], drop: float) -> Factor:
    """``drop`` to the power of how many of ``steps`` have been reached."""

    def factor(step: int) -> float:
        return drop ** sum(step >= milestone for milestone in steps)

    return factor


def decay(share: float, every: int) -> Factor:
    """``share`` to the power of how often ``every`` steps, as those of an epoch, have passed."""

    def factor(step: int) -> float:
        return share ** (step // every)

    return factor


def cosine(steps: int, last: float = 0.0) -> Factor:
    """Half a cosine from 1 at step 0 to ``last`` at ``steps``, and ``last`` from there on."""

    def factor(step: int) -> float:
        return last + (1.0 - last) * 0.5 * (1.0 + cos(pi * min(1.0, step / steps)))

    return factor
