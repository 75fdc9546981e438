"""Part IoU: the same head has all of it, a shift loses it by what slow counting says."""

import numpy as np
import pytest

from headwater.faces.vocabulary import Part
from headwater.geometry.cameras import project
from headwater.geometry.rays import RayMesh
from headwater.heads.part_map import part_map
from headwater.metrics.part_iou import (
    AVERAGE,
    JUDGED,
    NAMES,
    WINDOW_PX,
    face_cut,
    part_ious,
    seen_parts,
    window,
)
from headwater.rendering.painting import head_paint
from headwater.rendering.truth import view_truth
from tests.rendering.heads import ball_head, front_camera

BALL = ball_head()
MAP = part_map(BALL.mean, BALL.faces, BALL.landmarks_478)
# Table 1 of the paper, in %: rows of seven parts and the average that it prints.
TABLE_1 = {
    "PRNet": ((65.87, 66.73, 61.46, 59.18, 83.34, 50.88, 58.16), 63.66),
    "MGCNet": ((64.42, 64.81, 55.25, 61.30, 87.40, 41.16, 66.22), 62.94),
    "Deep3D": ((71.87, 70.52, 64.66, 64.70, 87.69, 61.21, 65.95), 69.51),
    "3DDFA-v2": ((61.39, 57.51, 43.38, 38.85, 80.83, 50.20, 59.01), 55.88),
    "HRN": ((73.31, 73.61, 67.91, 66.78, 90.00, 63.80, 66.40), 71.69),
    "DECA": ((58.09, 62.56, 55.27, 51.86, 86.54, 56.39, 62.81), 61.93),
    "without PRDL": ((70.72, 75.69, 71.11, 71.69, 88.35, 57.26, 69.71), 72.08),
    "without synthetic data": ((73.81, 72.55, 72.24, 70.90, 88.71, 57.43, 69.87), 72.22),
    "3DDFA-V3": ((74.55, 76.06, 74.00, 74.05, 89.06, 58.16, 70.86), 73.82),
}


def labels(shift_mm: float = 0.0, yaw: float = 0.0) -> np.ndarray:
    camera = front_camera(128, yaw)
    moved = BALL.mean + np.array([shift_mm, 0, 0], np.float32)
    return seen_parts(moved, BALL.faces, BALL.surface, BALL.mean, MAP, camera)


@pytest.mark.parametrize("yaw", [0.0, 40.0])
def test_parts_are_those_of_the_renderers_exact_truth(yaw: float) -> None:
    camera = front_camera(128, yaw)
    mesh = RayMesh(BALL.mean, BALL.faces)
    exact = view_truth(BALL, head_paint(BALL), BALL.mean, mesh, camera).parts
    ious = part_ious(labels(yaw=yaw), exact)
    assert set(ious) == {AVERAGE, *NAMES}
    assert min(ious.values()) > 99.0


def test_the_same_head_has_all_of_it() -> None:
    assert set(part_ious(labels(), labels()).values()) == {100.0}


def test_a_shifted_head_has_what_counting_pixels_one_by_one_gives() -> None:
    ours, theirs = labels(6.0), labels()
    pairs = list(zip(ours.ravel().tolist(), theirs.ravel().tolist(), strict=True))
    for part, name in zip(JUDGED, NAMES, strict=True):
        both = sum(a == b == part for a, b in pairs)
        either = sum(part in pair for pair in pairs)
        assert part_ious(ours, theirs)[name] == pytest.approx(100 * both / either)
        assert both < either
    assert Part.SKIN not in JUDGED


def test_a_part_that_neither_shows_is_left_out_and_one_that_one_shows_has_nothing() -> None:
    found, true = np.zeros((2, 4, 4), np.uint8)
    found[0], true[0] = Part.NOSE, Part.NOSE
    found[1] = Part.LEFT_EYE
    assert part_ious(found, true) == {AVERAGE: 50.0, "nose_iou": 100.0, "left_eye_iou": 0.0}
    assert part_ious(np.zeros_like(found), np.zeros_like(true)) == {}


@pytest.mark.parametrize("method", TABLE_1)
def test_the_average_is_the_plain_mean_that_the_paper_prints(method: str) -> None:
    parts, printed = TABLE_1[method]
    assert np.mean(parts) == pytest.approx(printed, abs=0.011)


def test_a_pixel_of_the_window_is_a_millimetre_at_the_nose_in_its_middle() -> None:
    camera, nose = front_camera(300, 30.0, 700.0), np.array([10.0, -5.0, 90.0])
    cut = window(camera, face_cut(camera, nose))
    beside = camera.R.T @ np.array([7.0, 0, 0])
    pixels, _ = project(cut, np.stack([nose, nose + beside]))
    np.testing.assert_allclose(pixels[0], WINDOW_PX / 2)
    np.testing.assert_allclose(np.linalg.norm(pixels[1] - pixels[0]), 7.0)
