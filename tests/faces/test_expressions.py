"""Edited expressions: what changes, what must not, and that MediaPipe sees the difference."""

from pathlib import Path

import numpy as np
import pytest

from headwater.errors import ItemRejected
from headwater.faces import vocabulary as sets
from headwater.faces.aspect_ratios import aspect_ratios, brow_height
from headwater.faces.expressions import EditedFrame, Expression, edit_expression
from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.parts import part_labels
from headwater.faces.photo_path import face_frame
from headwater.faces.vocabulary import Part
from headwater.photos.decode import decode_photo


@pytest.fixture(scope="module")
def edits(portraits) -> list[tuple[object, Expression, np.ndarray, EditedFrame]]:
    made = []
    for portrait in portraits:
        parts = part_labels(portrait.landmarks, *portrait.frame.shape[:2])
        for kind in Expression:
            edited = edit_expression(portrait.frame, portrait.landmarks, parts, kind)
            made.append((portrait, kind, parts, edited))
    return made


def moved_right(kind: Expression, before: np.ndarray, after: np.ndarray) -> bool:
    old, new = aspect_ratios(before), aspect_ratios(after)
    if kind is Expression.CLOSED_EYES:
        return new.eye_left < old.eye_left and new.eye_right < old.eye_right
    if kind is Expression.OPEN_MOUTH:
        return new.mouth > old.mouth
    return brow_height(after) < brow_height(before)


def test_nothing_changes_outside_the_edited_region(edits) -> None:
    for portrait, _, parts, edited in edits:
        outside = ~edited.edited_region
        np.testing.assert_array_equal(edited.image[outside], portrait.frame[outside])
        np.testing.assert_array_equal(edited.parts[outside], parts[outside])
        assert 0.005 < edited.edited_region.mean() < 0.4
        changed = (edited.image != portrait.frame).any(axis=2)
        assert changed.sum() > 0.5 * edited.edited_region.sum()


def test_edits_are_deterministic(portraits) -> None:
    portrait = portraits[0]
    parts = part_labels(portrait.landmarks, *portrait.frame.shape[:2])
    for kind in Expression:
        first, second = (
            edit_expression(portrait.frame, portrait.landmarks, parts, kind) for _ in range(2)
        )
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.landmarks, second.landmarks)


def test_landmarks_say_what_was_done(edits) -> None:
    for portrait, kind, _, edited in edits:
        assert edited.landmarks.shape == (478, 3)
        assert moved_right(kind, portrait.landmarks, edited.landmarks)
        eyes = aspect_ratios(edited.landmarks)
        if kind is Expression.CLOSED_EYES:
            before = aspect_ratios(portrait.landmarks)
            assert eyes.eye_left < 0.5 * before.eye_left
            assert eyes.eye_right < 0.5 * before.eye_right
        if kind is Expression.OPEN_MOUTH:
            assert eyes.mouth > 0.3
        nose = list(sets.NOSE[4:-4])
        assert np.abs(edited.landmarks[nose] - portrait.landmarks[nose]).max() < 1e-3


def test_parts_follow_the_edit(edits) -> None:
    for _, kind, parts, edited in edits:
        area = {part: (edited.parts == part).sum() / (parts == part).sum() for part in Part}
        if kind is Expression.CLOSED_EYES:
            assert area[Part.LEFT_EYE] < 0.35
            assert area[Part.RIGHT_EYE] < 0.35
        elif kind is Expression.OPEN_MOUTH:
            inside = (edited.parts == Part.NONE) & (parts != Part.NONE)
            assert inside.sum() > 0.3 * (parts == Part.LOWER_LIP).sum()
        else:
            rows = [
                np.argwhere(labels == Part.LEFT_BROW)[:, 0].mean()
                for labels in (parts, edited.parts)
            ]
            assert rows[1] > rows[0]


def test_mediapipe_sees_the_edit(edits, detector) -> None:
    """The mesh found anew moves the right way and lies near the edit's own landmarks."""
    seen = []
    for portrait, kind, _, edited in edits:
        found = frame_landmarks(edited.image, detector)
        seen.append(moved_right(kind, portrait.landmarks, found))
        eyes = np.linalg.norm(found[33] - found[263])
        gaps = np.linalg.norm(found[:, :2] - edited.landmarks[:, :2], axis=1)
        assert gaps.mean() < 0.05 * eyes
    assert sum(seen) >= 5


def test_mediapipe_sees_the_edit_on_frontal_photos(detector, shared_data: Path) -> None:
    seen: dict[Expression, list[bool]] = {kind: [] for kind in Expression}
    for path in sorted((shared_data / "photos").glob("frl_*_neutral.jpg")):
        photo = decode_photo(path.read_bytes()).rgb
        cut = face_frame(photo, 384, detector)
        frame = cut.image
        landmarks = frame_landmarks(frame, detector)
        parts = part_labels(landmarks, *frame.shape[:2])
        for kind in Expression:
            edited = edit_expression(frame, landmarks, parts, kind)
            found = frame_landmarks(edited.image, detector)
            seen[kind].append(moved_right(kind, landmarks, found))
    for kind, results in seen.items():
        assert len(results) == 8
        assert np.mean(results) >= 0.8, kind


def test_turned_and_small_faces_are_refused(portraits) -> None:
    portrait = portraits[0]
    parts = part_labels(portrait.landmarks, *portrait.frame.shape[:2])
    turned = portrait.landmarks.copy()
    turned[:, 2] += 1.2 * (turned[:, 0] - turned[1, 0])
    for landmarks in (turned, portrait.landmarks * np.float32(0.05)):
        with pytest.raises(ItemRejected) as caught:
            edit_expression(portrait.frame, landmarks, parts, Expression.FROWN)
        assert caught.value.reason == "edit_failed"


def test_face_at_the_border_keeps_the_frames_size(portraits) -> None:
    portrait = portraits[0]
    left, top, right, _ = (int(v) for v in portrait.box)
    middle = (left + right) // 2
    frame = np.ascontiguousarray(portrait.frame[top + 5 :, middle:])
    landmarks = portrait.landmarks - np.array([middle, top + 5, 0], dtype=np.float32)
    parts = part_labels(landmarks, *frame.shape[:2])
    for kind in Expression:
        edited = edit_expression(frame, landmarks, parts, kind)
        assert edited.image.shape == frame.shape
        outside = ~edited.edited_region
        np.testing.assert_array_equal(edited.image[outside], frame[outside])


def test_aspect_ratios_of_a_drawn_eye_and_mouth() -> None:
    points = np.zeros((478, 2), dtype=np.float32)
    for corner_a, uppers, corner_b, lowers in (
        (33, (160, 158), 133, (144, 153)),
        (362, (385, 387), 263, (380, 373)),
        (78, (81, 13, 311), 308, (178, 14, 402)),
    ):
        points[corner_b] = (10, 0)
        for index, (upper, lower) in enumerate(zip(uppers, lowers, strict=True)):
            points[upper] = (2 + 2 * index, -1)
            points[lower] = (2 + 2 * index, 2)
        points[corner_a] = (0, 0)
    assert aspect_ratios(points) == pytest.approx((0.3, 0.3, 0.3))
