"""Patterns shown by a parametric head through its own expression units, for exact renderings."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from headwater.errors import HeadwaterError
from headwater.expressions.patterns import MouthShape, Pattern
from headwater.faces import vocabulary as sets
from headwater.heads.contact import OPENING, lip_contact
from headwater.heads.model import FloatArray, HeadModel

# ARKit units of each shape of the mouth but the open one, whose jaw opens by a length. "Toward" is
# the side to which a turned mouth falls or a shifted one moves, "Away" the other one.
_MOUTH_UNITS: Final[Mapping[MouthShape, Mapping[str, float]]] = MappingProxyType(
    {
        "smiling": {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.4},
        "closed": {},
        "turned": {"mouthFrownToward": 1.0, "mouthSmileAway": 0.5},
        "shifted": {"mouthToward": 1.0, "jawToward": 0.5},
        "narrow": {"mouthPucker": 0.8},
    }
)
_OF_THE_MOUTH: Final = ("mouth", "jaw")


def pattern_expression(
    model: HeadModel,
    pattern: Pattern,
    shape: FloatArray,
    expression: FloatArray,
    *,
    strength: float,
    towards: int,
) -> FloatArray:
    """Expression coefficients (E,) float32 of a head that shows ``pattern`` on top of its own.

    shape: (S,), expression: (E,), of the head. strength: share of each unit, 0 to 1. towards: as in
    ``Amounts``. Lips are kept from passing through each other on a head of this shape. Raises
    HeadwaterError where the model lacks all units of the pattern.
    """
    units = {name: strength * value for name, value in _units(model, pattern, towards).items()}
    names = model.expression_names
    if pattern.mouth not in ("closed", "smiling") and not set(units) & set(names):
        raise HeadwaterError(f"The head model '{model.name}' has no unit for '{pattern.name}'.")
    added = np.array([units.get(name, 0.0) for name in names])
    mixed = expression.astype(np.float64)
    if pattern.mouth in ("closed", "smiling"):
        of_the_mouth = np.array([name.startswith(_OF_THE_MOUTH) for name in names])
        mixed[of_the_mouth] *= 1.0 - strength
    mixed = (mixed + added).clip(0.0, 1.0).astype(np.float32)
    lips = lip_contact(model)
    return mixed if lips is None or pattern.mouth is None else lips.closed(shape, mixed)


def _units(model: HeadModel, pattern: Pattern, towards: int) -> dict[str, float]:
    """Amounts of ARKit units at full strength, by name."""
    units = {f"eyeBlink{side.title()}": 1.0 for side in pattern.closed}
    for side in pattern.frowning:
        units |= {f"browDown{side.title()}": 1.0, f"eyeSquint{side.title()}": 0.6}
    if pattern.wide_nose:
        units |= {"noseSneerLeft": 0.8, "noseSneerRight": 0.8}
    if pattern.mouth == "open":
        units[OPENING] = _jaw_amount(model, pattern.drop)
    elif pattern.mouth is not None:
        toward, away = ("Left", "Right") if towards > 0 else ("Right", "Left")
        units |= {
            name.replace("Toward", toward).replace("Away", away): value
            for name, value in _MOUTH_UNITS[pattern.mouth].items()
        }
    return units


def _jaw_amount(model: HeadModel, drop: float) -> float:
    """Amount of the jaw's unit that parts the lips by ``drop`` of the mouth's width; at most 1."""
    if OPENING not in model.expression_names:
        return 0.0
    points = model.landmarks_478
    mean = points.on(model.mean)
    width = np.linalg.norm(mean[sets.RIGHT_MOUTH_CORNER] - mean[sets.LEFT_MOUTH_CORNER])
    unit = points.on(model.expression_basis[model.expression_names.index(OPENING)])
    fall = float(unit[13, 1] - unit[14, 1])
    return min(drop * float(width) / max(fall, 1e-6), 1.0)
