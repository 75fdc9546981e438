"""Paint of a head model: maps against slow references, weights bounded, sides alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from headwater.faces import vocabulary as sets
from headwater.faces.vocabulary import Part
from headwater.geometry.rays import RayMesh
from headwater.heads.model import Surface
from headwater.heads.part_map import MAP_STEP_MM
from headwater.rendering.painting import HeadPaint, head_paint, scalp_distance
from tests.rendering.heads import ball_head

RADIUS = 100.0


@pytest.fixture(scope="module")
def paint() -> HeadPaint:
    return head_paint(ball_head())


def centres(paint: HeadPaint) -> tuple[np.ndarray, np.ndarray]:
    """x and y (H, W) mm of the cells' centres."""
    height, width = paint.maps.parts.shape
    x = paint.maps.left + (np.arange(width) + 0.5) * MAP_STEP_MM
    y = paint.maps.top - (np.arange(height) + 0.5) * MAP_STEP_MM
    grid = np.meshgrid(x, y)
    return grid[0], grid[1]


def test_paint_is_computed_once_for_a_model() -> None:
    assert head_paint(ball_head()) is head_paint(ball_head())


def test_the_front_map_is_the_sphere(paint: HeadPaint) -> None:
    x, y = centres(paint)
    squared = RADIUS**2 - x**2 - y**2
    eyes = (np.hypot(np.abs(x) - 30, y - 28) < 14) & (np.abs(x) > 10)
    inside = (squared > 30**2) & ~eyes
    np.testing.assert_allclose(paint.maps.front[inside], np.sqrt(squared[inside]), atol=1.5)
    assert (paint.maps.front[squared < -(20**2)] < -1e5).all()


def winds_about(polygon: np.ndarray, point: np.ndarray) -> bool:
    """Even-odd rule, edge by edge."""
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if (y1 > point[1]) != (y2 > point[1]):
            inside ^= bool(point[0] < x1 + (point[1] - y1) / (y2 - y1) * (x2 - x1))
    return inside


def edge_distance(polygon: np.ndarray, point: np.ndarray) -> float:
    ends = np.roll(polygon, -1, axis=0) - polygon
    share = ((point - polygon) * ends).sum(axis=1) / np.maximum((ends**2).sum(axis=1), 1e-12)
    nearest = polygon + np.clip(share, 0, 1)[:, None] * ends
    return float(np.linalg.norm(nearest - point, axis=1).min())


@pytest.mark.parametrize(
    ("part", "loop"),
    [
        (Part.LEFT_BROW, sets.LEFT_BROW),
        (Part.RIGHT_BROW, sets.RIGHT_BROW),
        (Part.UPPER_LIP, sets.UPPER_LIP),
        (Part.LOWER_LIP, sets.LOWER_LIP),
    ],
)
def test_parts_fill_the_loops_of_their_landmarks(
    paint: HeadPaint, part: Part, loop: tuple[int, ...]
) -> None:
    polygon = paint.landmarks[list(loop), :2].astype(np.float64)
    x, y = centres(paint)
    low, high = polygon.min(axis=0) - 4, polygon.max(axis=0) + 4
    near = np.argwhere((x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]))
    chosen = near[np.random.default_rng(0).choice(len(near), 250, replace=False)]
    compared = 0
    for row, column in chosen:
        point = np.array([x[row, column], y[row, column]])
        if edge_distance(polygon, point) > 2 * MAP_STEP_MM:
            drawn = paint.maps.parts[row, column]
            assert (drawn == part) == (winds_about(polygon, point) and drawn >= part)
            compared += 1
    assert compared > 150


def test_every_painted_part_is_on_the_map_and_the_mouth_is_open(paint: HeadPaint) -> None:
    eyes = {int(Part.LEFT_EYE), int(Part.RIGHT_EYE)}
    assert set(np.unique(paint.maps.parts)) == set(range(9)) - eyes
    oval = paint.maps.parts == Part.SKIN
    assert oval.mean() > 0.3


