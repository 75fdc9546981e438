"""Errors of detected landmarks, measured where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.baselines.landmark_errors import (
    FEWEST_VIEWS,
    LandmarkErrors,
    LandmarkView,
    assumed_errors,
    measured_errors,
)
from headwater.baselines.landmark_fit import LandmarkFitter
from headwater.faces.vocabulary import IBUG_JAW, ibug68, outer_eye_distance
from headwater.geometry.cameras import Camera, look_at, project
from headwater.heads.model import HeadModel
from tests.baselines.test_landmark_fit import drawn, error, fittable, seen

MODEL = fittable()
K = np.array([[1800.0, 0, 256], [0, 1800.0, 256], [0, 0, 1]])


def camera(yaw: float, roll: float = 0.0) -> Camera:
    angle = np.radians(yaw)
    eye = 900.0 * np.array([np.sin(angle), 0.1, np.cos(angle)])
    return Camera(K, *look_at(eye, np.zeros(3), roll), 512, 512)


def true_68(model: HeadModel, seed: int) -> np.ndarray:
    return ibug68(model.landmarks_478.on(drawn(model, seed)))


def with_errors(rng: np.random.Generator, mean: np.ndarray, factor: np.ndarray, seed: int):
    """A view whose landmarks err by mean + factor @ normal, in its own spreads, and the truth."""
    truth = true_68(MODEL, seed)
    exact = camera(float(rng.uniform(-40, 40)), float(rng.uniform(-30, 30)))
    pixels, _ = project(exact, truth)
    view = LandmarkView(pixels, exact)
    wanted = mean + (factor @ rng.normal(size=factor.shape[1])).reshape(68, 2)
    for _ in range(3):  # The spread is that of the landmarks with their errors.
        view = LandmarkView(pixels + wanted @ np.linalg.inv(view.upright).T, exact)
    return view, truth


@given(st.floats(-60, 60), st.floats(-180, 180))
def test_a_rolled_image_has_the_same_upright_errors(yaw: float, roll: float) -> None:
    truth = true_68(MODEL, 0)
    offset = np.linspace(-3.0, 3.0, 136).reshape(68, 2)
    errors = []
    for one in (camera(yaw), camera(yaw, roll)):
        pixels, _ = project(one, truth)
        turn = one.R @ camera(yaw).R.T
        view = LandmarkView(pixels + offset @ turn[:2, :2].T, one)
        errors.append((view.landmarks_68_px - pixels) @ view.upright.T)
    np.testing.assert_allclose(errors[0], errors[1], atol=1e-6)


def test_a_frontal_error_counts_in_eye_distances_and_a_turned_one_less() -> None:
    exact = camera(0.0)
    pixels, _ = project(exact, true_68(MODEL, 1))
    eyes = outer_eye_distance(pixels)
    np.testing.assert_allclose(LandmarkView(pixels, exact).upright, np.eye(2) / eyes, atol=1e-9)
    turned = LandmarkView(pixels, camera(30.0))
    np.testing.assert_allclose(turned.upright, np.eye(2) / (2.0 * eyes), atol=1e-9)


def test_mean_and_covariance_are_found_again() -> None:
    rng = np.random.default_rng(0)
    mean = np.zeros((68, 2))
    mean[:, 1] = 0.01  # down, on both sides alike
    # All points of the jaw slide up and down together, beside noise of their own.
    factor = 0.005 * np.eye(136)
    slide = np.zeros((136, 1))
    slide[1:34:2] = 0.03
    factor = np.concatenate([factor, slide], axis=1)
    found = measured_errors(with_errors(rng, mean, factor, seed) for seed in range(250))
    np.testing.assert_allclose(found.mean, mean, atol=0.006)
    wanted = np.sqrt((np.diag(factor @ factor.T).reshape(68, 2)).mean(axis=1))
    np.testing.assert_allclose(found.deviations.ravel(), wanted, rtol=0.15)
    jaw = found.covariance[1:34:2, 1:34:2]
    shares = jaw / np.sqrt(np.outer(np.diag(jaw), np.diag(jaw)))
    # 0.03^2 of 0.03^2 + 0.005^2, less the shrinkage.
    assert shares[0, 16] == pytest.approx(0.9 * 0.973, abs=0.03)
    white = found.whitening @ found.covariance @ found.whitening.T
    np.testing.assert_allclose(white, np.eye(136), atol=1e-8)


def test_both_sides_err_alike() -> None:
    rng = np.random.default_rng(1)
    mean = np.zeros((68, 2))
    mean[36, 0] = 0.02  # the right eye's outer corner alone, to the image's right
    factor = 0.002 * np.eye(136)
    found = measured_errors(with_errors(rng, mean, factor, seed) for seed in range(120))
    assert found.mean[36, 0] == pytest.approx(0.01, abs=0.001)
    assert found.mean[45, 0] == pytest.approx(-0.01, abs=0.001)
    assert found.mean[36, 1] == pytest.approx(found.mean[45, 1], abs=1e-12)


def test_few_views_give_the_assumed_errors() -> None:
    rng = np.random.default_rng(2)
    known = [with_errors(rng, np.zeros((68, 2)), 0.01 * np.eye(136), seed) for seed in range(99)]
    assert len(known) < FEWEST_VIEWS
    np.testing.assert_array_equal(measured_errors(known).covariance, assumed_errors().covariance)


def test_views_of_something_else_are_left_out() -> None:
    rng = np.random.default_rng(3)
    known = [with_errors(rng, np.zeros((68, 2)), 0.01 * np.eye(136), seed) for seed in range(150)]
    view, truth = known[0]
    elsewhere = replace(view, landmarks_68_px=view.landmarks_68_px[::-1] + 40.0)
    again = measured_errors([*known, (elsewhere, truth)])
    np.testing.assert_array_equal(again.covariance, measured_errors(known).covariance)


def test_a_fit_that_knows_the_errors_is_better() -> None:
    rng = np.random.default_rng(4)
    factor = np.concatenate([0.003 * np.eye(136), np.zeros((136, 1))], axis=1)
    factor[0:34:2, -1] = 0.05  # the jaw slides sideways
    mean = np.zeros((68, 2))
    mean[:, 1] = 0.02
    measured = measured_errors(with_errors(rng, mean, factor, seed) for seed in range(150))
    errors: dict[str, list[float]] = {"assumed": [], "measured": []}
    for seed in range(1000, 1010):
        view, _ = with_errors(rng, mean, factor, seed)
        for name, known in (("assumed", assumed_errors()), ("measured", measured)):
            found = LandmarkFitter(MODEL, known).fit([view])
            errors[name].append(error(found, drawn(MODEL, seed)))
    assert np.mean(errors["measured"]) < 0.8 * np.mean(errors["assumed"])


def test_assumed_errors_are_independent_and_larger_on_the_jaw() -> None:
    errors: LandmarkErrors = assumed_errors()
    assert np.count_nonzero(errors.covariance) == 136
    assert errors.deviations[36, 0] == pytest.approx(0.025)
    np.testing.assert_allclose(errors.deviations[IBUG_JAW], 0.025 / 0.3)
    view = seen(MODEL, drawn(MODEL, 5), 0.0)
    assert LandmarkFitter(MODEL, errors).fit([view]).converged
