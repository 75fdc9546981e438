"""A morphable model fitted to landmarks: linear, regularised, solved to the most probable head.

The head model's coefficients are given a normal prior, from the very heads that the pipeline draws
of it; the landmarks detected in one or more images the normal error that the detector makes on
rendered heads. The head that maximises their product is found by Gauss-Newton through the given
cameras (Blanz & Vetter 2003; Blanz, Mehl, Vetter & Seidel 2004), outliers reweighted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.baselines.landmark_errors import LandmarkErrors, LandmarkView
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import projection_slopes
from headwater.heads.model import HeadModel
from headwater.heads.priors import coefficient_priors

FAR_DEVIATIONS: Final = 2.0
ITERATIONS: Final = 60
TOLERANCE: Final = 1e-3

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class FittedHead:
    """The most probable head.

    vertices: (V, 3) float32 mm, head frame. shape: (S,), expression: (E,) float32 coefficients.
    deviations: (S + E,) float64, how many standard deviations each latent lies from its mean.
    iterations: done; converged: False when the limit was reached first.
    """

    vertices: NDArray[np.float32]
    shape: NDArray[np.float32]
    expression: NDArray[np.float32]
    deviations: Float64Array
    iterations: int
    converged: bool


class LandmarkFitter:
    """Fits one head model; what does not depend on the images is worked out once.

    errors: of the landmarks. Raises HeadwaterError for a head model without shapes.
    """

    def __init__(self, model: HeadModel, errors: LandmarkErrors) -> None:
        if not model.shape_names:
            raise HeadwaterError(f"The head model '{model.name}' has no shapes that can be fitted.")
        self._model, self._errors = model, errors
        self._shape, self._expression = coefficient_priors(model)
        shape_68, expression_68 = _on_landmarks(model)
        mean_68 = model.landmarks_478.on(model.mean)[IBUG68_FROM_478].astype(np.float64)
        self._mean = (
            mean_68
            + np.tensordot(self._shape.mean, shape_68, 1)
            + np.tensordot(self._expression.mean, expression_68, 1)
        )
        self._basis = np.concatenate(
            [
                np.tensordot(self._shape.factor.T, shape_68, 1),
                np.tensordot(self._expression.factor.T, expression_68, 1),
            ]
        )

    def fit(self, views: Sequence[LandmarkView]) -> FittedHead:
        """The head that explains the landmarks of all ``views``.

        Raises HeadwaterError when there is no view, or a landmark is not finite.
        """
        if not views:
            raise HeadwaterError("A head cannot be fitted to no view at all.")
        if not all(np.isfinite(view.landmarks_68_px).all() for view in views):
            raise HeadwaterError("A head cannot be fitted to landmarks that were not found.")
        latent = np.zeros(len(self._basis))
        for iteration in range(1, ITERATIONS + 1):
            residual, slope = self._linearised(latent, views)
            former, latent = latent, _most_probable(residual, slope, latent)
            if np.abs(latent - former).max() < TOLERANCE:
                return self._head(latent, iteration, converged=True)
        return self._head(latent, ITERATIONS, converged=False)

    def _linearised(
        self, latent: Float64Array, views: Sequence[LandmarkView]
    ) -> tuple[Float64Array, Float64Array]:
        """Residuals (136 n,) in standard deviations and their derivatives (136 n, L)."""
        points = self._mean + np.tensordot(latent, self._basis, 1)
        errors, residuals, slopes = self._errors, [], []
        for view in views:
            pixels, by_point = projection_slopes(view.camera, points)
            slope = np.einsum("nij,lnj->lni", view.upright @ by_point, self._basis)
            offset = (pixels - view.landmarks_68_px) @ view.upright.T + errors.mean
            # Cauchy's error, reweighted: a point that is far off has hardly a say.
            far = (offset / errors.deviations / FAR_DEVIATIONS) ** 2
            trust = 1.0 / np.sqrt(1.0 + far.sum(axis=1, keepdims=True))
            residuals.append(errors.whitening @ (trust * offset).ravel())
            slopes.append(errors.whitening @ (trust * slope).reshape(len(latent), -1).T)
        return np.concatenate(residuals), np.concatenate(slopes)

    def _head(self, latent: Float64Array, iterations: int, *, converged: bool) -> FittedHead:
        split = self._shape.factor.shape[1]
        shape = (self._shape.mean + self._shape.factor @ latent[:split]).astype(np.float32)
        expression = self._expression.mean + self._expression.factor @ latent[split:]
        expression = expression.astype(np.float32)
        vertices = self._model.vertices(shape, expression)
        return FittedHead(vertices, shape, expression, latent, iterations, converged)


def _most_probable(
    residual: Float64Array, slope: Float64Array, latent: Float64Array
) -> Float64Array:
    """Minimum (L,) of |residual + slope (x - latent)|^2 + |x|^2 over x.

    There are fewer residuals than latents: the system is solved in the residuals' space.
    """
    target = slope @ latent - residual
    gram = slope @ slope.T
    gram[np.diag_indices_from(gram)] += 1.0
    return np.asarray(slope.T @ np.linalg.solve(gram, target))


def _on_landmarks(model: HeadModel) -> tuple[Float64Array, Float64Array]:
    """Displacements (S, 68, 3) and (E, 68, 3) mm of the landmarks per unit coefficient."""
    triangles = model.landmarks_478.triangles[IBUG68_FROM_478]
    weights = model.landmarks_478.weights[IBUG68_FROM_478].astype(np.float64)

    def carried(basis: FloatArray) -> Float64Array:
        return np.einsum("nk,snkc->snc", weights, basis[:, triangles].astype(np.float64))

    return carried(model.shape_basis), carried(model.expression_basis)
