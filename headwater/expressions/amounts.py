"""Amounts of the patterns, in measures of the face, drawn from the range of each."""

from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np


@dataclass(frozen=True)
class Amounts:
    """Amounts of all patterns; the defaults change nothing.

    lid: height of a closed eye, of the open one's. brow_follows: drop of the brow over a closed
    eye, of the eye distance. lift: of the upper lip over an opened mouth, of its width. widen: of
    an opened mouth, a factor. knit_turn: of a knit brow about its middle, inner end down, degrees.
    knit_down: its drop, of the gap to the eye. knit_in: towards the nose, of the eye distance.
    squint: height of the eye under it, of its own. mouth_turn: degrees. mouth_shift: of the mouth's
    width. mouth_narrow, nose: factors of the width. drop: share of a pattern's drop of the lower
    lip. smile: rise of the corners, of the mouth's width. close: share of the opening that closes.
    towards: -1 or 1, the subject's right or left, for what goes to one side.
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
        """Amounts a share ``strength`` of the way from none to these."""
        none = asdict(Amounts())
        numbers = {
            name: none[name] + strength * (value - none[name])
            for name, value in asdict(self).items()
            if name != "towards"
        }
        return replace(self, **numbers)


# From and to; the paper gives none. Lids that are left further open do not look closed.
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
    """Amounts uniform in ``RANGES``, and a side."""
    numbers = {name: float(rng.uniform(low, high)) for name, (low, high) in RANGES.items()}
    return Amounts(**numbers, towards=1 if rng.random() < 0.5 else -1)
