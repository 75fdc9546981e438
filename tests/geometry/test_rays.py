import numpy as np
import pytest
import trimesh

from headwater.errors import HeadwaterError
from headwater.geometry.rays import RayMesh


def nearest_hit_of_one_ray(
    corners: np.ndarray, origin: np.ndarray, direction: np.ndarray
) -> tuple[int, float]:
    """Slow reference: solve origin + d * direction = a + u (b - a) + v (c - a) per triangle."""
    best, distance = -1, np.inf
    for index, (a, b, c) in enumerate(corners):
        system = np.stack([b - a, c - a, -direction], axis=1)
        if abs(np.linalg.det(system)) < 1e-12:
            continue
        u, v, d = np.linalg.solve(system, origin - a)
        if u >= 0 and v >= 0 and u + v <= 1 and 0 < d < distance:
            best, distance = index, float(d)
    return best, distance


@pytest.fixture(scope="module")
def ball() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=2, radius=90.0)


def test_first_hits_equal_the_slow_reference(ball: trimesh.Trimesh) -> None:
    rng = np.random.default_rng(0)
    origins = rng.normal(size=(60, 3)) * 150
    directions = -origins + rng.normal(size=(60, 3)) * 60
    hits = RayMesh(ball.vertices, ball.faces).first_hit(origins, directions)
    for ray in range(60):
        triangle, distance = nearest_hit_of_one_ray(ball.triangles, origins[ray], directions[ray])
        assert hits.triangle[ray] == triangle
        assert hits.distance[ray] == pytest.approx(distance, rel=1e-4)


def test_barycentric_weights_give_the_hit_point(ball: trimesh.Trimesh) -> None:
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(1000, 3))
    hits = RayMesh(ball.vertices, ball.faces).first_hit((1.0, 2.0, 3.0), directions)
    assert (hits.triangle >= 0).all()
    from_weights = np.einsum("nk,nkc->nc", hits.barycentric, ball.triangles[hits.triangle])
    along_the_ray = (1.0, 2.0, 3.0) + hits.distance[:, None] * directions
    np.testing.assert_allclose(from_weights, along_the_ray, atol=1e-3)
    np.testing.assert_allclose(hits.barycentric.sum(axis=1), 1.0, atol=1e-6)


def test_misses_are_marked(ball: trimesh.Trimesh) -> None:
    hits = RayMesh(ball.vertices, ball.faces).first_hit([[0, 0, 200.0]], [[0, 0, 1.0]])
    assert hits.triangle.tolist() == [-1]
    assert np.isinf(hits.distance[0])
    assert hits.barycentric.tolist() == [[0, 0, 0]]
    assert hits.triangle.dtype == np.int32


def test_occluded_agrees_with_first_hit(ball: trimesh.Trimesh) -> None:
    rng = np.random.default_rng(2)
    origins = rng.normal(size=(2000, 3)) * 120
    directions = rng.normal(size=(2000, 3))
    mesh = RayMesh(ball.vertices, ball.faces)
    occluded = mesh.occluded(origins, directions)
    assert 0 < occluded.sum() < 2000
    np.testing.assert_array_equal(occluded, mesh.first_hit(origins, directions).triangle >= 0)


def test_no_rays_give_no_hits(ball: trimesh.Trimesh) -> None:
    hits = RayMesh(ball.vertices, ball.faces).first_hit(np.zeros((0, 3)), np.zeros((0, 3)))
    assert len(hits.triangle) == 0


@pytest.mark.parametrize(
    ("vertices", "faces", "complaint"),
    [
        ([[0, 0, np.nan], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], "finite"),
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.zeros((0, 3), int), "F >= 1"),
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 3]], "does not exist"),
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, -1]], "does not exist"),
    ],
)
def test_broken_meshes_are_refused(vertices: object, faces: object, complaint: str) -> None:
    with pytest.raises(HeadwaterError, match=complaint):
        RayMesh(vertices, faces)


def test_rays_of_other_shapes_are_refused(ball: trimesh.Trimesh) -> None:
    with pytest.raises(HeadwaterError, match="match"):
        RayMesh(ball.vertices, ball.faces).first_hit(np.zeros((2, 3)), np.zeros((3, 3)))
