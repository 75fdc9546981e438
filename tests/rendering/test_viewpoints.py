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


def test_free_views_are_from_anywhere_before_the_face_and_some_cut_the_head() -> None:
    """Yaw to 90 degrees, pitch to 40, any roll, 15 cm before the nose to 3 m away."""
    cameras = [sample_camera(np.random.default_rng(seed), "free", 256) for seed in range(400)]
    yaw, pitch = np.array([yaw_and_pitch(camera.R[2]) for camera in cameras]).T
    ups = np.array([camera.R[:2, 1] for camera in cameras])
    roll = np.rad2deg(np.arctan2(ups[:, 0], -ups[:, 1]))
    for angles, limit in ((yaw, 90), (pitch, 40), (roll, 180)):
        assert np.abs(angles).max() <= limit + 1e-3
        counts, _ = np.histogram(angles, bins=4, range=(-limit, limit))
        assert counts.min() > 60
    away = np.array([np.linalg.norm(camera.R.T @ camera.t + (0, 12, 45)) for camera in cameras])
    assert 180 < away.min() < 300
    assert 2500 < away.max() < 3050
    centres = np.array([camera.K[:2, 2] for camera in cameras]) / 256 - 0.5
    assert 0.15 < (np.abs(centres) > 0.05).any(axis=1).mean() < 0.3


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
