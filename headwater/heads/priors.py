"""Normal priors of a head model's coefficients, with the moments of randomly drawn heads."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.heads.contact import lip_contact
from headwater.heads.model import HeadModel
from headwater.heads.sampling import sample_expression, sample_shape

DRAWN_HEADS: Final = 1000
SEED: Final = 0

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Normal:
    """Coefficients as mean + factor @ latent, the latent being standard normal."""

    mean: Float64Array
    factor: Float64Array


def coefficient_priors(model: HeadModel) -> tuple[Normal, Normal]:
    """Priors of shape and of expression."""
    rng = np.random.default_rng(SEED)
    shapes = np.stack([sample_shape(model, rng) for _ in range(DRAWN_HEADS)])
    expressions = np.stack([sample_expression(model, rng) for _ in range(DRAWN_HEADS)])
    if lips := lip_contact(model):
        pairs = zip(shapes, expressions, strict=True)
        expressions = np.stack([lips.closed(shape, expression) for shape, expression in pairs])
    return _normal(shapes), _normal(expressions)


def _normal(drawn: NDArray[np.floating[Any]]) -> Normal:
    drawn = np.asarray(drawn, dtype=np.float64)
    mean = drawn.mean(axis=0)
    values, vectors = np.linalg.eigh((drawn - mean).T @ (drawn - mean) / len(drawn))
    used = values > 1e-9 * max(float(values.max(initial=0.0)), 1e-30)
    return Normal(mean, vectors[:, used] * np.sqrt(values[used]))
