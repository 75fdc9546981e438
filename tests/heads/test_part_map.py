"""The map of parts without rays against that of the renderer, which has rays."""

import numpy as np

from headwater.faces.vocabulary import Part
from headwater.heads.model import Surface
from headwater.heads.part_map import part_map
from headwater.rendering.painting import head_paint
from tests.rendering.heads import ball_head

BALL = ball_head()
MAP = part_map(BALL.mean, BALL.faces, BALL.landmarks_478)


def test_it_is_the_renderers_map() -> None:
    painted = head_paint(BALL).maps
    np.testing.assert_array_equal(MAP.parts, painted.parts)
    seen = np.isfinite(MAP.front)
    np.testing.assert_array_equal(seen, painted.front > -1e5)
    np.testing.assert_allclose(MAP.front[seen], painted.front[seen], atol=0.01)


def test_points_have_the_part_that_is_painted_where_they_are_on_the_mean_head() -> None:
    middle = {
        Part.NOSE: (0, 2, 100),
        Part.LEFT_BROW: (30, 45, 84),
        Part.RIGHT_BROW: (-30, 45, 84),
        Part.SKIN: (0, 65, 76),
    }
    points = np.array(list(middle.values()), np.float32)
    found = MAP.part_ids(points, np.zeros(len(points), np.uint8))
    assert list(found) == list(middle)


def test_what_lies_behind_the_face_or_beside_it_has_no_part() -> None:
    points = np.array([(0, 2, -100), (0, 2, 80), (99, 0, 0)], np.float32)
    assert not MAP.part_ids(points, np.zeros(3, np.uint8)).any()


def test_eyes_are_eyeballs_and_sockets_by_side_and_teeth_are_no_part() -> None:
    surface = np.array([Surface.EYEBALL, Surface.EYE_SOCKET, Surface.TEETH], np.uint8)
    points = np.array([(30, 28, 95), (-30, 28, 95), (0, -38, 92)], np.float32)
    found = MAP.part_ids(points, surface)
    assert list(found) == [Part.LEFT_EYE, Part.RIGHT_EYE, Part.NONE]