def slow_signed_distance(inside: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Distance mm to the nearest cell of the other kind, positive inside; cell by cell."""
    within, outside = np.argwhere(inside), np.argwhere(~inside)
    distances = []
    for row, column in zip(rows, columns, strict=True):
        others = outside if inside[row, column] else within
        nearest = np.sqrt(((others - (row, column)) ** 2).sum(axis=1)).min()
        distances.append(nearest if inside[row, column] else -nearest)
    return MAP_STEP_MM * np.array(distances)


@pytest.mark.parametrize("name", ["brow", "lips"])
def test_signed_distances_equal_the_slow_ones(paint: HeadPaint, name: str) -> None:
    distance = getattr(paint.maps, name)
    rng = np.random.default_rng(0)
    rows, columns = (rng.integers(0, size, 60) for size in distance.shape)
    wanted = slow_signed_distance(distance > 0, rows, columns)
    np.testing.assert_allclose(distance[rows, columns], wanted, rtol=1e-5)


@pytest.mark.parametrize("name", ["lash", "lip_line"])
def test_closeness_is_1_on_the_line_and_falls_off(paint: HeadPaint, name: str) -> None:
    closeness = getattr(paint.maps, name)
    assert closeness.max() == 1.0
    assert closeness.min() >= 0.0
    on_line = np.argwhere(closeness == 1.0)
    far = np.argwhere(closeness < np.exp(-1.05))
    nearest = np.sqrt(((far[:500, None] - on_line[None]) ** 2).sum(axis=2)).min(axis=1)
    assert (nearest * MAP_STEP_MM > 0.9).all()


def test_the_eye_openings_lie_in_the_eyes(paint: HeadPaint) -> None:
    x, y = centres(paint)
    opening = paint.maps.lid > 0
    assert opening.any()
    assert (np.hypot(np.abs(x[opening]) - 30, y[opening] - 28) < 17).all()
    assert paint.maps.lid.max() < 9.0


@settings(max_examples=40)
@given(st.floats(-300, 300), st.floats(-300, 300), st.floats(-300, 300))
def test_cells_are_the_nearest_ones_of_any_position(x: float, y: float, z: float) -> None:
    paint = head_paint(ball_head())
    height, width = paint.maps.parts.shape
    (cell,) = paint.maps.cells(np.array([[x, y, z]], np.float32))
    row, column = divmod(int(cell), width)
    across, down = centres(paint)[0][0], centres(paint)[1][:, 0]
    assert abs(across[column] - x) <= np.abs(across - x).min() + 1e-3
    assert abs(down[row] - y) <= np.abs(down - y).min() + 1e-3
    assert 0 <= row < height


def test_cells_of_their_centres_are_themselves(paint: HeadPaint) -> None:
    x, y = centres(paint)
    mean = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)]).astype(np.float32)
    assert (paint.maps.cells(mean) == np.arange(x.size)).mean() > 0.999


@pytest.mark.parametrize("name", ["occlusion", "beard", "cheek", "ear"])
def test_weights_of_vertices_are_shares(paint: HeadPaint, name: str) -> None:
    weight = getattr(paint, name)
    assert weight.shape == (len(ball_head().mean),)
    assert weight.min() >= 0
    assert weight.max() <= 1


def test_a_beard_is_alike_on_both_sides(paint: HeadPaint) -> None:
    mean = np.asarray(ball_head().mean)
    distance, other = cKDTree(mean).query(mean * (-1, 1, 1))
    near = distance < 3.0
    assert near.sum() > 1500
    apart = np.abs(paint.beard[near] - paint.beard[other[near]])
    assert apart.mean() < 0.02
    assert np.percentile(apart, 99) < 0.35


def test_a_beard_grows_below_the_cheeks_and_in_front_of_the_ears(paint: HeadPaint) -> None:
    mean = np.asarray(ball_head().mean)
    nose, corner = paint.landmarks[[sets.NOSE_BASE, sets.LEFT_MOUTH_CORNER], 1]
    beard = np.asarray(paint.beard)
    assert beard[mean[:, 1] > max(nose - 2, corner + 16, 4) + 5].max() == 0
    assert beard[mean[:, 2] < -12].max() == 0
    assert beard.max() > 0.9


def test_blush_is_strongest_at_the_cheeks_and_the_nose(paint: HeadPaint) -> None:
    mean = ball_head().mean
    for mark in (50, 280, 4):
        near = np.linalg.norm(mean - paint.landmarks[mark], axis=1) < 8
        assert paint.cheek[near].min() > 0.7, mark
    assert paint.cheek[mean[:, 2] < 0].max() < 0.05


def test_a_ball_sees_the_whole_sky_but_inside_it_there_is_none(paint: HeadPaint) -> None:
    model = ball_head()
    eyes = np.unique(model.faces[model.surface == Surface.EYEBALL])
    away = np.setdiff1d(np.flatnonzero(model.mean[:, 2] < 0), eyes)
    np.testing.assert_allclose(paint.occlusion[away], 1.0, atol=1e-6)
    inner = eyes[np.linalg.norm(model.mean[eyes], axis=1) < 90]
    assert len(inner) > 10
    assert paint.occlusion[inner].max() < 0.05


def test_eyeballs_are_the_spheres_that_they_are(paint: HeadPaint) -> None:
    np.testing.assert_allclose(paint.eye_centre, [(30, 28, 84), (-30, 28, 84)], atol=0.05)
    np.testing.assert_allclose(paint.eye_radius, 12.0, atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(paint.eye_axis, axis=1), 1.0, atol=1e-5)
    assert (paint.eye_axis[:, 2] > 0.7).all()


@settings(max_examples=25)
@given(st.floats(-4, 26), st.floats(0, 18), st.floats(-16, 16), st.floats(0.5, 10))
def test_a_higher_hairline_leaves_less_scalp(
    hairline: float, recession: float, sweep: float, raised: float
) -> None:
    paint, mean = head_paint(ball_head()), ball_head().mean
    low = scalp_distance(paint, mean, hairline, recession, sweep)
    high = scalp_distance(paint, mean, hairline + raised, recession, sweep)
    assert (high <= low + 1e-4).all()
    receded = scalp_distance(paint, mean, hairline, recession + raised, sweep)
    assert (receded <= low + 1e-4).all()
    assert low.dtype == np.float32


def test_the_crown_has_hair_and_the_face_has_none(paint: HeadPaint) -> None:
    mean = ball_head().mean
    distance = scalp_distance(paint, mean, 10.0, 0.0, 0.0)
    assert distance[mean[:, 1] > 95].min() > 0
    face = (mean[:, 2] > 80) & (mean[:, 1] < 40)
    assert distance[face].max() < 0
    np.testing.assert_array_equal(distance, scalp_distance(paint, mean, 10.0, 0.0, 0.0))


def test_a_sweep_lifts_one_side_by_what_it_lowers_the_other(paint: HeadPaint) -> None:
    mean = ball_head().mean
    straight, swept = (scalp_distance(paint, mean, 10.0, 0.0, sweep) for sweep in (0.0, 12.0))
    moved = swept - straight
    front = (np.abs(np.arctan2(mean[:, 0], mean[:, 2] - 12.0)) < np.deg2rad(55)) & (paint.ear < 0.3)
    assert (moved[front & (mean[:, 0] > 1)] < 0).all()
    assert (moved[front & (mean[:, 0] < -1)] > 0).all()
    back = mean[:, 2] < -20
    np.testing.assert_array_equal(moved[back], 0)


def test_rays_from_the_front_meet_the_map(paint: HeadPaint) -> None:
    model = ball_head()
    mesh = RayMesh(model.mean, model.faces)
    x, y = centres(paint)
    rng = np.random.default_rng(1)
    rows, columns = (rng.integers(0, size, 200) for size in x.shape)
    start = np.column_stack([x[rows, columns], y[rows, columns], np.full(200, 300.0)])
    hits = mesh.first_hit(start, np.broadcast_to((0.0, 0.0, -1.0), start.shape))
    hit = hits.triangle >= 0
    np.testing.assert_allclose(
        paint.maps.front[rows, columns][hit], 300.0 - hits.distance[hit], atol=0.01
    )
    assert (paint.maps.front[rows, columns][~hit] == np.float32(-1e6)).all()
