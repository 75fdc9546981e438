"""Tracing and shading against a slow renderer: every ray with every triangle, pixel by pixel."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.geometry.cameras import Camera, look_at
from headwater.geometry.rays import RayMesh
from headwater.heads.model import Surface
from headwater.heads.part_map import FRONT_TOLERANCE_MM
from headwater.rendering.painting import head_paint
from headwater.rendering.plain import AMBIENT, CLAY, LIGHTS, SHINE, render_mesh
from headwater.rendering.tracing import (
    Samples,
    behind,
    carry,
    chosen,
    merged,
    normalised,
    trace,
    vertex_normals,
)
from headwater.rendering.truth import part_ids, view_landmarks, view_truth
from tests.rendering.heads import ball_head

SIZE = 14
BLOB = trimesh.creation.icosphere(subdivisions=2, radius=90.0)


def bumpy(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A bumpy closed surface of 162 vertices, mm."""
    rng = np.random.default_rng(seed)
    wave = rng.normal(size=(3, 3)) / 40.0
    bumps = 1 + 0.15 * np.sin(BLOB.vertices @ wave + rng.uniform(0, 6, 3)).sum(axis=1)
    vertices = (BLOB.vertices * bumps[:, None]).astype(np.float32)
    return vertices, BLOB.faces.astype(np.int32)


def camera(seed: int, size: int = SIZE) -> Camera:
    """A camera from a random side, with its centre off the middle and unequal focal lengths."""
    rng = np.random.default_rng(seed)
    away = rng.normal(size=3)
    R, t = look_at(600 * away / np.linalg.norm(away), rng.normal(0, 5, 3), rng.uniform(-180, 180))
    focal = 2.2 * size * rng.uniform(0.9, 1.1, 2)
    centre = size * rng.uniform(0.45, 0.55, 2)
    K = np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1.0]])
    return Camera(K, R, t, size, size)


def slow_hits(
    vertices: np.ndarray, faces: np.ndarray, start: np.ndarray, along: np.ndarray
) -> np.ndarray:
    """Sorted distances (in lengths of ``along``) at which a ray meets any of the triangles."""
    a, b, c = np.moveaxis(vertices[faces].astype(np.float64), 1, 0)
    edges = np.stack([b - a, c - a, np.broadcast_to(-along, a.shape)], axis=2)
    edges = np.where(np.abs(np.linalg.det(edges))[:, None, None] < 1e-9, np.nan, edges)
    u, v, distance = np.linalg.solve(edges, (start - a)[:, :, None])[..., 0].T
    return np.sort(distance[(u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)])


def slow_rays(one: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The camera's centre and a direction of z-depth 1 per pixel, from its definition."""
    centre = -one.R.T @ one.t
    pixels = [(x + 0.5, y + 0.5, 1.0) for y in range(one.height) for x in range(one.width)]
    return centre, np.array([one.R.T @ np.linalg.solve(one.K, pixel) for pixel in pixels])


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**31))
def test_mask_and_depth_equal_those_of_every_ray_with_every_triangle(seed: int) -> None:
    vertices, faces = bumpy(seed)
    one = camera(seed)
    samples = trace(RayMesh(vertices, faces), vertices, one, 1)
    depth = np.zeros(SIZE * SIZE)
    depth[samples.cell] = samples.depth
    start, directions = slow_rays(one)
    slow = np.array(
        [next(iter(slow_hits(vertices, faces, start, along)), 0.0) for along in directions]
    )
    # A ray along an edge may pass on one side here and on the other there.
    same = np.isclose(depth, slow, rtol=1e-4)
    assert same.mean() > 0.99
    assert (slow > 0).sum() > 40


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**31))
def test_what_lies_behind_is_the_second_hit(seed: int) -> None:
    vertices, faces = bumpy(seed)
    one = camera(seed, 10)
    mesh = RayMesh(vertices, faces)
    front = trace(mesh, vertices, one, 1)
    back = behind(mesh, one, front)
    start, directions = slow_rays(one)
    wanted = {}
    for cell in front.cell:
        hits = slow_hits(vertices, faces, start, directions[cell])
        later = hits[hits > hits[0] + 0.05] if len(hits) else hits
        if len(later):
            wanted[int(cell)] = later[0]
    depth = dict(zip(back.cell.tolist(), back.depth.tolist(), strict=True))
    both = sorted(depth.keys() & wanted.keys())
    assert len(both) > 0.95 * len(wanted)
    same = [np.isclose(depth[cell], wanted[cell], rtol=1e-4) for cell in both]
    assert np.mean(same) > 0.98


