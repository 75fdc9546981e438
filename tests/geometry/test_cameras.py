import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headwater.errors import HeadwaterError
from headwater.geometry.cameras import (
    Camera,
    check_camera,
    look_at,
    nearest_rotation,
    project,
    projection_slopes,
    rotation_angle_degrees,
    transform_image,
    unproject,
)

SEEDS = st.integers(0, 2**32 - 1)


def random_camera(rng: np.random.Generator) -> Camera:
    focal = rng.uniform(100, 3000)
    K = np.array([[focal, rng.normal(), 128], [0, focal * rng.uniform(0.9, 1.1), 120], [0, 0, 1]])
    R, t = look_at(
        rng.normal(size=3) * 100 + (0, 0, 900), rng.normal(size=3) * 30, rng.uniform(-180, 180)
    )
    return Camera(K, R, t, 256, 240)


@given(SEEDS)
def test_unproject_inverts_project(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera = random_camera(rng)
    points = rng.normal(size=(50, 3)) * 80
    pixels, depth = project(camera, points)
    np.testing.assert_allclose(unproject(camera, pixels, depth), points, atol=1e-6)
    again, _ = project(camera, unproject(camera, pixels, depth))
    assert np.abs(again - pixels).max() <= 1e-4


def test_project_equals_opencv_formula_point_by_point() -> None:
    camera = random_camera(np.random.default_rng(3))
    point = np.array([10.0, -20.0, 30.0])
    x, y, z = camera.R @ point + camera.t
    u = camera.K[0, 0] * x / z + camera.K[0, 1] * y / z + camera.K[0, 2]
    v = camera.K[1, 1] * y / z + camera.K[1, 2]
    pixels, depth = project(camera, point[None])
    np.testing.assert_allclose(pixels[0], (u, v))
    assert depth[0] == pytest.approx(z)


def test_look_at_a_frontal_face_is_upright_with_the_subjects_left_on_the_right() -> None:
    R, t = look_at((0, 20, 800), (0, 20, 0))
    camera = Camera(np.array([[500.0, 0, 128], [0, 500, 128], [0, 0, 1]]), R, t, 256, 256)
    check_camera(camera)
    pixels, depth = project(camera, np.array([[0.0, 20, 0], [50, 20, 0], [0, 70, 0]]))
    np.testing.assert_allclose(pixels[0], (128, 128))
    assert pixels[1, 0] > 128
    assert pixels[2, 1] < 128
    assert depth[0] == pytest.approx(800)


def test_positive_roll_turns_the_content_clockwise() -> None:
    R, t = look_at((0, 0, 800), (0, 0, 0), roll_degrees=10)
    camera = Camera(np.array([[500.0, 0, 128], [0, 500, 128], [0, 0, 1]]), R, t, 256, 256)
    top, _ = project(camera, np.array([[0.0, 50, 0]]))
    assert top[0, 0] > 128


def test_look_at_refuses_a_vertical_view() -> None:
    with pytest.raises(HeadwaterError, match="above"):
        look_at((0, 500, 0), (0, 0, 0))


@given(SEEDS)
def test_transformed_camera_projects_to_transformed_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera = random_camera(rng)
    angle, scale = rng.uniform(-np.pi, np.pi), rng.uniform(0.2, 3)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine = np.column_stack([turn @ [[1, 0.1], [0, 1.2]], rng.normal(size=2) * 50])
    warped = transform_image(camera, affine, 300, 200)
    check_camera(warped)
    points = rng.normal(size=(20, 3)) * 80
    before, depth = project(camera, points)
    after, depth_after = project(warped, points)
    np.testing.assert_allclose(after, before @ affine[:, :2].T + affine[:, 2], atol=1e-4)
    np.testing.assert_allclose(depth_after, depth)
    assert (warped.width, warped.height) == (300, 200)


def test_mirroring_an_image_is_refused() -> None:
    camera = random_camera(np.random.default_rng(0))
    with pytest.raises(HeadwaterError, match="mirror"):
        transform_image(camera, [[-1, 0, 256], [0, 1, 0]], 256, 240)


@given(SEEDS, st.floats(0, 179.9))
def test_rotation_angle_agrees_with_scipy(seed: int, degrees: float) -> None:
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    step = Rotation.from_rotvec(np.deg2rad(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    base = Rotation.random(random_state=seed % 2**31).as_matrix()
    assert rotation_angle_degrees(base, step @ base) == pytest.approx(degrees, abs=1e-5)


def test_nearest_rotation_mends_rounding() -> None:
    rng = np.random.default_rng(1)
    rotation = nearest_rotation(rng.normal(size=(3, 3)))
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    rough = rotation.astype(np.float32) + np.float32(1e-4)
    assert rotation_angle_degrees(nearest_rotation(rough), rotation) < 0.05


@given(SEEDS)
def test_projection_slopes_are_those_of_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera, points = random_camera(rng), rng.normal(0, 60, (6, 3))
    pixels, slopes = projection_slopes(camera, points)
    np.testing.assert_array_equal(pixels, project(camera, points)[0])
    for axis in range(3):
        step = 1e-3 * np.eye(3)[axis]
        ahead, behind = (project(camera, points + side * step)[0] for side in (1, -1))
        np.testing.assert_allclose(
            slopes[:, :, axis], (ahead - behind) / 2e-3, atol=1e-4, rtol=1e-5
        )
