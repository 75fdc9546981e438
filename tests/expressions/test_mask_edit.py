"""Edited masks: what moves, what stays, and what lies on top."""

import numpy as np
import pytest

from headwater.expressions.amounts import Amounts, drawn_amounts
from headwater.expressions.mask_edit import INSIDE, edited_mask, with_inside
from headwater.expressions.part_maps import mouth_drop_px, part_maps
from headwater.expressions.patterns import PATTERNS
from headwater.faces import vocabulary as sets
from headwater.faces.parts import polygon_mask
from headwater.faces.vocabulary import Part
from tests.expressions.faces import SIZE, drawn_face, mirrored, mirrored_amounts, parts_of, rolled

SWAPPED = np.array([0, 2, 1, 4, 3, 5, 6, 7, 8, 9], np.uint8)


def amounts(seed: int = 0) -> Amounts:
    return drawn_amounts(np.random.default_rng(seed))


def edit(
    name: str, face: np.ndarray, drawn: Amounts, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    pattern = PATTERNS[name]
    labels = with_inside(parts_of(face), face) if labels is None else labels
    maps = part_maps(pattern, face, drawn)
    return labels, edited_mask(labels, face, maps, mouth_drop_px(pattern, face, drawn))


def area(labels: np.ndarray, part: int) -> int:
    return int((labels == part).sum())


@pytest.mark.parametrize("name", PATTERNS)
def test_parts_that_are_not_edited_stay_where_they_show(name: str) -> None:
    face = drawn_face(6)
    maps = part_maps(PATTERNS[name], face, amounts())
    before, after = edit(name, face, amounts())
    assert (before != after).any()
    for part in Part:
        if part not in (*maps, Part.NONE, Part.SKIN):
            moved_over = (before == part) & (after != part)
            assert np.isin(after[moved_over], [int(one) for one in maps]).all()
            assert not ((after == part) & (before != part)).any()


@pytest.mark.parametrize("name", PATTERNS)
def test_an_edit_is_a_function_of_its_amounts(name: str) -> None:
    face = drawn_face(6)
    first, second = (edit(name, face, amounts())[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert set(np.unique(first)) <= {int(part) for part in Part} | {int(INSIDE)}


@pytest.mark.parametrize("seed", range(5))
def test_a_closed_eye_has_its_width_and_less_than_a_third_of_its_area(seed: int) -> None:
    before, after = edit("closed_eye_both", drawn_face(), amounts(seed))
    for eye in (Part.LEFT_EYE, Part.RIGHT_EYE):
        assert 0 < area(after, eye) <= 0.3 * area(before, eye)
        columns = [np.nonzero((labels == eye).any(axis=0))[0] for labels in (before, after)]
        assert abs(columns[0].min() - columns[1].min()) <= 3
        assert abs(columns[0].max() - columns[1].max()) <= 3


def test_an_eye_without_height_is_a_line_of_a_pixel() -> None:
    flat = Amounts(lid=0.0)
    _, after = edit("closed_eye_left", drawn_face(), flat)
    eye = after == Part.LEFT_EYE
    assert eye.sum(axis=0).max() <= 2
    assert eye.any(axis=0).sum() >= 30


@pytest.mark.parametrize("drop", [12, 25, 40, 60])
def test_an_opened_mouth_shows_its_inside_between_lips_of_their_size(drop: int) -> None:
    before, after = edit(f"open_mouth_{drop}", drawn_face(), amounts())
    assert area(before, INSIDE) == 0
    # An ellipse of the mouth's width, and the drop less what the corners follow of it.
    assert area(after, INSIDE) > 0.4 * 52 * 0.7 * drop / 100 * 60
    for lip in (Part.UPPER_LIP, Part.LOWER_LIP):
        assert area(after, lip) == pytest.approx(area(before, lip), rel=0.4)
    chins = [np.nonzero((labels == Part.SKIN).any(axis=1))[0].max() for labels in (before, after)]
    lowest = min(chins[0] + 0.95 * drop / 100 * 60, SIZE - 1)
    assert chins[1] == pytest.approx(lowest, abs=2)


def test_an_open_mouth_that_closes_has_no_inside_left() -> None:
    before, after = edit("mouth_and_eye_none", drawn_face(8), amounts())
    assert area(before, INSIDE) > 100
    assert area(after, INSIDE) < 0.05 * area(before, INSIDE)


def test_what_hides_the_face_stays_on_top() -> None:
    face = drawn_face()
    labels = with_inside(parts_of(face), face)
    labels[95:110, 85:90] = Part.NONE
    labels[185:215, 120:126] = Part.NONE
    for name in ("closed_eye_both", "open_mouth_40", "frown_both_open"):
        _, after = edit(name, face, amounts(), labels)
        assert (after[95:110, 85:90] == Part.NONE).all()
        assert (after[185:215, 120:126] == Part.NONE).all()


def test_an_absent_part_stays_absent() -> None:
    face = drawn_face()
    labels = with_inside(parts_of(face), face)
    labels[labels == Part.LEFT_EYE] = Part.NONE
    _, after = edit("closed_eye_both", face, amounts(), labels)
    assert area(after, Part.LEFT_EYE) == 0


@pytest.mark.parametrize("name", PATTERNS)
def test_the_mirror_image_gives_the_mirror_image(name: str) -> None:
    words = {"left": "right", "right": "left"}
    other = "_".join(words.get(word, word) for word in name.split("_"))
    face = drawn_face(4)
    labels, after = edit(name, face, amounts(3))
    _, there = edit(
        other,
        mirrored(face),
        mirrored_amounts(amounts(3)),
        np.ascontiguousarray(SWAPPED[labels][:, ::-1]),
    )
    assert (SWAPPED[there][:, ::-1] != after).mean() < 0.002


def test_a_rolled_mask_is_edited_alike() -> None:
    face, drawn = drawn_face(), amounts(4)
    _, level = edit("open_mouth_40", face, drawn)
    _, turned = edit("open_mouth_40", rolled(face, 25.0), drawn)
    for part in (Part.UPPER_LIP, Part.LOWER_LIP, INSIDE):
        assert area(turned, part) == pytest.approx(area(level, part), rel=0.1)


def test_the_mouths_inside_is_found_where_no_part_lies_between_the_lips() -> None:
    face = drawn_face(10)
    inside = with_inside(parts_of(face), face) == INSIDE
    drawn = polygon_mask(face, sets.INNER_LIPS, *inside.shape)
    assert (inside & drawn).sum() > 0.7 * drawn.sum() > 100
    assert not inside[:170].any()
