import numpy as np
import trimesh

from headwater.rendering.plain import render_mesh
from tests.rendering.heads import front_camera

BALL = trimesh.creation.icosphere(subdivisions=4, radius=100.0)


def test_a_ball_is_an_opaque_disc_on_transparency() -> None:
    picture = render_mesh(BALL.vertices, BALL.faces, front_camera(128))
    assert picture.shape == (128, 128, 4)
    assert picture[64, 64, 3] == 255
    assert picture[0, 0, 3] == 0
    radius = 0.33 * 128 * 9 / np.sqrt(81 - 1)
    assert abs((picture[..., 3] / 255.0).sum() - np.pi * radius**2) < 0.01 * np.pi * radius**2


def test_vertex_colours_appear_where_the_vertices_are() -> None:
    colours = np.where(BALL.vertices[:, :1] > 0, (0.9, 0.1, 0.1), (0.1, 0.1, 0.9))
    picture = render_mesh(BALL.vertices, BALL.faces, front_camera(64), colours).astype(int)
    left, right = picture[32, 24], picture[32, 40]
    assert right[0] > 2 * right[2]
    assert left[2] > 2 * left[0]


def test_a_sheet_looks_the_same_from_both_sides() -> None:
    corners = np.array([(-50, -50, 0), (50, -50, 0), (50, 50, 0), (-50, 50, 0)], float)
    faces = np.array([(0, 1, 2), (0, 2, 3)])
    front = render_mesh(corners, faces, front_camera(48))
    back = render_mesh(corners, faces[:, ::-1], front_camera(48))
    np.testing.assert_array_equal(front, back)
    assert front[24, 24, :3].min() > 60
