"""A head of our model fitted to dense points of a face of another morphable model.

Coefficients are the most probable ones (Blanz and Vetter, 2003), linear, under normal priors from
random heads of our model; in turns with the rigid alignment of the face.
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

# Standard deviation of a point from the model's surface. Errors of neighbours are correlated: all
# points together count as this number of independent ones.
POINT_MM: Final = 2.0
INDEPENDENT: Final = 100
# Turns of coefficients and alignment.
ROUNDS: Final = 3

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class FittedHead:
    """A head's shape (S,) and expression (E,) coefficients, float32, and the face's place in it.

    place: rigid map from the face to the head, mm. apart_mm: root mean square distance of the
    points.
    """

    shape: NDArray[np.float32]
    expression: NDArray[np.float32]
    place: Similarity
    apart_mm: float


class HeadFit:
    """Fits heads of ``model`` to faces whose points correspond to ``points`` of the model.

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
        """The most probable head of a face (n, 3), mm, at any place; its scale is kept."""
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
