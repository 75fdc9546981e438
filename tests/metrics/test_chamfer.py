import numpy as np
import pytest
import trimesh
from scipy.spatial import Delaunay, cKDTree

from headwater.metrics.chamfer import (
    FACE_RADIUS_MM,
    DensePrediction,
    face_sphere,
    h3ds_chamfer,
    honest_face_chamfer,
    subdivide,
)


@pytest.fixture(scope="module")
def head() -> trimesh.Trimesh:
    """An egg of some 2,600 vertices with a nose towards +z."""
    mesh = trimesh.creation.icosphere(subdivisions=4)
    mesh.vertices *= [75.0, 105.0, 90.0]
    bump = np.exp(-((mesh.vertices[:, 0] / 15) ** 2) - (mesh.vertices[:, 1] / 25) ** 2)
    mesh.vertices[:, 2] += np.where(mesh.vertices[:, 2] > 0, 25 * bump, 0)
    return mesh


TIP = np.array([0.0, 0.0, 115.0])


def landmark_rows(mesh: trimesh.Trimesh) -> np.ndarray:
    return np.argsort(np.linalg.norm(mesh.vertices - TIP, axis=1))[:600:60]


def prediction(mesh: trimesh.Trimesh, vertices: np.ndarray, rows: np.ndarray) -> DensePrediction:
    return DensePrediction(vertices, mesh.faces, vertices[rows], vertices[rows[0]])


def moved(vertices: np.ndarray) -> np.ndarray:
    turn = trimesh.transformations.euler_matrix(0.2, -0.3, 0.1)[:3, :3]
    return vertices @ turn.T + [12.0, -7.0, 20.0]


