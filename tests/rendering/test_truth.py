from dataclasses import replace

import numpy as np
import pytest
import trimesh

from headwater.faces import vocabulary as sets
from headwater.geometry.cameras import project
from headwater.geometry.rays import RayMesh
from headwater.rendering.looks import sample_look
from headwater.rendering.painting import head_paint
from headwater.rendering.truth import view_truth
from headwater.rendering.view import View, render_view
from tests.rendering.heads import ball_head, front_camera

LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, NOSE, UPPER_LIP, LOWER_LIP, SKIN = range(1, 9)


def looked_at(size: int, yaw: float = 0.0) -> View:
    model = ball_head()
    look = sample_look(np.random.default_rng(0))
    return render_view(model, model.mean, look, front_camera(size, yaw))


@pytest.fixture(scope="module")
def frontal() -> View:
    return looked_at(160)


def sphere_depth(size: int) -> np.ndarray:
    """Analytic z-depth of a sphere of radius 100 mm at the origin, NaN beside it."""
    camera = front_camera(size)
    row, column = np.indices((size, size)).reshape(2, -1) + 0.5
    pixels = np.column_stack([column, row, np.ones(size * size)])
    directions = pixels @ np.linalg.inv(camera.K).T @ camera.R
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along = directions @ camera.centre
    inside = along**2 - (camera.centre**2).sum() + 100.0**2
    with np.errstate(invalid="ignore"):
        distance = -along - np.sqrt(inside)
    return (distance * (directions @ camera.R[2])).reshape(size, size)


def test_mask_and_depth_of_a_sphere_are_the_analytic_ones() -> None:
    ball = trimesh.creation.icosphere(subdivisions=6, radius=100.0)
    vertices = ball.vertices.astype(np.float32)
    faces = ball.faces.astype(np.int32)
    sphere = replace(
        ball_head(), mean=vertices, faces=faces, surface=np.zeros(len(faces), np.uint8)
    )
    truth = view_truth(
        sphere, head_paint(ball_head()), vertices, RayMesh(vertices, faces), front_camera(512)
    )
    expected = sphere_depth(512)
    disc = np.isfinite(expected)
    assert (truth.mask & disc).sum() / (truth.mask | disc).sum() >= 0.999
    both = truth.mask & disc
    inner = both & (np.abs(expected - 900) < 95)
    assert np.abs(truth.depth - expected)[inner].max() < 0.5
    assert np.median(np.abs(truth.depth - expected)[both]) < 0.02
    assert (truth.depth[~truth.mask] == 0).all()


def test_landmarks_are_projected_by_the_camera(frontal: View) -> None:
    model = ball_head()
    pixels, _ = project(front_camera(160), model.landmarks_478.on(model.mean))
    np.testing.assert_allclose(frontal.landmarks_478_px, pixels, atol=1e-3)
    assert frontal.landmarks_478_px.dtype == np.float32


def test_landmarks_on_the_far_side_are_hidden() -> None:
    model = ball_head()
    view = looked_at(96, yaw=70.0)
    points = model.landmarks_478.on(model.mean)
    towards = front_camera(96, yaw=70.0).centre - points
    facing = np.einsum("nc,nc->n", points, towards) / np.linalg.norm(towards, axis=1) / 100.0
    on_skull = np.abs(np.linalg.norm(points, axis=1) - 100.0) < 1.0
    assert not view.landmarks_478_visible[on_skull & (facing < -0.15)].any()
    beside_the_eyes = np.abs(points[:, 1] - 28) > 25
    assert view.landmarks_478_visible[on_skull & beside_the_eyes & (facing > 0.3)].all()


def test_parts_lie_where_the_landmarks_put_them(frontal: View) -> None:
    loops = {
        LEFT_EYE: sets.LEFT_EYE,
        RIGHT_EYE: sets.RIGHT_EYE,
        LEFT_BROW: sets.LEFT_BROW,
        RIGHT_BROW: sets.RIGHT_BROW,
        NOSE: sets.NOSE,
        SKIN: sets.FACE_OVAL,
    }
    for part, loop in loops.items():
        rows, columns = np.nonzero(frontal.parts == part)
        centre = frontal.landmarks_478_px[list(loop)].mean(axis=0)
        assert abs(columns.mean() - centre[0]) < 5, part
        assert abs(rows.mean() - centre[1]) < 8, part


def test_the_subjects_left_is_on_the_right_of_the_picture(frontal: View) -> None:
    for left, right in ((LEFT_EYE, RIGHT_EYE), (LEFT_BROW, RIGHT_BROW)):
        left_columns = np.nonzero(frontal.parts == left)[1]
        right_columns = np.nonzero(frontal.parts == right)[1]
        assert left_columns.min() > right_columns.max()
    upper, lower = (np.nonzero(frontal.parts == part)[0] for part in (UPPER_LIP, LOWER_LIP))
    assert upper.mean() < lower.mean()


def test_parts_are_on_the_head_only(frontal: View) -> None:
    assert set(np.unique(frontal.parts)) == set(range(9))
    assert not frontal.parts[~frontal.mask].any()


def test_the_back_of_the_head_has_no_face() -> None:
    view = looked_at(96, yaw=180.0)
    assert view.mask.sum() > 1000
    assert not view.parts.any()
    assert not view.landmarks_478_visible.any()
