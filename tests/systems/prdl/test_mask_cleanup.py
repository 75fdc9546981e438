"""Clean-up of a parser's masks: exact pixels of small synthetic maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headwater.faces.vocabulary import FACE_PARTS, Part
from headwater.systems.prdl.mask_cleanup import (
    cleaned,
    forehead_lines,
    without_forehead,
    without_noise,
)

SIZE = 224
MIRRORED = {
    Part.LEFT_EYE: Part.RIGHT_EYE,
    Part.RIGHT_EYE: Part.LEFT_EYE,
    Part.LEFT_BROW: Part.RIGHT_BROW,
    Part.RIGHT_BROW: Part.LEFT_BROW,
}

Mask = NDArray[np.bool_]


def box(rows: tuple[int, int], columns: tuple[int, int], size: int = SIZE) -> Mask:
    mask = np.zeros((size, size), dtype=bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


def face() -> dict[Part, Mask]:
    """An upright face of boxes; the subject's left is on the right."""
    parts = {
        Part.LEFT_EYE: box((90, 96), (130, 156)),
        Part.RIGHT_EYE: box((90, 96), (68, 94)),
        Part.LEFT_BROW: box((75, 80), (126, 160)),
        Part.RIGHT_BROW: box((75, 80), (64, 98)),
        Part.NOSE: box((95, 130), (102, 122)),
        Part.UPPER_LIP: box((150, 155), (90, 134)),
        Part.LOWER_LIP: box((160, 166), (90, 134)),
    }
    taken = np.logical_or.reduce(list(parts.values()))
    return parts | {Part.SKIN: box((30, 200), (50, 174)) & ~taken}


def turned(masks: dict[Part, Mask], quarters: int) -> dict[Part, Mask]:
    return {part: np.rot90(mask, quarters) for part, mask in masks.items()}


def empty() -> Mask:
    return np.zeros((SIZE, SIZE), dtype=bool)


# Ears and noise.


def test_specks_go_and_a_brow_that_hair_splits_stays() -> None:
    left, right, speck = box((75, 80), (60, 90)), box((75, 80), (93, 103)), box((20, 22), (20, 25))
    found = without_noise(left | right | speck, Part.LEFT_BROW)
    assert np.array_equal(found, left | right)


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    large, corner = box((75, 80), (60, 90)), box((80, 81), (90, 92))
    assert np.array_equal(without_noise(large | corner, Part.NOSE), large | corner)


def test_skin_keeps_larger_pieces_than_2_percent_and_50_px() -> None:
    face_side, behind_finger, speck = (
        box((40, 140), (40, 80)),
        box((40, 140), (84, 85)),
        box((10, 15), (100, 109)),
    )
    found = without_noise(face_side | behind_finger | speck, Part.SKIN)
    assert np.array_equal(found, face_side | behind_finger)
    small = box((40, 47), (40, 47))
    assert not without_noise(small, Part.SKIN).any()


@pytest.mark.parametrize(("width", "kept"), [(7, False), (8, True)])
def test_a_part_of_fewer_than_8_px_is_empty(width: int, kept: bool) -> None:
    mask = box((90, 91), (60, 60 + width))
    assert without_noise(mask, Part.LEFT_EYE).any() == kept


def test_the_smallest_areas_grow_with_the_image() -> None:
    mask = box((90, 93), (60, 70), size=2 * SIZE)
    assert not without_noise(mask, Part.LEFT_EYE).any()
    assert np.array_equal(
        without_noise(mask | box((93, 94), (60, 62), size=448), Part.LEFT_EYE),
        mask | box((93, 94), (60, 62), size=448),
    )


def test_no_pixel_stays_no_pixel() -> None:
    for part in FACE_PARTS:
        assert not without_noise(empty(), part).any()


# The forehead.


@pytest.mark.parametrize("quarters", range(4))
def test_skin_above_the_brows_goes_at_any_quarter_turn(quarters: int) -> None:
    wanted = face()
    wanted[Part.SKIN] &= ~box((0, 75), (0, SIZE))
    found = cleaned(turned(face(), quarters))
    for part in FACE_PARTS:
        assert np.array_equal(found[part], turned(wanted, quarters)[part]), part


def tilted_brow(centre: tuple[float, float], slope: float) -> Mask:
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    along = columns - centre[0]
    return (np.abs(along) < 17) & (np.abs(rows - centre[1] - slope * along) < 2.6)


