"""Errors of one view against slow references and cases known by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headwater.faces.affine import labels_in_frame
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import Camera, look_at
from headwater.quality.views import (
    PART_NAMES,
    ViewDetections,
    ViewTruth,
    compare_view,
)

SIDE = 64
WHOLE = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def truth() -> ViewTruth:
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(10, 50, size=(478, 2)).astype(np.float32)
    # Outer eye corners 20 px apart.
    landmarks[IBUG68_FROM_478[[36, 45]]] = [[20.0, 30.0], [40.0, 30.0]]
    parts = np.zeros((SIDE, SIDE), np.uint8)
    parts[10:40, 20:50] = 8
    parts[20:24, 25:31] = 2
    R, t = look_at((0.0, 20.0, 700.0), (0.0, 0.0, 0.0))
    K = np.array([[90.0, 0.0, 32.0], [0.0, 90.0, 32.0], [0.0, 0.0, 1.0]])
    return ViewTruth(landmarks, parts > 0, parts, Camera(K, R, t, SIDE, SIDE))


def perfect(
    known: ViewTruth, affine: NDArray[np.float64], width: int, height: int
) -> ViewDetections:
    landmarks = (known.landmarks_478_px @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
    parts = labels_in_frame(known.parts, affine, width, height)
    return ViewDetections(affine, width, height, landmarks, parts > 0, parts, known.camera.R)


def moved_slowly(
    labels: NDArray[np.uint8], affine: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Pixel by pixel; and where a pixel's centre falls on a border of source pixels."""
    out = np.zeros((height, width), np.uint8)
    doubtful = np.zeros((height, width), bool)
    for row in range(height):
        for column in range(width):
            target = np.array([column + 0.5, row + 0.5]) - affine[:, 2]
            source = np.linalg.solve(affine[:, :2], target)
            doubtful[row, column] = (np.abs(source - np.rint(source)) < 1e-2).any()
            x, y = np.floor(source).astype(int)
            if 0 <= x < labels.shape[1] and 0 <= y < labels.shape[0]:
                out[row, column] = labels[y, x]
    return out, doubtful


@given(
    scale=st.floats(0.4, 2.5),
    turns=st.integers(0, 3),
    shift=st.tuples(st.floats(-9.7, 9.7), st.floats(-9.7, 9.7)),
)
@settings(max_examples=25, deadline=None)
def test_labels_move_as_pixel_by_pixel(
    scale: float, turns: int, shift: tuple[float, float]
) -> None:
    labels = np.random.default_rng(1).integers(0, 9, size=(17, 13)).astype(np.uint8)
    linear = scale * np.linalg.matrix_power(np.array([[0.0, 1.0], [-1.0, 0.0]]), turns)
    affine = np.column_stack([linear, np.array(shift) + 8.0])
    expected, doubtful = moved_slowly(labels, affine, 21, 19)
    found = labels_in_frame(labels, affine, 21, 19)
    np.testing.assert_array_equal(found[~doubtful], expected[~doubtful])


@pytest.mark.parametrize(
    ("affine", "width", "height"),
    [(WHOLE, SIDE, SIDE), (np.array([[2.0, 0.0, -20.0], [0.0, 2.0, -10.0]]), 90, 80)],
)
def test_perfect_finds_have_no_error(affine: NDArray[np.float64], width: int, height: int) -> None:
    known = truth()
    errors = compare_view(known, perfect(known, affine, width, height))
    assert errors.landmark_68_nme_percent < 1e-4
    assert errors.landmark_478_nme_percent < 1e-4
    assert errors.mask_iou == 1.0
    assert errors.part_iou_mean == 1.0
    assert errors.camera_rotation_degrees < 1e-4


def test_errors_are_measured_in_the_right_units() -> None:
    known = truth()
    twice = 2.0 * WHOLE
    found = perfect(known, twice, 2 * SIDE, 2 * SIDE)
    assert found.parts is not None
    assert found.mask is not None
    parts = found.parts.copy()
    parts[parts == 2] = 8
    half = found.mask & (np.arange(2 * SIDE) < 70)
    angle = np.deg2rad(3.0)
    spin = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    errors = compare_view(
        known,
        ViewDetections(
            twice,
            2 * SIDE,
            2 * SIDE,
            found.landmarks_478_px + np.float32([3.0, 4.0]),
            half,
            parts,
            spin @ known.camera.R,
        ),
    )
    # 5 px of the 40 px between the eye corners of the doubled frame.
    assert errors.landmark_68_nme_percent == pytest.approx(12.5, rel=1e-4)
    assert errors.landmark_478_nme_percent == pytest.approx(12.5, rel=1e-4)
    assert errors.mask_iou == pytest.approx(0.5, abs=1e-9)
    assert errors.part_iou[PART_NAMES.index("right_eye")] == 0.0
    assert errors.part_iou[PART_NAMES.index("skin")] == pytest.approx(876 / 900)
    assert np.isnan(errors.part_iou[PART_NAMES.index("nose")])
    assert errors.part_iou_mean == pytest.approx((0.0 + 876 / 900) / 2)
    assert errors.camera_rotation_degrees == pytest.approx(3.0, abs=1e-5)


def test_a_turned_frame_turns_the_true_camera() -> None:
    known = truth()
    quarter = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, SIDE]])
    found = perfect(known, quarter, SIDE, SIDE)
    assert compare_view(known, found).camera_rotation_degrees == pytest.approx(90.0)
    assert compare_view(known, found).mask_iou == 1.0


def test_labels_of_a_level_frame_come_from_where_its_map_says() -> None:
    """Against a slow loop, for a frame that is turned, shrunk and reaches beyond the view."""
    labels = np.random.default_rng(0).integers(1, 9, (SIDE, SIDE)).astype(np.uint8)
    cosine, sine = 0.7 * np.cos(0.5), 0.7 * np.sin(0.5)
    affine = np.array([[cosine, sine, 3.0], [-sine, cosine, 9.0]])
    shown = labels_in_frame(labels, affine, 50, 45)
    back = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
    for row in range(45):
        for column in range(50):
            x, y, _ = np.floor(back @ (column + 0.5, row + 0.5, 1)).astype(int)
            inside = 0 <= x < SIDE and 0 <= y < SIDE
            assert shown[row, column] == (labels[y, x] if inside else 0)
    assert (shown == 0).any()
    assert (shown > 0).any()


def test_what_was_rejected_has_no_figure() -> None:
    known = truth()
    bare = ViewDetections(WHOLE, SIDE, SIDE, known.landmarks_478_px, None, None, None)
    errors = compare_view(known, bare)
    assert errors.landmark_68_nme_percent == 0.0
    assert np.isnan([errors.mask_iou, errors.part_iou_mean, errors.camera_rotation_degrees]).all()
