import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.metrics.landmarks import normalised_mean_error, seen_mean_error
from headwater.metrics.regions import intersection_over_union, part_intersection_over_union


def face(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 50, (68, 2))


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10.0), st.floats(-100, 100))
def test_landmark_error_does_not_depend_on_size_or_place(
    seed: int, scale: float, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = face(rng), face(rng)
    once = normalised_mean_error(predicted, truth)
    again = normalised_mean_error(predicted * scale + shift, truth * scale + shift)
    assert again == pytest.approx(once, rel=1e-9)


def test_landmark_error_of_a_shift_is_the_shift_over_the_eye_distance() -> None:
    truth = np.zeros((68, 2))
    truth[45] = [100.0, 0.0]
    assert normalised_mean_error(truth + [0.0, 5.0], truth) == pytest.approx(0.05)


def test_a_missing_landmark_gives_no_number() -> None:
    truth = face(np.random.default_rng(0))
    predicted = truth.copy()
    predicted[7] = np.nan
    assert np.isnan(normalised_mean_error(predicted, truth))


def test_landmarks_outside_a_photo_are_left_out_of_the_error_over_those_seen() -> None:
    rng = np.random.default_rng(0)
    predicted = face(rng)
    detected = predicted + [3.0, 4.0]
    eyes = np.linalg.norm(predicted[36] - predicted[45])
    assert seen_mean_error(predicted, detected) == normalised_mean_error(predicted, detected)
    detected[48:] = np.nan
    assert seen_mean_error(predicted, detected) == pytest.approx(5.0 / eyes)
    detected[36] = np.nan
    assert seen_mean_error(predicted, detected) == pytest.approx(5.0 / eyes)
    assert np.isnan(seen_mean_error(predicted, np.full_like(detected, np.nan)))


def test_the_wrong_number_of_landmarks_is_refused() -> None:
    with pytest.raises(ValueError, match="68"):
        normalised_mean_error(np.zeros((67, 2)), np.zeros((67, 2)))


@given(st.integers(0, 2**32 - 1))
def test_overlap_equals_counting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 7, 9)) < rng.random()
    both = sum(x and y for x, y in zip(a.flat, b.flat, strict=True))
    either = sum(x or y for x, y in zip(a.flat, b.flat, strict=True))
    expected = both / either if either else 1.0
    assert intersection_over_union(a, b) == expected


@given(st.integers(0, 2**32 - 1))
def test_part_overlap_equals_one_mask_at_a_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predicted = rng.integers(0, 9, (12, 10)).astype(np.uint8)
    truth = rng.choice([0, 1, 2, 5, 8, 255], (12, 10)).astype(np.uint8)
    found = part_intersection_over_union(predicted, truth, parts=8)
    known = truth != 255
    for part in range(9):
        a, b = (predicted == part) & known, (truth == part) & known
        assert found[part] == pytest.approx(intersection_over_union(a, b))


def test_a_part_that_neither_image_has_gives_no_number() -> None:
    empty = np.zeros((4, 4), np.uint8)
    assert np.isnan(part_intersection_over_union(empty, empty, parts=8)[3])
