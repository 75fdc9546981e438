"""Patterns and their maps: how many there are, what they move, at any roll, in the mirror."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.expressions.amounts import RANGES, Amounts, drawn_amounts
from headwater.expressions.part_map import PartMap, affine_about
from headwater.expressions.part_maps import moved_points, part_maps
from headwater.expressions.patterns import PATTERNS, Pattern
from headwater.faces import vocabulary as sets
from headwater.faces.vocabulary import Part
from tests.expressions.faces import SIZE, drawn_face, mirrored, mirrored_amounts, rolled

MIRROR_NAMES = {"left": "right", "right": "left"}
MIRROR_PARTS = {
    Part.LEFT_EYE: Part.RIGHT_EYE,
    Part.RIGHT_EYE: Part.LEFT_EYE,
    Part.LEFT_BROW: Part.RIGHT_BROW,
    Part.RIGHT_BROW: Part.LEFT_BROW,
}
POINTS = np.random.default_rng(0).uniform(0, SIZE, (40, 2))


def amounts(seed: int = 0) -> Amounts:
    return drawn_amounts(np.random.default_rng(seed))


def mirror_of(pattern: Pattern) -> Pattern:
    return PATTERNS["_".join(MIRROR_NAMES.get(word, word) for word in pattern.name.split("_"))]


def test_there_are_24_patterns_as_many_of_each_kind_as_the_paper_released() -> None:
    counts = Counter(pattern.kind for pattern in PATTERNS.values())
    assert counts == {
        "closed_eye": 3,
        "open_mouth": 4,
        "frown": 9,
        "ugly_mouth": 3,
        "mouth_and_eye": 4,
        "nose": 1,
    }
    assert all(name == pattern.name for name, pattern in PATTERNS.items())
    contents = {(p.closed, p.frowning, p.mouth, p.drop, p.wide_nose) for p in PATTERNS.values()}
    assert len(contents) == 24


@given(seed=st.integers(0, 2**32))
def test_amounts_lie_in_their_ranges(seed: int) -> None:
    drawn = amounts(seed)
    assert all(low <= getattr(drawn, name) <= high for name, (low, high) in RANGES.items())
    assert drawn == amounts(seed)
    assert drawn.towards in (-1, 1)


@pytest.mark.parametrize("name", PATTERNS)
def test_amounts_of_no_strength_move_nothing(name: str) -> None:
    face = drawn_face(opening=6)
    for one in part_maps(PATTERNS[name], face, amounts().weakened(0.0)).values():
        np.testing.assert_allclose(one.to(POINTS), POINTS, atol=1e-9)


def test_half_the_strength_goes_half_the_way() -> None:
    face = drawn_face()
    whole = part_maps(PATTERNS["open_mouth_40"], face, amounts())[Part.LOWER_LIP]
    half = part_maps(PATTERNS["open_mouth_40"], face, amounts().weakened(0.5))[Part.LOWER_LIP]
    middle = face[[17], :2]
    np.testing.assert_allclose(half.to(middle) - middle, (whole.to(middle) - middle) / 2, rtol=0.01)


@pytest.mark.parametrize("name", PATTERNS)
def test_maps_are_undone_exactly(name: str) -> None:
    for one in part_maps(PATTERNS[name], drawn_face(4), amounts()).values():
        np.testing.assert_allclose(one.back(one.to(POINTS)), POINTS, atol=1e-8)
        np.testing.assert_allclose(one.to(one.back(POINTS)), POINTS, atol=1e-8)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_rolled_face_is_edited_alike(name: str) -> None:
    face, drawn = drawn_face(4), amounts(1)
    level = part_maps(PATTERNS[name], face, drawn)
    turned = part_maps(PATTERNS[name], rolled(face, 33.0), drawn)
    assert level.keys() == turned.keys()
    flat = np.column_stack([POINTS, np.zeros(len(POINTS))]).astype(np.float32)
    places = rolled(flat, 33.0)[:, :2]
    for part, one in level.items():
        moved = np.column_stack([one.to(flat[:, :2]), flat[:, 2]]).astype(np.float32)
        np.testing.assert_allclose(turned[part].to(places), rolled(moved, 33.0)[:, :2], atol=0.01)


@pytest.mark.parametrize("name", PATTERNS)
def test_the_mirror_image_is_edited_by_the_mirrored_pattern(name: str) -> None:
    face, drawn = drawn_face(4), amounts(2)
    own = part_maps(PATTERNS[name], face, drawn)
    other = part_maps(mirror_of(PATTERNS[name]), mirrored(face), mirrored_amounts(drawn))
    assert {MIRROR_PARTS.get(part, part) for part in own} == set(other)
    for part, one in own.items():
        there = other[MIRROR_PARTS.get(part, part)].to(POINTS * (-1, 1) + (SIZE, 0))
        np.testing.assert_allclose(one.to(POINTS), there * (-1, 1) + (SIZE, 0), atol=1e-3)


def test_a_closed_eye_keeps_its_corners_and_its_width() -> None:
    face = drawn_face()
    one = part_maps(PATTERNS["closed_eye_right"], face, amounts())[Part.RIGHT_EYE]
    lids = {
        lid: one.to(face[list(lid), :2]) for lid in (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID)
    }
    for lid, moved in lids.items():
        np.testing.assert_allclose(moved[[0, -1]], face[list(lid)][[0, -1], :2], atol=0.05)
        np.testing.assert_allclose(moved[:, 0], face[list(lid), 0], atol=1e-4)
    opening = np.abs(lids[sets.RIGHT_LOWER_LID] - lids[sets.RIGHT_UPPER_LID])[:, 1].max()
    assert opening == pytest.approx(amounts().lid * 12, abs=0.2)


@pytest.mark.parametrize("drop", [12, 25, 40, 60])
def test_a_lower_lip_drops_by_its_share_of_the_mouths_width(drop: int) -> None:
    face = drawn_face()
    maps = part_maps(PATTERNS[f"open_mouth_{drop}"], face, amounts())
    middle, corner = face[[14], :2], face[[61], :2]
    fall = (maps[Part.LOWER_LIP].to(middle) - middle)[0, 1]
    assert fall == pytest.approx(drop / 100 * 60, rel=0.01)
    rise = (face[[13], :2] - maps[Part.UPPER_LIP].to(face[[13], :2]))[0, 1]
    assert rise == pytest.approx(amounts().lift * 60, abs=0.05)
    np.testing.assert_allclose(maps[Part.LOWER_LIP].to(corner), maps[Part.UPPER_LIP].to(corner))


def test_open_lips_meet_when_they_close() -> None:
    face = drawn_face(opening=8)
    maps = part_maps(PATTERNS["mouth_and_eye_none"], face, amounts())
    upper = maps[Part.UPPER_LIP].to(face[list(sets.UPPER_LIP_BOTTOM), :2])
    lower = maps[Part.LOWER_LIP].to(face[list(sets.LOWER_LIP_TOP), :2])
    np.testing.assert_allclose(upper, lower, atol=0.05)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_knit_brow_falls_most_at_its_inner_end_and_goes_inwards(side: str) -> None:
    face = drawn_face()
    part = Part.LEFT_BROW if side == "left" else Part.RIGHT_BROW
    inner, outer = (336, 300) if side == "left" else (107, 70)
    one = part_maps(PATTERNS[f"frown_{side}_neutral"], face, amounts())[part]
    moved = one.to(face[[inner, outer], :2]) - face[[inner, outer], :2]
    assert moved[0, 1] > moved[1, 1]
    assert moved[:, 1].mean() > 0
    assert (moved[:, 0].mean() < 0) == (side == "left")


def test_points_of_two_parts_go_to_the_mean_of_both_places() -> None:
    shift = [
        PartMap(
            affine_about(np.zeros(2), np.array([1.0, 0.0]), np.eye(2), np.array([x, 0.0])),
            np.zeros(3),
            np.zeros(2),
        )
        for x in (2.0, 4.0)
    ]
    maps = dict(zip((Part.UPPER_LIP, Part.LOWER_LIP), shift, strict=True))
    moved = moved_points(maps, {Part.UPPER_LIP: (0, 1), Part.LOWER_LIP: (1,)}, np.zeros((2, 2)))
    np.testing.assert_allclose(moved[0], (2, 0))
    np.testing.assert_allclose(moved[1], (3, 0))