@given(st.integers(0, 2**31))
def test_barycentric_weights_are_shares_of_the_hit_point(seed: int) -> None:
    vertices, faces = bumpy(seed)
    one = camera(seed)
    samples = trace(RayMesh(vertices, faces), vertices, one, 1)
    assert (samples.barycentric >= -1e-4).all()
    np.testing.assert_allclose(samples.barycentric.sum(axis=1), 1.0, atol=1e-5)
    points = one.centre + samples.direction * samples.depth[:, None]
    np.testing.assert_allclose(carry(vertices, faces, samples), points, atol=0.02)


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_chosen_and_the_rest_merge_to_all(seed: int, other: int) -> None:
    vertices, faces = bumpy(seed)
    samples = trace(RayMesh(vertices, faces), vertices, camera(seed), 1)
    keep = np.random.default_rng(other).random(len(samples.cell)) < 0.5
    whole = merged(chosen(samples, keep), chosen(samples, ~keep))
    order = np.argsort(whole.cell)
    for name in Samples._fields:
        np.testing.assert_array_equal(getattr(whole, name)[order], getattr(samples, name))


@given(st.integers(0, 2**31), st.integers(1, 3))
def test_only_the_box_round_the_vertices_is_searched_and_nothing_is_lost(
    seed: int, per_pixel: int
) -> None:
    vertices, faces = bumpy(seed)
    one = camera(seed)
    mesh = RayMesh(vertices, faces)
    samples = trace(mesh, vertices, one, per_pixel)
    # A head behind the camera as well makes the box the whole picture.
    whole = trace(mesh, np.vstack([vertices, [one.centre + one.R.T[:, 2] * -10]]), one, per_pixel)
    np.testing.assert_array_equal(samples.cell, whole.cell)
    np.testing.assert_array_equal(samples.depth, whole.depth)


def test_zero_normals_stay_zero() -> None:
    vectors = np.array([(0, 0, 0), (3, 0, 4)], np.float32)
    np.testing.assert_allclose(normalised(vectors), [(0, 0, 0), (0.6, 0, 0.8)], atol=1e-6)


@given(st.integers(0, 2**31), st.floats(0.2, 5.0))
def test_normals_do_not_depend_on_the_size_of_a_mesh(seed: int, factor: float) -> None:
    vertices, faces = bumpy(seed)
    grown = (vertices * np.float32(factor)).astype(np.float32)
    np.testing.assert_allclose(
        vertex_normals(grown, faces), vertex_normals(vertices, faces), atol=2e-3
    )
    np.testing.assert_allclose(
        vertex_normals(vertices, faces[:, ::-1].copy()), -vertex_normals(vertices, faces), atol=1e-5
    )


