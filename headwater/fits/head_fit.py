"""A head of ours fitted to the dense points of another morphable model's face.

Linear and regularised, as Blanz and Vetter (2003) solve for coefficients, with a normal prior from
the heads that are drawn of our model; the rigid place of the face follows in turn.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.dense_points import DensePoints
from headwater.errors import HeadwaterError
from headwater.geometry.registration import Similarity, umeyama
from headwater.heads.model import HeadModel
from headwater.heads.priors import coefficient_priors

# Of a point, beside what the model can say; neighbours err alike, so that all points together say
# as much as so many independent ones.
POINT_MM: Final = 2.0
INDEPENDENT: Final = 100
ROUNDS: Final = 3

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class FittedHead:
    """shape: (S,), expression: (E,) float32 coefficients. place: rigid, from the face to the head.

    apart_mm: root mean square distance of the points.
    """

    shape: NDArray[np.float32]
    expression: NDArray[np.float32]
    place: Similarity
    apart_mm: float


class HeadFit:
    """Fits heads of ``model`` to points that correspond to ``points`` of it.

    Raises HeadwaterError for a model without shapes.
    """

    def __init__(self, model: HeadModel, points: DensePoints) -> None:
        if not model.shape_names:
            raise HeadwaterError(f"The head model '{model.name}' has no shapes that can be fitted.")
        self._shape, self._expression = coefficient_priors(model)
        self._mean, moves = points.on(model.mean), []
        for prior, basis in (
            (self._shape, points.on(model.shape_basis)),
            (self._expression, points.on(model.expression_basis)),
        ):
            self._mean = self._mean + np.tensordot(prior.mean, basis, 1)
            moves.append(np.tensordot(prior.factor.T, basis, 1))
        self._basis = np.concatenate(moves)
        flat = self._basis.reshape(len(self._basis), -1)
        weight = INDEPENDENT / (len(points.rows) * POINT_MM**2)
        self._solver = np.linalg.inv(weight * flat @ flat.T + np.eye(len(flat))) @ (weight * flat)

    def fit(self, face_mm: NDArray[np.floating[Any]]) -> FittedHead:
        """The most probable head of a face (n, 3) mm, at any place, whose size is its own."""
        place = umeyama(face_mm, self._mean, with_scale=False)
        latent = np.zeros(len(self._basis))
        for _ in range(ROUNDS):
            latent = self._solver @ (place.apply(face_mm) - self._mean).ravel()
            place = umeyama(face_mm, self._points(latent), with_scale=False)
        apart = place.apply(face_mm) - self._points(latent)
        split = self._shape.factor.shape[1]
        shape = self._shape.mean + self._shape.factor @ latent[:split]
        expression = self._expression.mean + self._expression.factor @ latent[split:]
        return FittedHead(
            shape.astype(np.float32),
            expression.astype(np.float32),
            place,
            float(np.sqrt(np.square(apart).sum(axis=1).mean())),
        )

    def _points(self, latent: Float64Array) -> Float64Array:
        return np.asarray(self._mean + np.tensordot(latent, self._basis, 1))
