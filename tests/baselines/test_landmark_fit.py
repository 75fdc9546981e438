"""Fitting a head model to landmarks, on exact and on noisy points."""

from dataclasses import replace

import numpy as np
import pytest

from headwater.baselines.landmark_errors import LandmarkView, assumed_errors
from headwater.baselines.landmark_fit import FittedHead, LandmarkFitter
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import Camera, look_at, project
from headwater.heads.model import HeadModel
from headwater.heads.sampling import sample_expression, sample_shape
from tests.rendering.heads import ball_head


def fittable(seed: int = 0) -> HeadModel:
    """The ball head with smooth shapes and expressions."""
    model = ball_head()
    rng = np.random.default_rng(seed)
    waves = rng.normal(0, 0.02, (9, 3))
    phases = rng.uniform(0, 6, 9)
    fields = np.sin(model.mean @ waves.T + phases)  # (V, 9)
    shapes = rng.normal(0, 3.0, (6, 1, 3)) * fields.T[:6, :, None]
    expressions = rng.normal(0, 4.0, (3, 1, 3)) * fields.T[6:, :, None]
    return replace(
        model,
        shape_names=tuple(f"shape{i}" for i in range(6)),
        shape_basis=shapes.astype(np.float32),
        expression_names=("jawOpen", "mouthSmileLeft", "mouthSmileRight"),
        expression_basis=expressions.astype(np.float32),
        prior="gaussian",
        shape_scale=np.full(6, 1.0, np.float32),
    )


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return fittable()


@pytest.fixture(scope="module")
def fitter(model: HeadModel) -> LandmarkFitter:
    return LandmarkFitter(model, assumed_errors())


def drawn(model: HeadModel, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return model.vertices(sample_shape(model, rng), sample_expression(model, rng))


def seen(model: HeadModel, vertices: np.ndarray, yaw: float, noise_px: float = 0.0) -> LandmarkView:
    """The 68 landmarks of a head from a camera at this yaw, with noise."""
    angle = np.radians(yaw)
    eye = 900.0 * np.array([np.sin(angle), 0.1, np.cos(angle)])
    R, t = look_at(eye, np.zeros(3))
    K = np.array([[1800.0, 0, 256], [0, 1800.0, 256], [0, 0, 1]])
    camera = model.landmarks_478.on(vertices)[IBUG68_FROM_478] @ R.T + t
    pixels = camera @ K.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    noise = np.random.default_rng(9).normal(0, noise_px, pixels.shape)
    return LandmarkView(pixels + noise, Camera(K, R, t, 512, 512))


def error(found: FittedHead, vertices: np.ndarray) -> float:
    return float(np.linalg.norm(found.vertices - vertices, axis=1).mean())


def reprojection(model: HeadModel, found: FittedHead, view: LandmarkView) -> float:
    again, _ = project(view.camera, model.landmarks_478.on(found.vertices)[IBUG68_FROM_478])
    offset = again - view.landmarks_68_px
    return float(np.linalg.norm(offset, axis=1).mean())


@pytest.mark.parametrize("seed", range(4))
def test_exact_points_give_the_head_back(
    model: HeadModel, fitter: LandmarkFitter, seed: int
) -> None:
    truth = drawn(model, seed)
    mean_error = float(np.linalg.norm(model.mean - truth, axis=1).mean())
    one = fitter.fit([seen(model, truth, 10.0)])
    three = fitter.fit([seen(model, truth, yaw) for yaw in (0.0, -30.0, 30.0)])
    assert one.converged
    assert three.converged
    assert error(one, truth) < 0.5 * mean_error
    assert error(three, truth) < 0.35 * mean_error
    assert reprojection(model, three, seen(model, truth, 0.0)) < 1.0


def test_the_head_is_that_of_its_coefficients(model: HeadModel, fitter: LandmarkFitter) -> None:
    found = fitter.fit([seen(model, drawn(model, 1), 0.0)])
    np.testing.assert_array_equal(found.vertices, model.vertices(found.shape, found.expression))
    assert len(found.deviations) == 9
    assert np.abs(found.deviations).max() < 4.0


def test_noise_moves_the_head_a_little_and_more_views_help(
    model: HeadModel, fitter: LandmarkFitter
) -> None:
    errors = {}
    for views in (1, 3):
        errors[views] = np.mean(
            [
                error(
                    fitter.fit([seen(model, drawn(model, s), 25.0 * i, 3.0) for i in range(views)]),
                    drawn(model, s),
                )
                for s in range(6)
            ]
        )
    mean = np.mean([np.linalg.norm(model.mean - drawn(model, s), axis=1).mean() for s in range(6)])
    assert errors[3] < errors[1] < mean


def test_the_answer_is_the_most_probable_one(model: HeadModel, fitter: LandmarkFitter) -> None:
    """A general minimiser of the same negative logarithm finds no better head."""
    from scipy.optimize import minimize

    view = seen(model, drawn(model, 2), 0.0, 4.0)
    found = fitter.fit([view])
    spread = 0.025 * np.linalg.norm(view.landmarks_68_px[36] - view.landmarks_68_px[45])
    weights = np.ones(68)
    weights[:17] = 0.3
    shape, expression = fitter._shape, fitter._expression

    def cost(latent: np.ndarray) -> float:
        head = model.vertices(
            (shape.mean + shape.factor @ latent[:6]).astype(np.float32),
            (expression.mean + expression.factor @ latent[6:]).astype(np.float32),
        )
        pixels, _ = project(view.camera, model.landmarks_478.on(head)[IBUG68_FROM_478])
        offset = (pixels - view.landmarks_68_px) * weights[:, None] / spread
        return float(4.0 * np.log1p((offset**2).sum(axis=1) / 4.0).sum() + latent @ latent)

    best = minimize(cost, np.zeros(9), method="Powell", options={"maxiter": 12, "ftol": 1e-6})
    assert cost(found.deviations) < best.fun + 0.02


def test_a_wild_landmark_hardly_matters(model: HeadModel, fitter: LandmarkFitter) -> None:
    truth = drawn(model, 3)
    view = seen(model, truth, 0.0)
    wild = view.landmarks_68_px.copy()
    wild[50] += 120.0
    found = fitter.fit([LandmarkView(wild, view.camera)])
    assert np.abs(found.vertices - fitter.fit([view]).vertices).mean() < 0.3


def test_what_cannot_be_fitted_says_so(model: HeadModel, fitter: LandmarkFitter) -> None:
    view = seen(model, model.mean, 0.0)
    with pytest.raises(HeadwaterError, match="no view"):
        fitter.fit([])
    with pytest.raises(HeadwaterError, match="not found"):
        fitter.fit([LandmarkView(view.landmarks_68_px * np.nan, view.camera)])
    rigid = replace(model, shape_names=(), shape_basis=model.shape_basis[:0])
    with pytest.raises(HeadwaterError, match="no shapes"):
        LandmarkFitter(rigid, assumed_errors())


def test_a_model_without_expressions_is_fitted_by_shape_alone() -> None:
    model = ball_head()
    truth = model.vertices(np.array([1.5], np.float32), np.zeros(0, np.float32))
    found = LandmarkFitter(model, assumed_errors()).fit([seen(model, truth, 0.0)])
    assert found.shape[0] == pytest.approx(1.5, abs=0.2)
    assert found.expression.shape == (0,)
