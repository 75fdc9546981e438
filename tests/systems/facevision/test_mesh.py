"""The mesh of maps: triangles, spikes, smoothing, detail, and its size on a frontal face."""

from itertools import combinations

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay

from headwater.data.face_maps import range_of, render_maps
from headwater.systems.facevision.mesh import (
    SPIKE,
    Surface,
    clean_mask,
    edges_of,
    grid_faces,
    raw_surface,
    spikes,
    vertex_normals,
)
from headwater.systems.facevision.relief import detailed, high_frequencies, smoothed
from tests.data.ellipsoid import HALF_AXES, seen

ORIGIN = np.zeros(3, np.float32)


def surface_of(side: int, bumps: np.ndarray | None = None) -> Surface:
    """The mesh of an ellipsoid's maps; bumps: (S, S) mm that its pixels are nearer by."""
    scene = seen(side, subdivisions=4)
    maps = render_maps(scene.pixels, scene.depth, scene.cut, side, range_of(scene.depth))
    depth = maps.range.depth_mm(maps.depth) - (0.0 if bumps is None else bumps)
    return raw_surface(maps.mask, depth, scene.projection, ORIGIN)


def plane(side: int) -> Surface:
    """A square of (side + 1) x (side + 1) pixels, a mm apart, facing +z."""
    mask = np.ones((side, side), np.bool_)
    rows, columns = np.nonzero(mask)
    vertices = np.stack([columns, -rows, np.zeros(len(rows))], axis=1).astype(np.float64)
    faces = grid_faces(mask)
    return Surface(vertices, faces, np.argwhere(mask), edges_of(faces, len(vertices)))


def test_triangles_are_those_of_a_delaunay_triangulation_without_background() -> None:
    rng = np.random.default_rng(0)
    mask = clean_mask(rng.random((24, 24)) < 0.9)
    faces, pixel = grid_faces(mask), np.argwhere(mask)
    points = pixel[:, ::-1].astype(np.float64)
    kept = {
        tuple(sorted(triangle))
        for triangle in Delaunay(points).simplices.tolist()
        if np.ptp(points[triangle], axis=0).max() <= 1
    }
    found = {tuple(sorted(triangle)) for triangle in faces.tolist()}
    assert len(found) == len(faces) == len(kept)
    assert {v for one in found for v in one} == {v for one in kept for v in one}
    # Counter-clockwise where y points up: every normal faces the camera.
    a, b, c = (points * [1, -1])[faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a) > 0).all()


def test_every_cell_of_three_or_four_pixels_is_filled() -> None:
    for count in (3, 4):
        for chosen in combinations(range(4), count):
            mask = np.zeros(4, np.bool_)
            mask[list(chosen)] = True
            assert len(grid_faces(mask.reshape(2, 2))) == count - 2


def test_a_mask_loses_its_rim_and_all_but_its_largest_part() -> None:
    mask = np.zeros((128, 128), np.bool_)
    mask[10:60, 10:60], mask[80:100, 80:100] = True, True
    expected = np.zeros_like(mask)
    expected[11:59, 11:59] = True
    np.testing.assert_array_equal(clean_mask(mask), expected)
    assert not clean_mask(np.zeros((128, 128), np.bool_)).any()


def test_the_mesh_lies_on_the_ellipsoid_and_faces_the_camera() -> None:
    surface = surface_of(128)
    off = np.abs(np.sqrt(((surface.vertices / HALF_AXES) ** 2).sum(axis=1)) - 1.0)
    assert off.max() < 0.02
    assert (vertex_normals(surface.vertices, surface.faces)[:, 2] > 0).all()
    assert set(surface.faces.ravel()) == set(range(len(surface.vertices)))


def test_a_frontal_face_has_the_papers_number_of_vertices_and_faces() -> None:
    surface = surface_of(128)
    assert 5_000 <= len(surface.vertices) <= 8_000
    assert 10_000 <= len(surface.faces) <= 15_000


def test_injected_spikes_are_removed_and_hardly_anything_else() -> None:
    clean = surface_of(128)
    bumps = np.zeros((128, 128))
    places = [(50, 50), (64, 70), (80, 60), (70, 85), (45, 75)]
    for row, column in places:
        bumps[row, column] = 60.0
    found = surface_of(128, bumps)
    assert not {tuple(pixel) for pixel in found.pixel.tolist()} & set(places)
    lost = 1.0 - len(found.faces) / len(clean.faces)
    # Each spike takes the six triangles about it.
    assert lost <= 5 * 6 / len(clean.faces) + 1e-9 < 0.03
    whole = grid_faces(clean_mask(_mask()))
    assert 1.0 - len(clean.faces) / len(whole) < 0.03
    assert connected_components(found.edges, directed=False)[0] == 1


