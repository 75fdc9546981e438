"""Plausible, varied heads: random shape and expression coefficients of a head model."""

from typing import Literal

import numpy as np

from headwater.errors import HeadwaterError
from headwater.heads import phenotypes
from headwater.heads.model import FloatArray, HeadModel
from headwater.heads.phenotypes import Phenotype

LARGEST_DEVIATION = 2.5  # standard deviations
ASYMMETRY = 0.15  # standard deviation of left against right, as a share of the common part's
CHANGED_SHARE = 0.6  # of a head's features, the others stay close to the phenotype's
YOUNGEST_YEARS, OLDEST_YEARS = 18.0, 80.0
YOUNG_ANCHOR_YEARS, OLD_ANCHOR_YEARS = 25.0, 90.0

NamedExpression = Literal["closed_eyes", "open_mouth", "frown"]

# ARKit units without side; "Left" and "Right" both follow where the model has them.
NAMED: dict[str, dict[str, float]] = {
    "closed_eyes": {"eyeBlink": 1.0},
    "open_mouth": {"jawOpen": 0.7},
    "frown": {"browDown": 1.0, "mouthFrown": 0.8, "mouthShrugLower": 0.3, "noseSneer": 0.2},
}
COMBINATIONS: tuple[dict[str, float], ...] = (
    {"mouthSmile": 0.7, "cheekSquint": 0.4, "mouthDimple": 0.2},
    {"mouthSmile": 0.9, "cheekSquint": 0.6, "mouthUpperUp": 0.4, "jawOpen": 0.15},
    {"mouthSmile": 0.35},
    {"jawOpen": 0.6},
    {"jawOpen": 0.3, "mouthFunnel": 0.4},
    {"browInnerUp": 0.6, "browOuterUp": 0.6, "eyeWide": 0.5, "jawOpen": 0.3},
    {"browInnerUp": 0.5, "browOuterUp": 0.5},
    {"browDown": 0.8, "eyeSquint": 0.4, "mouthPress": 0.4},
    {"browDown": 0.6, "noseSneer": 0.6, "mouthUpperUp": 0.4},
    {"mouthFrown": 0.7, "mouthShrugLower": 0.4, "browInnerUp": 0.4},
    {"mouthPucker": 0.8},
    {"mouthFunnel": 0.6},
    {"eyeBlink": 1.0},
    {"eyeBlink": 0.5},
    {"eyeSquint": 0.8, "cheekSquint": 0.4},
    {"cheekPuff": 0.7},
    {"mouthPress": 0.7, "mouthRollLower": 0.3},
    {"mouthStretch": 0.6, "mouthLowerDown": 0.4},
)
# Looking to one side turns both eyes; up and down move the lids along.
GAZES: tuple[dict[str, float], ...] = (
    {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
    {"eyeLookUp": 1.0},
    {"eyeLookDown": 1.0},
)
NEUTRAL_SHARE = 0.4


def sample_shape(model: HeadModel, rng: np.random.Generator) -> FloatArray:
    """Shape coefficients (S,) float32 of a random adult."""
    count = len(model.shape_names)
    scale = model.shape_scale if len(model.shape_scale) else np.ones(count, np.float32)
    if model.prior == "gaussian":
        return (truncated_normal(rng, count) * scale).astype(np.float32)
    person = phenotypes.weights(model.shape_names, random_person(rng))
    mean = phenotypes.weights(model.shape_names, phenotypes.MEAN)
    return (person - mean + _local_changes(model, scale, rng)).astype(np.float32)


def random_person(rng: np.random.Generator) -> Phenotype:
    """An adult of 18 to 80 years; mixed ancestry is common, extreme builds are rare."""
    years = rng.uniform(YOUNGEST_YEARS, OLDEST_YEARS)
    age = max(0.0, (years - YOUNG_ANCHOR_YEARS) / (OLD_ANCHOR_YEARS - YOUNG_ANCHOR_YEARS))
    toward_other = min(0.5, abs(rng.normal(0.0, 0.15)))
    gender = toward_other if rng.random() < 0.5 else 1.0 - toward_other
    african, asian, caucasian = rng.dirichlet((0.6, 0.6, 0.6))
    return Phenotype(
        age=float(age),
        gender=float(gender),
        muscle=float(rng.beta(2.5, 2.5)),
        weight=float(rng.beta(2.5, 2.5)),
        height=float(rng.beta(8.0, 8.0)),
        proportions=float(rng.beta(2.0, 2.0)),
        ancestry=(float(african), float(asian), float(caucasian)),
    )


def truncated_normal(rng: np.random.Generator, count: int) -> FloatArray:
    """Standard normal numbers (count,) float32 within ``LARGEST_DEVIATION``, by rejection."""
    drawn = rng.standard_normal(count)
    while (outside := np.abs(drawn) > LARGEST_DEVIATION).any():
        drawn[outside] = rng.standard_normal(int(outside.sum()))
    return drawn.astype(np.float32)


def _local_changes(model: HeadModel, scale: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Coefficients (S,): opposite changes exclude each other, left and right are nearly alike."""
    chosen = np.zeros(len(model.shape_names), np.float32)
    plus = [i for i, name in enumerate(model.shape_names) if name.startswith("local:")][::2]
    common: dict[str, float] = {}
    for i in plus:
        change = model.shape_names[i].removeprefix("local:")
        feature = change[2:] if change[:2] in ("l-", "r-") else change
        own, shared = truncated_normal(rng, 2)
        present = rng.random() < CHANGED_SHARE
        value = common.setdefault(feature, float(shared) * present) + ASYMMETRY * float(own)
        chosen[i if value > 0 else i + 1] = abs(value) * scale[i]
    return chosen


def sample_expression(model: HeadModel, rng: np.random.Generator) -> FloatArray:
    """Expression coefficients (E,) float32 in [0, 1]: 40 % nearly neutral, else a few units."""
    strength: dict[str, float] = {}
    if rng.random() >= NEUTRAL_SHARE:
        for pick in rng.choice(len(COMBINATIONS), size=rng.integers(1, 3), replace=False):
            amount = rng.uniform(0.4, 1.1)
            for unit, full in COMBINATIONS[pick].items():
                strength[unit] = max(strength.get(unit, 0.0), full * amount)
        if rng.random() < 0.3:
            amount = rng.uniform(0.1, 0.6)
            strength |= dict.fromkeys(GAZES[rng.integers(len(GAZES))], amount)
    expression = _spread(model, strength, rng)
    noise = np.abs(rng.normal(0.0, 0.015, len(expression)))
    clipped: FloatArray = np.clip(expression + noise, 0.0, 1.0).astype(np.float32)
    return clipped


def named_expression(model: HeadModel, name: NamedExpression, strength: float = 1.0) -> FloatArray:
    """Expression coefficients (E,) float32 of ``closed_eyes``, ``open_mouth`` or ``frown``.

    strength: share of each unit. Raises HeadwaterError when the model lacks all units of it.
    """
    units = {unit: strength * amount for unit, amount in NAMED[name].items()}
    expression = _spread(model, units, None)
    if not expression.any():
        raise HeadwaterError(f"The head model '{model.name}' has no unit for '{name}'.")
    return expression


def _spread(
    model: HeadModel, strength: dict[str, float], rng: np.random.Generator | None
) -> FloatArray:
    """Strengths of units without side, given to the sides; with ``rng`` slightly uneven."""
    expression = np.zeros(len(model.expression_names), np.float32)
    for i, name in enumerate(model.expression_names):
        unit = name.removesuffix("Left").removesuffix("Right")
        amount = strength.get(name, strength.get(unit, 0.0))
        expression[i] = amount if rng is None else amount * rng.uniform(0.85, 1.15)
    return expression
