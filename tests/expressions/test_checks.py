"""Checks of edited frames: each reason, and faces that pass."""

import numpy as np
import pytest

from headwater.errors import ItemRejected
from headwater.expressions.amounts import Amounts, drawn_amounts
from headwater.expressions.checks import check_pattern, overlap, share_near
from headwater.expressions.effects import effects
from headwater.expressions.part_maps import moved_points, part_maps
from headwater.expressions.patterns import PATTERNS
from headwater.expressions.warped import LOOPS, pattern_mask
from headwater.faces.vocabulary import Part
from tests.expressions.faces import drawn_face, parts_of

DRAWN = drawn_amounts(np.random.default_rng(0))


def moved(name: str, face: np.ndarray, amounts: Amounts = DRAWN) -> np.ndarray:
    after = face.copy()
    maps = part_maps(PATTERNS[name], face, amounts)
    for point, place in moved_points(maps, LOOPS, face[:, :2].astype(float)).items():
        after[point, :2] = place
    return after


@pytest.mark.parametrize("strength", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("name", PATTERNS)
def test_landmarks_that_were_moved_show_their_pattern_and_those_that_were_not_do_not(
    name: str, strength: float
) -> None:
    face, pattern = drawn_face(opening=6), PATTERNS[name]
    after = moved(name, face, DRAWN.weakened(strength))
    for effect in effects(pattern, strength, face, after):
        assert effect.reached, effect
    assert not all(effect.reached for effect in effects(pattern, strength, face, face))


@pytest.mark.parametrize("name", PATTERNS)
def test_a_weak_expression_is_less_than_was_asked_for(name: str) -> None:
    face = drawn_face(opening=6)
    after = moved(name, face, DRAWN.weakened(0.01))
    assert not all(effect.reached for effect in effects(PATTERNS[name], 1.0, face, after))


def asked(name: str, face: np.ndarray) -> tuple[np.ndarray, list[Part]]:
    mask = pattern_mask(parts_of(face), face, PATTERNS[name], DRAWN, 1.0)
    wanted = np.where(mask.after > max(Part), np.uint8(0), mask.after)
    return wanted, list(mask.maps)


def test_a_frame_as_asked_for_is_kept() -> None:
    face = drawn_face()
    for name in ("closed_eye_both", "open_mouth_25", "frown_left_open", "wide_nose"):
        wanted, parts = asked(name, face)
        check_pattern(PATTERNS[name], 1.0, parts, wanted, wanted, face, moved(name, face))


def refused(name: str, found: np.ndarray | None, after: np.ndarray | None) -> ItemRejected:
    face = drawn_face()
    wanted, parts = asked(name, face)
    found = wanted if found is None else found
    after = moved(name, face) if after is None else after
    with pytest.raises(ItemRejected) as caught:
        check_pattern(PATTERNS[name], 1.0, parts, wanted, found, face, after)
    return caught.value


def test_a_state_that_landmarks_do_not_show_is_refused() -> None:
    problem = refused("closed_eye_left", None, drawn_face())
    assert problem.reason == "edit_not_seen"
    assert "left eye closed" in problem.message


def test_a_part_that_is_found_elsewhere_is_refused() -> None:
    wanted, _ = asked("wide_nose", drawn_face())
    found = np.where(wanted == Part.NOSE, np.uint8(Part.SKIN), wanted)
    found[20:60, 20:60] = Part.NOSE
    problem = refused("wide_nose", found, None)
    assert problem.reason == "edit_parts_differ"
    assert "finds 0% of it" in problem.message


def test_a_part_in_more_pieces_is_refused() -> None:
    wanted, _ = asked("open_mouth_25", drawn_face())
    found = wanted.copy()
    found[10:20, 10:20] = Part.LOWER_LIP
    assert refused("open_mouth_25", found, None).reason == "edit_new_pieces"
    speck = wanted.copy()
    speck[10:12, 10:12] = Part.LOWER_LIP
    face = drawn_face()
    _, parts = asked("open_mouth_25", face)
    after = moved("open_mouth_25", face)
    check_pattern(PATTERNS["open_mouth_25"], 1.0, parts, wanted, speck, face, after)


def test_an_expression_that_is_there_already_is_refused() -> None:
    face = drawn_face()
    with pytest.raises(ItemRejected) as caught:
        pattern_mask(parts_of(face), face, PATTERNS["mouth_and_eye_none"], DRAWN, 1.0)
    assert caught.value.reason == "edit_failed"
    assert "already" in caught.value.message


def test_overlaps_by_hand() -> None:
    one, other = np.zeros((100, 100), bool), np.zeros((100, 100), bool)
    assert overlap(one, other) == 1.0
    assert share_near(one, other) == 1.0
    one[10, 10:20] = True
    other[11, 10:20] = True
    assert overlap(one, other) == 0.0
    assert share_near(one, other) == 1.0
    other[11], other[40, 10:20] = False, True
    assert share_near(one, other) == 0.0
