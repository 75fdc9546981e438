"""Amounts by which patterns move the parts of a face, relative to its size, and their ranges."""

from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np


@dataclass(frozen=True)
class Amounts:
    """Amounts of all patterns; the defaults change nothing.

    lid: height of a closed eye, as a share of the open one's. brow_follows: drop of the brow over a
    closed eye, as a share of the eye distance. lift: rise of the upper lip of an opened mouth, as a
    share of the mouth's width. widen: factor on the width of an opened mouth. knit_turn: turn of a
    knit brow about its middle, inner end down, degrees. knit_down: drop of a knit brow, as a share
    of its gap to the eye. knit_in: its shift towards the nose, as a share of the eye distance.
    squint: height of the eye under it, as a share of its own. mouth_turn: degrees. mouth_shift: as
    a share of the mouth's width. mouth_narrow, nose: factors on the width. drop: share of the drop
    of the lower lip that the pattern asks for. smile: rise of the mouth's corners, as a share of
    its width. close: share of the mouth's opening that closes. towards: side to which a mouth turns
    or shifts, -1 for the subject's right and 1 for the left.
    """

    lid: float = 1.0
    brow_follows: float = 0.0
    lift: float = 0.0
    widen: float = 1.0
    knit_turn: float = 0.0
    knit_down: float = 0.0
    knit_in: float = 0.0
    squint: float = 1.0
    mouth_turn: float = 0.0
    mouth_shift: float = 0.0
    mouth_narrow: float = 1.0
    nose: float = 1.0
    drop: float = 0.0
    smile: float = 0.0
    close: float = 0.0
    towards: int = 1

    def weakened(self, strength: float) -> "Amounts":
        """Amounts of a weaker expression: a share ``strength`` of the way from none to these."""
        none = asdict(Amounts())
        numbers = {
            name: none[name] + strength * (value - none[name])
            for name, value in asdict(self).items()
            if name != "towards"
        }
        return replace(self, **numbers)


# Smallest and largest of each; the paper gives none. Lids further apart do not look closed.
RANGES: Final[dict[str, tuple[float, float]]] = {
    "lid": (0.02, 0.08),
    "brow_follows": (0.02, 0.06),
    "lift": (0.0, 0.05),
    "widen": (0.85, 1.1),
    "knit_turn": (8.0, 20.0),
    "knit_down": (0.10, 0.25),
    "knit_in": (0.02, 0.05),
    "squint": (0.5, 0.8),
    "mouth_turn": (10.0, 20.0),
    "mouth_shift": (0.1, 0.2),
    "mouth_narrow": (0.6, 0.8),
    "nose": (1.15, 1.3),
    "drop": (1.0, 1.0),
    "smile": (0.03, 0.06),
    "close": (1.0, 1.0),
}


def drawn_amounts(rng: np.random.Generator) -> Amounts:
    """Amounts drawn uniformly from ``RANGES``, and one of the two sides."""
    numbers = {name: float(rng.uniform(low, high)) for name, (low, high) in RANGES.items()}
    return Amounts(**numbers, towards=1 if rng.random() < 0.5 else -1)