def test_each_side_is_cut_along_its_own_brow() -> None:
    masks = face()
    # A frown: both brows fall towards the nose.
    masks[Part.LEFT_BROW] = tilted_brow((143, 78), -0.5)
    masks[Part.RIGHT_BROW] = tilted_brow((81, 78), 0.5)
    skin = box((30, 200), (50, 174))
    lines = forehead_lines(masks)
    assert lines is not None
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    removed = skin & ~without_forehead(skin, lines)
    # Half a pixel of doubt beside the line through the uppermost pixel of each brow.
    for side, slope in ((columns < 112, 0.5), (columns > 112, -0.5)):
        heights = rows - slope * columns
        brow = masks[Part.RIGHT_BROW if slope > 0 else Part.LEFT_BROW]
        line = heights[brow].min()
        reach = 0.06 * np.abs(columns - columns[brow].mean()) + 0.5
        assert removed[side & skin & (heights < line - reach)].all()
        assert not removed[side & skin & (heights > line + reach)].any()


@pytest.mark.parametrize("missing", [Part.LEFT_BROW, Part.RIGHT_BROW])
def test_one_brow_serves_both_sides(missing: Part) -> None:
    masks = face()
    masks[missing] = empty()
    found = cleaned(masks)
    assert np.array_equal(found[Part.SKIN], face()[Part.SKIN] & ~box((0, 75), (0, SIZE)))


def test_without_brows_the_line_is_above_the_eyes() -> None:
    masks = face() | {Part.LEFT_BROW: empty(), Part.RIGHT_BROW: empty()}
    found = cleaned(masks)
    # Eyes at 93 px and 62 px apart: the line is at 55.8, below the pixels of row 55.
    wanted = box((56, 200), (50, 174)) & face()[Part.SKIN]
    assert np.array_equal(found[Part.SKIN], wanted)


@pytest.mark.parametrize("seen", [(), (Part.LEFT_EYE,), (Part.RIGHT_EYE,)])
def test_without_brows_and_both_eyes_the_skin_is_empty(seen: tuple[Part, ...]) -> None:
    gone = {Part.LEFT_BROW, Part.RIGHT_BROW, Part.LEFT_EYE, Part.RIGHT_EYE} - set(seen)
    masks = face() | dict.fromkeys(gone, empty())
    found = cleaned(masks)
    assert forehead_lines(masks) is None
    assert not found[Part.SKIN].any()
    assert np.array_equal(found[Part.NOSE], face()[Part.NOSE])


@pytest.mark.parametrize("quarters", range(4))
def test_a_round_brow_is_cut_along_the_line_of_the_eyes(quarters: int) -> None:
    masks = face() | {Part.LEFT_BROW: box((70, 80), (135, 146)), Part.RIGHT_BROW: empty()}
    found = cleaned(turned(masks, quarters))
    wanted = np.rot90(face()[Part.SKIN] & ~box((0, 70), (0, SIZE)), quarters)
    assert np.array_equal(found[Part.SKIN], wanted)


def test_swapped_names_of_the_sides_do_not_turn_the_head_over() -> None:
    masks = face()
    swapped = {part: masks[MIRRORED.get(part, part)] for part in FACE_PARTS}
    assert np.array_equal(cleaned(swapped)[Part.SKIN], cleaned(masks)[Part.SKIN])


def test_without_nose_and_lips_the_names_of_the_sides_tell_which_way_is_up() -> None:
    gone = dict.fromkeys((Part.NOSE, Part.UPPER_LIP, Part.LOWER_LIP), empty())
    found = cleaned(turned(face() | gone, 2))
    wanted = face()[Part.SKIN] & ~box((0, 75), (0, SIZE))
    assert np.array_equal(found[Part.SKIN], np.rot90(wanted, 2))


@settings(deadline=None, max_examples=10)
@given(slope=st.floats(-0.8, 0.8), left=st.booleans(), right=st.booleans())
def test_a_mirrored_face_is_cleaned_to_the_mirror_image(
    slope: float, left: bool, right: bool
) -> None:
    masks = face()
    masks[Part.LEFT_BROW] = tilted_brow((143, 78), slope) if left else empty()
    masks[Part.RIGHT_BROW] = tilted_brow((81, 78), 0.3) if right else empty()
    flipped = {part: masks[MIRRORED.get(part, part)][:, ::-1] for part in FACE_PARTS}
    found, wanted = cleaned(flipped), cleaned(masks)
    for part in FACE_PARTS:
        assert np.array_equal(found[part], wanted[MIRRORED.get(part, part)][:, ::-1])


def test_vertices_are_cut_by_the_lines_of_the_mask() -> None:
    lines = forehead_lines(face())
    assert lines is not None
    assert lines.above(np.array([[80.0, 74.0], [80.0, 77.0], [150.0, 20.0]])).tolist() == [
        True,
        False,
        True,
    ]


# Hair and other things in front of the face.


def test_cleaning_leaves_its_input_alone() -> None:
    masks = face()
    before = {part: mask.copy() for part, mask in masks.items()}
    cleaned(masks)
    assert all(np.array_equal(masks[part], before[part]) for part in FACE_PARTS)
