import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.geometry.cameras import check_camera, project
from headwater.rendering.viewpoints import ViewKind, sample_camera

SEEDS = st.integers(0, 2**32 - 1)


def yaw_and_pitch(forward: np.ndarray) -> tuple[float, float]:
    """Degrees by which the camera stands beside and above the face."""
    away = -forward
    return float(np.rad2deg(np.arctan2(away[0], away[2]))), float(np.rad2deg(np.arcsin(away[1])))


@given(SEEDS)
def test_frontal_views_are_frontal(seed: int) -> None:
    camera = sample_camera(np.random.default_rng(seed), "frontal", 256)
    check_camera(camera)
    yaw, pitch = yaw_and_pitch(camera.R[2])
    assert abs(yaw) <= 15.001
    assert abs(pitch) <= 10.001


@given(SEEDS)
def test_side_views_turn_between_15_and_50_degrees(seed: int) -> None:
    yaw, pitch = yaw_and_pitch(sample_camera(np.random.default_rng(seed), "side", 256).R[2])
    assert 14.999 <= abs(yaw) <= 50.001
    assert abs(pitch) <= 20.001


@pytest.mark.parametrize("kind", ["frontal", "side"])
@given(seed=SEEDS)
def test_the_face_is_in_the_picture_and_fills_it_well(kind: ViewKind, seed: int) -> None:
    camera = sample_camera(np.random.default_rng(seed), kind, 256)
    face = np.array([(0, 80, 90), (0, -75, 90), (65, 10, 40), (-65, 10, 40)], float)
    pixels, depth = project(camera, face)
    assert (depth > 250).all()
    assert pixels.min() > 0
    assert pixels.max() < 256
    assert 0.28 * 256 < np.linalg.norm(pixels[0] - pixels[1]) < 0.75 * 256