def slow_shade(normal: np.ndarray, view: np.ndarray, one: Camera) -> float:
    """Display brightness 0..255 of the red channel of clay, written out for one point."""
    if normal @ view < 0:
        normal = -normal
    light, highlight = AMBIENT, 0.0
    for direction, power in LIGHTS:
        towards = one.R.T @ np.array(direction) / np.linalg.norm(direction)
        light += power * max(normal @ towards, 0.0)
        half = (view + towards) / np.linalg.norm(view + towards)
        highlight += power * max(normal @ half, 0.0) ** 30
    linear = min(CLAY[0] ** 2.2 * light + SHINE * highlight, 1.0)
    return float(255 * linear ** (1 / 2.2))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_clay_equals_the_shading_of_a_sphere_by_hand(seed: int) -> None:
    ball = trimesh.creation.icosphere(subdivisions=5, radius=80.0)
    one = camera(seed, 24)
    picture = render_mesh(ball.vertices, ball.faces, one, supersample=1)
    start, directions = slow_rays(one)
    compared = 0
    for cell, along in enumerate(directions):
        unit = along / np.linalg.norm(along)
        inside = (start @ unit) ** 2 - start @ start + 80.0**2
        row, column = divmod(cell, one.width)
        if inside < 40.0**2:
            continue
        point = start + unit * (-(start @ unit) - np.sqrt(inside))
        wanted = slow_shade(point / 80.0, -unit, one)
        assert picture[row, column, 3] == 255
        assert picture[row, column, 0] == pytest.approx(wanted, abs=2.0)
        compared += 1
    assert compared > 60


@pytest.mark.parametrize("per_pixel", [1, 2, 4])
def test_more_samples_only_smooth_the_edge(per_pixel: int) -> None:
    vertices, faces = bumpy(3)
    one = camera(3, 40)
    coarse = render_mesh(vertices, faces, one, supersample=1)
    fine = render_mesh(vertices, faces, one, supersample=per_pixel)
    assert set(np.unique(coarse[..., 3])) == {0, 255}
    levels = np.unique(fine[..., 3])
    assert len(levels) <= per_pixel**2 + 1
    share = fine[..., 3].mean() / coarse[..., 3].mean()
    assert share == pytest.approx(1.0, abs=0.02)


def test_truth_equals_the_slow_rays_and_the_paint_of_the_hit_point() -> None:
    model = ball_head()
    one = camera(5, 12)
    mesh, paint = RayMesh(model.mean, model.faces), head_paint(model)
    truth = view_truth(model, paint, model.mean, mesh, one)
    start, directions = slow_rays(one)
    for cell, along in enumerate(directions[::5]):
        row, column = divmod(5 * cell, one.width)
        hits = slow_hits(model.mean, model.faces, start, along)
        assert truth.mask[row, column] == bool(len(hits))
        if len(hits):
            assert truth.depth[row, column] == pytest.approx(hits[0], rel=1e-4)


def test_parts_of_samples_are_those_of_the_map_unless_hidden_or_inside() -> None:
    paint = head_paint(ball_head())
    rng = np.random.default_rng(2)
    mean = rng.uniform(-90, 90, size=(300, 3)).astype(np.float32)
    surface = rng.integers(0, 6, 300).astype(np.uint8)
    parts = part_ids(paint, mean, surface)
    for point, kind, part in zip(mean, surface, parts, strict=True):
        (cell,) = paint.maps.cells(point[None])
        if kind in (Surface.EYEBALL, Surface.EYE_SOCKET):
            assert part == (1 if point[0] > 0 else 2)
        elif kind != Surface.SKIN or paint.maps.front.ravel()[cell] - point[2] > FRONT_TOLERANCE_MM:
            assert part == 0
        else:
            assert part == paint.maps.parts.ravel()[cell]


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**31))
def test_a_landmark_is_visible_where_the_straight_way_to_it_is_free(seed: int) -> None:
    model = ball_head()
    one = camera(seed, 64)
    points = model.landmarks_478.on(model.mean)
    pixels, visible = view_landmarks(model, model.mean, RayMesh(model.mean, model.faces), one)
    start = -one.R.T @ one.t
    for number in range(0, 478, 31):
        along = points[number] - start
        hits = slow_hits(model.mean, model.faces, start, along)
        free = not len(hits) or hits[0] > 1 - 0.5 / np.linalg.norm(along)
        inside = bool(((pixels[number] >= 0) & (pixels[number] < 64)).all())
        assert visible[number] == (free and inside), number
