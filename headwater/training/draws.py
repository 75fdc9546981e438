"""Rows and random numbers of a step, the same however often a training was stopped and resumed."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from headwater.errors import HeadwaterError

_APART: Final = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Share:
    """The part of every batch that one of ``ranks`` devices computes: the slice number ``rank``."""

    rank: int = 0
    ranks: int = 1

    def places(self, batch: int, step: int) -> range:
        """Places of the share of step ``step`` in the endless sequence of rows.

        Raises HeadwaterError where the devices cannot share ``batch`` rows equally.
        """
        if batch % self.ranks:
            raise HeadwaterError(
                f"a batch of {batch} cannot be shared equally by {self.ranks} devices; set the "
                "system's devices to a divisor of it, or its batch to a multiple of them"
            )
        own = batch // self.ranks
        first = step * batch + self.rank * own
        return range(first, first + own)


WHOLE: Final = Share()


def stream(seed: int, step: int, turn: int = 0, rank: int = 0) -> int:
    """Seed of the random numbers of one optimiser's turn in one step on one device."""
    return (seed * 1_000_003 + step + _APART * (rank + 4096 * turn)) % 2**63


def pass_over(count: int, batch: int, step: int, share: Share = WHOLE) -> Tensor:
    """Rows (batch / ranks,) of a step's share; every pass over ``count`` rows is a new permutation.

    A batch that a pass does not fill goes on with the next pass: all batches are equally large.
    """
    places = torch.tensor(share.places(batch, step))
    rounds = (places // count).unique().tolist()
    orders = {r: torch.randperm(count, generator=torch.Generator().manual_seed(r)) for r in rounds}
    return torch.stack([orders[int(p) // count][int(p) % count] for p in places])
