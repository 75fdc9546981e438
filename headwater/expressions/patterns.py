"""The 24 patterns of synthetic expressions (PRDL, Wang et al. 2024, supplement).

Closed eye 3, open mouth 4, frown 9, ugly mouth 3, mouth and eye 4, nose 1: as many of each kind as
the pictures that the paper's authors released have of each photo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Side = Literal["left", "right"]
MouthShape = Literal["smiling", "open", "closed", "turned", "shifted", "narrow"]

# Drops of the lower lip of open mouths and of frowns with an open mouth, in percent of its width.
OPEN_MOUTHS: Final = (12, 25, 40, 60)
_FROWNING_OPEN: Final = 20

_SIDES: Final[Mapping[str, tuple[Side, ...]]] = MappingProxyType(
    {"left": ("left",), "right": ("right",), "both": ("left", "right"), "none": ()}
)
_FROWNING_MOUTHS: Final[Mapping[str, MouthShape]] = MappingProxyType(
    {"closed": "smiling", "open": "open", "neutral": "closed"}
)


@dataclass(frozen=True)
class Pattern:
    """One expression. Sides are the subject's.

    closed: eyes that close. frowning: sides whose brow is knit and whose eye narrows. mouth: its
    shape; None leaves it as it is. drop: of an open mouth's lower lip, as a share of the mouth's
    width. wide_nose: whether the nose widens.
    """

    name: str
    kind: str
    closed: tuple[Side, ...] = ()
    frowning: tuple[Side, ...] = ()
    mouth: MouthShape | None = None
    drop: float = 0.0
    wide_nose: bool = False


def _patterns() -> dict[str, Pattern]:
    three = ("left", "right", "both")
    ugly: tuple[MouthShape, ...] = ("turned", "shifted", "narrow")
    made = [
        *(Pattern(f"closed_eye_{eye}", "closed_eye", closed=_SIDES[eye]) for eye in three),
        *(
            Pattern(f"open_mouth_{drop}", "open_mouth", mouth="open", drop=drop / 100)
            for drop in OPEN_MOUTHS
        ),
        *(
            Pattern(
                f"frown_{eye}_{mouth}",
                "frown",
                frowning=_SIDES[eye],
                mouth=shape,
                drop=_FROWNING_OPEN / 100 if shape == "open" else 0.0,
            )
            for eye in three
            for mouth, shape in _FROWNING_MOUTHS.items()
        ),
        *(Pattern(f"ugly_mouth_{shape}", "ugly_mouth", mouth=shape) for shape in ugly),
        *(
            Pattern(f"mouth_and_eye_{eye}", "mouth_and_eye", closed=_SIDES[eye], mouth="closed")
            for eye in (*three, "none")
        ),
        Pattern("wide_nose", "nose", wide_nose=True),
    ]
    return {pattern.name: pattern for pattern in made}


PATTERNS: Final[Mapping[str, Pattern]] = MappingProxyType(_patterns())
