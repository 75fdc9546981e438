"""Placement of a head in the canonical space: from its own landmarks and from views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headwater.data.placement import (
    in_canonical_frame,
    place_views,
    placed_views,
    placement_from_views,
    true_placement,
)
from headwater.geometry.cameras import Camera, project
from headwater.geometry.registration import Similarity
from tests.systems.toy_heads import look_at_face, toy_heads, toy_template, toy_views

TEMPLATE = toy_template()
LANDMARKS = TEMPLATE.landmarks_68(TEMPLATE.mean)
INTRINSICS = np.array([[1500.0, 0, 128], [0, 1500.0, 128], [0, 0, 1]])
SMALL = st.floats(-1.0, 1.0)


def moved(turn_degrees: list[float], shift_mm: list[float]) -> Similarity:
    """Head frame to canonical frame."""
    rotation = Rotation.from_rotvec(turn_degrees, degrees=True).as_matrix()
    return Similarity(1.0, rotation, np.array(shift_mm))


def seen(placement: Similarity, yaws: tuple[float, ...]) -> tuple[np.ndarray, list[Camera]]:
    """Landmarks and cameras of views of the mean head, standing off its canonical place."""
    points = placement.inverse().apply(LANDMARKS)
    cameras = [Camera(INTRINSICS, *look_at_face(yaw, 0.1, 900.0), 256, 256) for yaw in yaws]
    return np.stack([project(camera, points)[0] for camera in cameras]), cameras


@settings(deadline=None)
@given(st.lists(SMALL, min_size=3, max_size=3), st.lists(SMALL, min_size=3, max_size=3))
def test_the_true_placement_undoes_any_rigid_motion(turn: list[float], shift: list[float]) -> None:
    placement = moved([90 * x for x in turn], [500 * x for x in shift])
    found = true_placement(placement.inverse().apply(LANDMARKS), LANDMARKS)
    np.testing.assert_allclose(found.rotation, placement.rotation, atol=1e-5)
    np.testing.assert_allclose(found.translation, placement.translation, atol=1e-2)


@settings(deadline=None, max_examples=20)
@given(st.lists(SMALL, min_size=3, max_size=3), st.lists(SMALL, min_size=3, max_size=3))
def test_views_from_all_sides_place_a_head_nearly_as_its_landmarks_do(
    turn: list[float], shift: list[float]
) -> None:
    """The displacement that is left is the prior's pull: at corners of the range 0.43 of all."""
    placement = moved([2 * x for x in turn], [8 * x for x in shift])
    found = placement_from_views(LANDMARKS, *seen(placement, (-0.7, -0.35, 0.0, 0.35, 0.7)))
    left = found.after(placement.inverse()).apply(LANDMARKS) - LANDMARKS
    before = placement.inverse().apply(LANDMARKS) - LANDMARKS
    remaining, moved_by = (np.linalg.norm(one, axis=1).mean() for one in (left, before))
    assert remaining <= 0.45 * moved_by + 0.05


def test_one_view_is_not_believed_about_the_distance() -> None:
    """A larger head looks like a nearer one; the given camera decides between them."""
    pixels, cameras = seen(Similarity.identity(), (0.0,))
    middle = pixels.mean(axis=1, keepdims=True)
    larger = middle + 1.05 * (pixels - middle)
    found = placement_from_views(LANDMARKS, larger, cameras)
    depth = cameras[0].R @ found.inverse().translation
    assert abs(depth[2]) < 10.0 < 0.04 * 900.0


def test_more_views_say_more() -> None:
    placement = moved([0, 0, 0], [0, 8, 0])
    one, five = (
        placement_from_views(LANDMARKS, *seen(placement, (0.0,) * count)).translation[1]
        for count in (1, 5)
    )
    assert 4.0 < one < five < 8.0


def test_views_without_landmarks_leave_a_head_where_it_is() -> None:
    pixels, cameras = seen(moved([1, 1, 1], [5, 5, 5]), (0.0, 0.3))
    nothing = placement_from_views(LANDMARKS, np.full_like(pixels, np.nan), cameras)
    np.testing.assert_array_equal(nothing.rotation, np.eye(3))
    np.testing.assert_array_equal(nothing.translation, np.zeros(3))
    half = pixels.copy()
    half[1] = np.nan
    found = placement_from_views(LANDMARKS, half, cameras)
    alone = placement_from_views(LANDMARKS, pixels[:1], cameras[:1])
    np.testing.assert_allclose(found.translation, alone.translation)


def test_landmarks_that_are_not_seen_place_nothing() -> None:
    """A head is placed by the others, wherever the missing ones would have been."""
    placement = moved([1, 1, 1], [5, 5, 5])
    pixels, cameras = seen(placement, (0.0, 0.3))
    whole = placement_from_views(LANDMARKS, pixels, cameras)
    pixels[0, 48:] = np.nan
    found = placement_from_views(LANDMARKS, pixels, cameras)
    assert np.linalg.norm(found.translation - whole.translation) < 1.0
    pixels[0, 48:] = 300.0
    wrong = placement_from_views(LANDMARKS, pixels, cameras)
    assert np.linalg.norm(wrong.translation - whole.translation) > 2.0


def test_canonical_cameras_see_the_placed_head_as_the_views_see_it_in_its_own_frame() -> None:
    heads = toy_heads(2, seed=0)
    views = toy_views(heads, 2, seed=1)
    placed = placed_views(views, TEMPLATE)
    for row in range(len(views)):
        view = views.choose(np.array([row]))
        placement = place_views(view, TEMPLATE)
        alone = in_canonical_frame(view, placement)
        np.testing.assert_array_equal(placed.R[row], alone.R[0])
        vertices = heads.vertices[views.head[row]]
        before, _ = project(view.camera(0), vertices)
        after, _ = project(placed.camera(row), placement.apply(vertices))
        assert after == pytest.approx(before, abs=0.01)
