import numpy as np
import pytest
import trimesh

from headwater.geometry.cameras import project
from headwater.geometry.rays import RayMesh
from headwater.rendering.tracing import behind, carry, pooled, trace, vertex_normals
from tests.rendering.heads import front_camera

BALL = trimesh.creation.icosphere(subdivisions=3, radius=100.0)
VERTICES = BALL.vertices.astype(np.float32)
FACES = BALL.faces.astype(np.int32)


@pytest.mark.parametrize("per_pixel", [1, 2, 3])
def test_samples_lie_on_their_rays(per_pixel: int) -> None:
    camera = front_camera(64, yaw=20.0)
    samples = trace(RayMesh(VERTICES, FACES), VERTICES, camera, per_pixel)
    points = carry(VERTICES, FACES, samples)
    pixels, depth = project(camera, points)
    rows, columns = np.divmod(samples.cell, 64 * per_pixel)
    centres = (np.stack([columns, rows], axis=1) + 0.5) / per_pixel
    np.testing.assert_allclose(pixels, centres, atol=2e-3)
    np.testing.assert_allclose(depth, samples.depth, atol=1e-2)


def test_behind_the_front_comes_the_back() -> None:
    camera = front_camera(48)
    mesh = RayMesh(VERTICES, FACES)
    front = trace(mesh, VERTICES, camera, 1)
    back = behind(mesh, camera, front)
    assert np.isin(back.cell, front.cell).all()
    assert len(back.cell) > 0.98 * len(front.cell)
    middle = np.flatnonzero(back.cell == 24 * 48 + 24)
    assert back.depth[middle] == pytest.approx(1000.0, abs=1.0)
    assert len(behind(mesh, camera, back).cell) < 0.02 * len(back.cell)


def test_a_sub_pixel_grid_averages_to_pixels() -> None:
    grid = np.random.default_rng(0).random((6, 9, 4)).astype(np.float32)
    mean = pooled(grid, 3)
    assert mean.shape == (2, 3, 4)
    np.testing.assert_allclose(mean[1, 2], grid[3:6, 6:9].mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_array_equal(pooled(grid, 1), grid)


def test_vertex_normals_equal_the_sum_over_triangles() -> None:
    rng = np.random.default_rng(1)
    vertices = (VERTICES + rng.normal(size=VERTICES.shape)).astype(np.float32)
    expected = np.zeros(vertices.shape)
    for a, b, c in FACES:
        normal = np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a])
        for corner in (a, b, c):
            expected[corner] += normal
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(vertices, FACES), expected, atol=1e-4)
