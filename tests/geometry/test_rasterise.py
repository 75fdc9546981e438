"""The z-buffer against rays traced one by one, and its rules for edges and odd faces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.geometry import rasterise as module
from headwater.geometry.rasterise import rasterise
from headwater.geometry.rays import RayMesh

FOCAL, SIDE = 40.0, 24


def random_mesh(seed: int, faces: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners (V, 3) before a camera at the origin that looks along z, and faces."""
    rng = np.random.default_rng(seed)
    vertices = rng.uniform((-3, -3, 8), (3, 3, 14), (3 * faces, 3))
    return vertices, np.arange(3 * faces).reshape(-1, 3)


def seen(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    depth = vertices[:, 2]
    return SIDE / 2 + FOCAL * vertices[:, :2] / depth[:, None], depth


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_pixels_show_what_rays_through_their_centres_hit_first(seed: int, count: int) -> None:
    vertices, faces = random_mesh(seed, count)
    shown = rasterise(*seen(vertices), faces, SIDE, SIDE)
    centres = np.arange(SIDE) + 0.5
    u, v = np.meshgrid(centres, centres)
    rays = np.stack([(u - SIDE / 2) / FOCAL, (v - SIDE / 2) / FOCAL, np.ones_like(u)], axis=-1)
    hits = RayMesh(vertices.astype(np.float32), faces.astype(np.int32)).first_hit(
        np.zeros(3), rays.reshape(-1, 3).astype(np.float32)
    )
    same = hits.triangle.reshape(SIDE, SIDE) == shown.triangle
    # Rays are of 32 bits: an edge may fall to either side of a centre.
    assert same.mean() > 0.995
    there = same & (shown.triangle >= 0)
    weights = hits.barycentric.reshape(SIDE, SIDE, 3)
    np.testing.assert_allclose(shown.weights[there], weights[there], atol=1e-2)
    depth = hits.distance.reshape(SIDE, SIDE)
    np.testing.assert_allclose(shown.depth[there], depth[there], rtol=1e-3)


def test_the_result_does_not_depend_on_how_many_candidates_are_looked_at_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vertices, faces = random_mesh(5, 40)
    whole = rasterise(*seen(vertices), faces, SIDE, SIDE)
    monkeypatch.setattr(module, "_TOGETHER", 100)
    for one, other in zip(rasterise(*seen(vertices), faces, SIDE, SIDE), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_values_of_corners_are_carried_to_pixels_in_perspective() -> None:
    vertices, faces = random_mesh(2, 3)
    shown = rasterise(*seen(vertices), faces, SIDE, SIDE)
    rows, columns = np.nonzero(shown.triangle >= 0)
    points = shown.carry(vertices, faces)
    np.testing.assert_allclose(seen(points)[0], np.stack([columns, rows], 1) + 0.5, atol=1e-4)


def test_of_equally_near_faces_the_first_shows() -> None:
    corners = np.array([[0.0, 0], [9, 0], [0, 9]])
    shown = rasterise(corners, np.ones(3), np.array([[0, 1, 2], [2, 1, 0]]), 8, 8)
    assert set(np.unique(shown.triangle)) == {-1, 0}


def test_without_perspective_depth_is_linear_and_may_be_negative() -> None:
    corners = np.array([[0.0, 0], [8, 0], [0, 8]])
    shown = rasterise(
        corners, np.array([-4.0, 4.0, -4.0]), np.array([[0, 1, 2]]), 8, 8, perspective=False
    )
    np.testing.assert_allclose(shown.depth[0, :7], np.arange(7) + 0.5 - 4.0)


@pytest.mark.parametrize(
    "corners",
    [
        [[1.0, 1, 1], [5, 5, 1], [3, 3, 1]],
        [[1.0, 1, 1], [5, 1, -1], [1, 5, 1]],
        [[1.0, 1, 1], [np.nan, 1, 1], [1, 5, 1]],
        [[-9.0, -9, 1], [-5, -9, 1], [-9, -5, 1]],
    ],
)
def test_faces_without_area_behind_the_camera_or_beside_the_image_show_nowhere(
    corners: list[list[float]],
) -> None:
    vertices = np.array(corners)
    shown = rasterise(vertices[:, :2], vertices[:, 2], np.array([[0, 1, 2]]), 8, 8)
    assert (shown.triangle == -1).all()
    assert np.isinf(shown.depth).all()
    assert shown.carry(vertices, np.array([[0, 1, 2]])).shape == (0, 3)