def _mask() -> np.ndarray:
    scene = seen(128, subdivisions=4)
    return render_maps(scene.pixels, scene.depth, scene.cut, 128, range_of(scene.depth)).mask


def test_no_triangle_of_a_torn_map_is_long() -> None:
    rng = np.random.default_rng(3)
    bumps = 40.0 * (rng.random((96, 96)) < 0.05) + rng.normal(0, 1.0, (96, 96))
    surface = surface_of(96, bumps)
    a, b, c = surface.vertices[surface.faces].transpose(1, 0, 2)
    longest = np.max([np.linalg.norm(x, axis=1) for x in (b - a, c - b, a - c)], axis=0)
    # The median was that of all triangles, those that were dropped among them.
    assert longest.max() <= 1.2 * SPIKE * np.median(longest)
    assert not spikes(np.zeros((0, 3)), np.zeros((0, 3), np.int32)).size


def test_maps_without_a_face_give_no_mesh() -> None:
    scene = seen(32, subdivisions=2)
    for mask in (np.zeros((32, 32), np.bool_), np.eye(32, dtype=np.bool_)):
        surface = raw_surface(mask, np.full((32, 32), 900.0), scene.projection, ORIGIN)
        assert len(surface.vertices) == len(surface.faces) == 0
        assert smoothed(surface, 3) is surface
        assert detailed(surface, np.zeros((32, 32, 3), np.uint8), 32, 0.2) is surface


def test_smoothing_keeps_planes_and_lowers_noise_step_by_step() -> None:
    flat = plane(20)
    np.testing.assert_allclose(smoothed(flat, 10).vertices, flat.vertices, atol=1e-12)
    rng = np.random.default_rng(1)
    inner = ((flat.pixel > 0) & (flat.pixel < 19)).all(axis=1)
    noise = np.zeros_like(flat.vertices)
    noise[inner, 2] = rng.normal(0, 1.0, inner.sum())
    variances = [
        smoothed(flat.moved(flat.vertices + noise), count).vertices[inner, 2].var()
        for count in range(6)
    ]
    assert (np.diff(variances) < 0).all()
    after = smoothed(flat.moved(flat.vertices + noise), 6)
    assert after.vertices.shape == flat.vertices.shape
    np.testing.assert_array_equal(after.vertices[~inner], flat.vertices[~inner])


def test_smoothing_is_the_plain_sum_over_neighbours() -> None:
    surface = surface_of(32)
    rings: list[set[int]] = [set() for _ in surface.vertices]
    edges: dict[tuple[int, int], int] = {}
    for face in surface.faces.tolist():
        for i, j in combinations(face, 2):
            rings[i].add(j)
            rings[j].add(i)
            key = (min(i, j), max(i, j))
            edges[key] = edges.get(key, 0) + 1
    boundary = {v for edge, count in edges.items() if count == 1 for v in edge}
    expected = surface.vertices.copy()
    for _ in range(2):
        before = expected.copy()
        for v, ring in enumerate(rings):
            if v not in boundary:
                expected[v] += 0.5 * (before[list(ring)].mean(axis=0) - before[v])
    np.testing.assert_allclose(smoothed(surface, 2).vertices, expected, atol=1e-9)


def test_a_plain_photo_adds_no_detail() -> None:
    surface = surface_of(64)
    plain = np.full((64, 64, 3), 130, np.uint8)
    np.testing.assert_array_equal(detailed(surface, plain, 64, 0.2).vertices, surface.vertices)
    assert np.abs(high_frequencies(plain)).max() < 1e-12


@pytest.mark.parametrize("scale", [1, 3])
def test_a_dark_line_sinks_along_the_normals_by_half_an_edge_at_most(scale: int) -> None:
    surface = surface_of(64)
    photo = np.full((64 * scale, 64 * scale, 3), 200, np.uint8)
    photo[:, 32 * scale : 33 * scale] = 20
    moved = detailed(surface, photo, 64, 0.2)
    step = moved.vertices - surface.vertices
    normals = vertex_normals(surface.vertices, surface.faces)
    along = (step * normals).sum(axis=1)
    np.testing.assert_allclose(step, along[:, None] * normals, atol=1e-9)
    line, beside = surface.pixel[:, 1] == 32, np.abs(surface.pixel[:, 1] - 32) == 1
    assert (along[line] < 0).all()
    assert along[beside].mean() > 0
    far = np.abs(surface.pixel[:, 1] - 32) > 12
    assert np.abs(along[far]).max() < 0.02 * np.abs(along[line]).mean()
    edges = surface.edges.tocoo()
    mean_edge = np.linalg.norm(
        surface.vertices[edges.row] - surface.vertices[edges.col], axis=1
    ).mean()
    strong = detailed(surface, photo, 64, 50.0)
    assert np.linalg.norm(strong.vertices - surface.vertices, axis=1).max() <= 0.5001 * mean_edge
