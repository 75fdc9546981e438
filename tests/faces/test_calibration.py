"""Cameras from landmarks: exact input gives the exact camera, noise a near one, nonsense none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from headwater.errors import ItemRejected
from headwater.faces.calibration import PRIOR_DISTANCE_MM, calibrate
from headwater.faces.vocabulary import ibug68
from headwater.reject_reasons import RejectReason

# From the head frame (y up, z out of the face) to a camera that looks at the face.
FACING = np.diag([1.0, -1.0, -1.0])


@pytest.fixture(scope="module")
def model(portraits) -> NDArray[np.float32]:
    """A head's 68 points, mm, from the shape of a real mesh: head frame up to a shift."""
    mesh = ibug68(portraits[1].landmarks).astype(np.float64)
    mesh = (mesh - mesh.mean(axis=0)) @ FACING
    return (mesh * 90 / np.linalg.norm(mesh[36] - mesh[45])).astype(np.float32)


def seen(
    model: NDArray[np.float32],
    angles: tuple[float, float, float],
    focal: float,
    distance: float,
    principal: tuple[float, float] = (256.0, 256.0),
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    rotation = FACING @ Rotation.from_euler("yxz", angles, degrees=True).as_matrix()
    translation = np.array([12.0, -8.0, distance])
    camera = model @ rotation.T + translation
    points = focal * camera[:, :2] / camera[:, 2:] + principal
    return points.astype(np.float32), rotation, translation


def degrees_between(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.degrees(Rotation.from_matrix(first.T @ second).magnitude()))


yaws, pitches, rolls = st.floats(-55, 55), st.floats(-25, 25), st.floats(-170, 170)


@settings(max_examples=40, deadline=None)
@given(yaws, pitches, rolls, st.floats(400, 3000), st.floats(300, 2500))
def test_known_focal_length_gives_the_exact_camera(
    model, yaw: float, pitch: float, roll: float, focal: float, distance: float
) -> None:
    points, rotation, translation = seen(model, (yaw, pitch, roll), focal, distance)
    found = calibrate(points, model, (256.0, 256.0), focal)
    assert degrees_between(found.rotation, rotation) < 0.05
    np.testing.assert_allclose(found.translation, translation, rtol=2e-3, atol=0.3)
    assert found.nme_percent < 0.05
    assert found.intrinsics[0, 0] == focal


@settings(max_examples=40, deadline=None)
@given(yaws, pitches, rolls, st.floats(350, 2500), st.integers(0, 99))
def test_unknown_focal_length_still_gives_the_rotation(
    model, yaw: float, pitch: float, roll: float, distance: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).normal(0, 1.5, model.shape)
    points, rotation, _translation = seen(
        (model + noise).astype(np.float32), (yaw, pitch, roll), 1.3 * distance, distance
    )
    found = calibrate(points, model, (256.0, 256.0))
    assert degrees_between(found.rotation, rotation) < 6
    assert np.linalg.det(found.rotation) == pytest.approx(1)
    # The size in the image is certain even where focal length and distance are not.
    ratio = found.intrinsics[0, 0] / found.translation[2]
    assert ratio == pytest.approx(1.3, rel=0.08)
    assert found.nme_percent < 5


def test_distance_is_drawn_to_its_prior_and_to_the_perspective(model) -> None:
    far, _, _ = seen(model, (0, 0, 0), 1e6, 1e6 / 1.3)
    near, _, _ = seen(model, (0, 0, 0), 1.3 * 300, 300)
    seen_from_far = calibrate(far, model, (256.0, 256.0)).translation[2]
    seen_from_near = calibrate(near, model, (256.0, 256.0)).translation[2]
    assert seen_from_near < 500 < PRIOR_DISTANCE_MM < seen_from_far < 5000


def test_principal_point_outside_the_frame(model) -> None:
    points, rotation, _ = seen(model, (10, 5, 3), 900, 700, principal=(-300.0, 900.0))
    found = calibrate(points, model, (-300.0, 900.0), 900)
    assert degrees_between(found.rotation, rotation) < 0.05
    np.testing.assert_allclose(found.intrinsics, [[900, 0, -300], [0, 900, 900], [0, 0, 1]])


def test_reported_errors_are_those_of_the_reprojection(model) -> None:
    points, _, _ = seen(model, (20, 0, 0), 800, 700)
    points += np.random.default_rng(1).normal(0, 2, points.shape).astype(np.float32)
    found = calibrate(points, model, (256.0, 256.0))
    camera = model @ found.rotation.T + found.translation
    image = camera @ found.intrinsics.T
    errors = np.linalg.norm(image[:, :2] / image[:, 2:] - points, axis=1)
    assert found.reprojection_error_px == pytest.approx(errors.mean(), rel=1e-4)
    eyes = np.linalg.norm(points[36] - points[45])
    assert found.nme_percent == pytest.approx(100 * errors.mean() / eyes, rel=1e-4)


def test_nonsense_is_refused(model) -> None:
    rng = np.random.default_rng(0)
    points, _, _ = seen(model, (0, 0, 0), 800, 700)
    mirrored = points * np.float32([-1, 1]) + np.float32([512, 0])
    with_nan = points.copy()
    with_nan[3] = np.nan
    for bad in (
        rng.uniform(0, 512, (68, 2)).astype(np.float32),
        mirrored,
        with_nan,
        np.full((68, 2), 7, dtype=np.float32),
        rng.permutation(points),
    ):
        with pytest.raises(ItemRejected) as caught:
            calibrate(bad, model, (256.0, 256.0))
        assert caught.value.reason == RejectReason.CAMERA_FAILED


def test_portraits_look_at_the_camera(portraits, model) -> None:
    for portrait in portraits:
        height, width = portrait.frame.shape[:2]
        points = ibug68(portrait.landmarks)[:, :2]
        found = calibrate(points, model, (width / 2, height / 2))
        assert found.rotation[2, 2] < -np.cos(np.radians(25))
        assert found.nme_percent < 10


@pytest.mark.parametrize("focal", [None, 500.0])
@pytest.mark.parametrize("axes", [(0, 0, 0), (1, 0, 0), (1, 1, 0)])
def test_a_model_that_is_no_solid_has_no_camera(
    model, axes: tuple[int, int, int], focal: float | None
) -> None:
    points, _, _ = seen(model, (0.0, 0.0, 0.0), 800.0, 900.0)
    with pytest.raises(ItemRejected) as rejection:
        calibrate(points[:, ::-1].copy(), (model * axes).astype(np.float32), (256.0, 256.0), focal)
    assert rejection.value.reason is RejectReason.CAMERA_FAILED