def surface_distance(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    """Exact distance of each point to the mesh, triangle by triangle."""
    corners = mesh.vertices[mesh.faces]
    distances = []
    for point in points:
        nearest = trimesh.triangles.closest_point(corners, np.tile(point, (len(corners), 1)))
        distances.append(np.linalg.norm(nearest - point, axis=1).min())
    return np.array(distances)


def disc(count: int, radius: float, rng: np.random.Generator) -> np.ndarray:
    r, angle = radius * np.sqrt(rng.random(count)), 2 * np.pi * rng.random(count)
    return np.stack([r * np.cos(angle), r * np.sin(angle), np.zeros(count)], axis=1)


@pytest.mark.parametrize(
    ("vertices", "expected_mm"), [(5_000, 0.99), (9_400, 0.72), (20_000, 0.49), (35_700, 0.37)]
)
def test_density_alone_costs_what_the_notes_say(vertices: int, expected_mm: float) -> None:
    """An exact disc of 95 mm, its vertices as irregular as a mesh's, against dense truth."""
    rng = np.random.default_rng(0)
    spacing = FACE_RADIUS_MM * np.sqrt(np.pi / vertices)
    steps = np.arange(-110.0, 110.0, spacing)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    irregular = grid + 0.75 * spacing * rng.uniform(-0.5, 0.5, grid.shape)
    sampled = np.pad(irregular, ((0, 0), (0, 1)))
    found = cKDTree(sampled).query(disc(20_000, FACE_RADIUS_MM, rng))[0].mean()
    assert found == pytest.approx(expected_mm, abs=0.05)


def test_subdividing_leaves_no_long_edge_and_no_stray_vertex(head: trimesh.Trimesh) -> None:
    faces = head.faces[:200]
    points = subdivide(head.vertices, faces)
    used = head.vertices[np.unique(faces)]
    assert cKDTree(points).query(used)[0].max() < 1e-9
    part = trimesh.Trimesh(head.vertices, faces, process=False)
    assert surface_distance(part, points[::50]).max() < 1e-6
    assert cKDTree(points).query(points, k=2)[0][:, 1].max() < 1.0


def test_a_rigidly_moved_head_has_no_error(head: trimesh.Trimesh) -> None:
    rows = landmark_rows(head)
    found = honest_face_chamfer(
        head.vertices, head.vertices[rows], TIP, prediction(head, moved(head.vertices), rows)
    )
    assert found.aligned
    assert found.mean_mm < 0.01
    np.testing.assert_allclose(
        found.transform.apply(moved(head.vertices)), head.vertices, atol=0.05
    )


def test_honest_distance_equals_the_exact_surface_distance(head: trimesh.Trimesh) -> None:
    rng = np.random.default_rng(1)
    rows = landmark_rows(head)
    smooth = head.vertices[:, 1:2] / 105.0
    other = head.vertices * [1.05, 1.0, 0.97] + 3.0 * smooth**2 * [0, 0, 1]
    found = honest_face_chamfer(
        head.vertices, head.vertices[rows], TIP, prediction(head, other, rows)
    )
    aligned = trimesh.Trimesh(found.transform.apply(other), head.faces, process=False)
    chosen = rng.choice(len(found.region), 150, replace=False)
    points = head.vertices[found.region[chosen]]
    exact = surface_distance(aligned, points)
    assert found.aligned
    assert np.abs(found.distances[chosen] - exact).mean() < 0.15
    assert (found.distances[chosen] >= exact - 1e-6).all()


def test_size_is_seen_by_the_honest_protocol_and_hidden_by_h3ds(head: trimesh.Trimesh) -> None:
    rows = landmark_rows(head)
    larger = head.vertices * 1.05
    honest = honest_face_chamfer(
        head.vertices, head.vertices[rows], TIP, prediction(head, larger, rows)
    )
    region = face_sphere(head.vertices, TIP)
    hidden = h3ds_chamfer(
        head.vertices,
        region,
        larger,
        truth_landmarks=head.vertices[rows],
        landmarks=larger[rows],
    )
    assert honest.mean_mm > 0.3
    assert hidden < 1e-6


def test_h3ds_score_equals_the_packages_own_steps(head: trimesh.Trimesh) -> None:
    """Written out as the benchmark does it: icp with its defaults, inverted, vertex to vertex."""
    rng = np.random.default_rng(2)
    other = moved(head.vertices * 1.02) * 0.05 + 0.95 * head.vertices
    other = other + rng.normal(0, 0.3, other.shape)
    region = face_sphere(head.vertices, TIP)
    matrix, _, _ = trimesh.registration.icp(head.vertices[region], other)
    back = trimesh.transform_points(other, np.linalg.inv(matrix))
    expected = np.min(
        np.linalg.norm(head.vertices[region][:, None] - back[None], axis=2), axis=1
    ).mean()
    assert h3ds_chamfer(head.vertices, region, other) == pytest.approx(expected, abs=1e-9)


def test_what_cannot_be_aligned_is_a_failure_not_a_number(head: trimesh.Trimesh) -> None:
    rows = landmark_rows(head)
    broken = np.full_like(head.vertices, np.nan)
    tiny = head.vertices * 0.05
    for vertices in (broken, tiny):
        found = honest_face_chamfer(
            head.vertices, head.vertices[rows], TIP, prediction(head, vertices, rows)
        )
        assert not found.aligned
        assert np.isnan(found.mean_mm)


def test_the_face_sphere_holds_what_is_near_the_nose(head: trimesh.Trimesh) -> None:
    region = face_sphere(head.vertices, TIP)
    distance = np.linalg.norm(head.vertices - TIP, axis=1)
    assert set(region) == {i for i, d in enumerate(distance) if d <= FACE_RADIUS_MM}


def test_a_disc_of_triangles_is_what_the_density_law_is_about() -> None:
    """Denser sampling of the same surface lowers the vertex distance; subdividing removes that."""
    rng = np.random.default_rng(3)
    truth = disc(2_000, 85.0, rng)
    raw, dense = [], []
    for spacing in (10.0, 5.0):
        steps = np.arange(-95.0, 96.0, spacing)
        flat = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        vertices = np.pad(flat, ((0, 0), (0, 1)))
        raw.append(cKDTree(vertices).query(truth)[0].mean())
        points = subdivide(vertices, Delaunay(flat).simplices)
        dense.append(cKDTree(points).query(truth)[0].mean())
    assert raw[0] > 1.8 * raw[1]
    assert max(dense) < 0.35
