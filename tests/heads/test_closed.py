"""Closed surfaces: watertight, one inside, right signs."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from headwater.heads.closed import closed_surface
from headwater.heads.loops import border_loops, inner_edge
from headwater.heads.model import HeadModel, Surface
from headwater.heads.sampling import named_expression, sample_expression, sample_shape


def winding_number(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Solid angle over 4 pi of every triangle (van Oosterom and Strackee 1983), exact and slow."""
    corners = vertices[faces].astype(np.float64)
    total = np.zeros(len(points))
    for row, point in enumerate(points):
        a, b, c = np.moveaxis(corners - point, 1, 0)
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        volume = np.einsum("fc,fc->f", a, np.cross(b, c))
        pairs = (
            np.einsum("fc,fc->f", x, y) * n for x, y, n in ((a, b, lc), (b, c, la), (c, a, lb))
        )
        total[row] = np.arctan2(volume, la * lb * lc + sum(pairs)).sum() / (2 * np.pi)
    return total


@pytest.mark.parametrize("name", ["anny", "ict"])
def test_random_heads_are_closed_with_one_inside(name: str, request: pytest.FixtureRequest):
    model: HeadModel = request.getfixturevalue(name)
    rng = np.random.default_rng(3)
    insides, overlaps, checked = 0, 0, 0
    for _ in range(20):
        shape, expression = sample_shape(model, rng), sample_expression(model, rng)
        vertices, faces = closed_surface(model, shape, expression)
        mesh = trimesh.Trimesh(vertices, faces, process=False)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        assert mesh.volume > 1e6
        points = rng.uniform(vertices.min(0), vertices.max(0), (12, 3))
        winding = winding_number(points, vertices, faces)
        nearest = np.round(winding)
        assert np.abs(winding - nearest).max() < 1e-3
        insides += (nearest == 1).sum()
        overlaps += ((nearest < 0) | (nearest > 1)).sum()
        checked += len(points)
    assert 0.2 * checked < insides < 0.7 * checked
    assert overlaps <= 1, "only where skin passes through skin, at closed lids"


@pytest.mark.parametrize("name", ["anny", "ict"])
def test_known_places_have_the_right_sign(name: str, request: pytest.FixtureRequest):
    model: HeadModel = request.getfixturevalue(name)
    neutral = np.zeros(len(model.shape_names), np.float32)
    expression = named_expression(model, "open_mouth")
    vertices, faces = closed_surface(model, neutral, expression)
    landmarks = model.landmarks_478.on(model.vertices(neutral, expression))
    between_lips = landmarks[[13, 14]].mean(0)
    pupils = landmarks[[468, 473]]
    forward = np.array([0.0, 0.0, 6.0])
    points = np.stack(
        [
            np.array([0.0, 40.0, 0.0]),  # brain
            between_lips - forward,  # in the open mouth
            pupils[0] - forward,  # within the eyeballs
            pupils[1] - forward,
            pupils[0] + forward,  # before them
            pupils[1] + forward,
            landmarks[4] - forward,  # within the tip of the nose
            landmarks[4] + forward,  # before it
        ]
    )
    inside = winding_number(points, vertices, faces) > 0.5
    assert inside.tolist() == [True, False, True, True, False, False, True, False]


def test_caps_keep_the_heads_vertices_and_lie_on_the_eyeballs(anny: HeadModel):
    neutral = np.zeros(len(anny.shape_names), np.float32)
    rest = np.zeros(len(anny.expression_names), np.float32)
    vertices, faces = closed_surface(anny, neutral, rest)
    np.testing.assert_array_equal(vertices[: len(anny.mean)], anny.vertices(neutral, rest))
    used = np.unique(faces)
    caps = vertices[used[used >= len(anny.mean)]]
    assert (caps[:, 1] < -50).sum() == 1, "one point closes the neck"
    eyes = caps[(caps[:, 1] > -50) & (caps[:, 0] > 0)]
    ball = anny.mean[np.unique(anny.faces[anny.surface == Surface.EYEBALL])]
    ball = ball[ball[:, 0] > 0]
    planes = ConvexHull(ball).equations
    gap = np.abs((eyes @ planes[:, :3].T + planes[:, 3]).max(1))
    assert np.median(gap) < 0.4
    assert gap.max() < 2.5


def test_loops_of_a_strip_with_touching_holes():
    grid = np.arange(25).reshape(5, 5)
    squares = [(r, c) for r in range(4) for c in range(4) if (r, c) not in {(1, 1), (2, 2)}]
    faces = []
    for r, c in squares:
        a, b, d, e = grid[r, c], grid[r, c + 1], grid[r + 1, c], grid[r + 1, c + 1]
        faces += [[a, b, e], [a, e, d]]
    loops = border_loops(np.array(faces, np.int32))
    assert [len(loop) for loop in loops] == [16, 4, 4]
    assert all(len(set(loop.tolist())) == len(loop) for loop in loops)
    assert {frozenset(loop.tolist()) for loop in loops[1:]} == {
        frozenset({6, 7, 11, 12}),
        frozenset({12, 13, 17, 18}),
    }


def test_inner_edge_splits_at_the_corners():
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False) + 0.7
    vertices = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1).astype(np.float32)
    for loop in (np.arange(12), np.arange(12)[::-1]):
        upper, lower = inner_edge(loop.astype(np.int32), vertices)
        assert upper[0] == lower[0] == vertices[:, 0].argmin()
        assert upper[-1] == lower[-1] == vertices[:, 0].argmax()
        assert vertices[upper, 1].mean() > 0 > vertices[lower, 1].mean()
        assert set(upper) | set(lower) == set(range(12))
