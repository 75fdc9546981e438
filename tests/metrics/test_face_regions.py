"""Regions of the face by landmarks."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from headwater.faces import vocabulary as sets
from headwater.metrics.face_regions import (
    POINTS,
    REACH_MM,
    REGION_OF_POINT,
    REGIONS,
    face_regions,
    region_means,
)
from tests.metrics import heads as toys


def region(point: int) -> str:
    return REGIONS[REGION_OF_POINT[point]]


def test_every_point_of_the_mesh_is_in_one_region() -> None:
    points = [point for region_points in POINTS.values() for point in region_points]
    assert sorted(points) == list(range(sets.MESH_POINTS))


@pytest.mark.parametrize(
    ("points", "name"),
    [
        (sets.NOSE, "nose"),
        ((*sets.OUTER_LIPS, *sets.INNER_LIPS), "mouth"),
        ((*sets.LEFT_EYE, *sets.RIGHT_EYE, *sets.LEFT_BROW, *sets.RIGHT_BROW), "eyes"),
        ((10, 151, 67, 297), "forehead"),
        ((50, 280, 205, 425, 234, 454), "cheeks"),
        ((152, 199, 200), "chin"),
    ],
)
def test_well_known_points_are_where_they_belong(points: tuple, name: str) -> None:
    assert {region(point) for point in points} == {name}


def head_with_landmarks() -> tuple[np.ndarray, np.ndarray]:
    mesh = toys.egg(3)
    spread = np.random.default_rng(0).normal(0, 1.0, (478, 3))
    return mesh.vertices, mesh.vertices[toys.landmark_vertices(mesh)] + spread


@settings(max_examples=10, report_multiple_bugs=False, phases=[Phase.generate])
@given(st.tuples(*[st.floats(-3, 3)] * 3))
def test_regions_move_with_the_head(angles: tuple) -> None:
    vertices, landmarks = head_with_landmarks()
    still = face_regions(vertices, landmarks)
    moved = face_regions(toys.rigid(vertices, angles), toys.rigid(landmarks, angles))
    np.testing.assert_array_equal(moved, still)


def test_regions_are_those_of_the_nearest_landmark_and_end_at_their_reach() -> None:
    vertices, landmarks = head_with_landmarks()
    found = face_regions(vertices, landmarks)
    assert len(set(found)) == len(REGIONS) + 1
    for vertex, number in zip(vertices, found, strict=True):
        distance = np.linalg.norm(landmarks[: sets.MESH_POINTS] - vertex, axis=1)
        nearest = REGION_OF_POINT[distance.argmin()]
        assert number == (nearest if distance.min() <= REACH_MM else -1)


def test_means_are_over_each_region_alone() -> None:
    found = region_means(np.array([1.0, 3.0, 10.0, 99.0]), np.array([0, 0, 3, -1], np.int8))
    assert found[REGIONS[0]] == 2.0
    assert found[REGIONS[3]] == 10.0
    assert np.isnan(found[REGIONS[1]])
