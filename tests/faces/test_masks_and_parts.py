"""Head masks and face parts of the portraits, and their agreement with hand-drawn labels."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Polygon
from PIL import Image

from headwater.errors import ItemRejected
from headwater.faces import vocabulary as sets
from headwater.faces.frame_landmarks import photo_landmarks
from headwater.faces.masks import FacePose, face_pose, head_mask, head_reach, piece_with
from headwater.faces.parts import fill_polygon, part_labels, polygon_mask
from headwater.faces.photo_path import frame_parts
from headwater.faces.vocabulary import Part
from headwater.photos.decode import decode_photo


def everywhere(portrait) -> np.ndarray:
    """All pixels of the portrait's frame."""
    return np.ones(portrait.person.shape, np.bool_)


def test_head_mask_holds_the_face_and_no_shoulders(portraits) -> None:
    for portrait in portraits:
        mask = head_mask(portrait.person, portrait.landmarks, everywhere(portrait))
        face = polygon_mask(portrait.landmarks, sets.FACE_OVAL, *mask.shape)
        assert (mask & face).sum() == face.sum()
        assert 1.3 * face.sum() < mask.sum() < 3.2 * face.sum()
        rows = np.nonzero(mask.any(axis=1))[0]
        chin, forehead = portrait.landmarks[152, 1], portrait.landmarks[10, 1]
        assert rows.max() < chin + 0.55 * (chin - forehead)
        assert rows.min() < forehead - 0.2 * (chin - forehead)
        shoulders = (portrait.person > 0.5) & ~mask
        assert shoulders.sum() > 0.5 * mask.sum()


def test_head_mask_is_one_piece_without_holes(portraits) -> None:
    import cv2

    for portrait in portraits:
        person = portrait.person.copy()
        nose = portrait.landmarks[1].astype(int)
        person[nose[1] - 5 : nose[1] + 5, nose[0] - 5 : nose[0] + 5] = 0
        mask = head_mask(person, portrait.landmarks, everywhere(portrait)).astype(np.uint8)
        assert cv2.connectedComponents(mask)[0] == 2
        assert cv2.connectedComponents(1 - mask, connectivity=4)[0] <= 3


def test_mask_without_any_person_is_the_face(portraits) -> None:
    portrait = portraits[0]
    mask = head_mask(np.zeros_like(portrait.person), portrait.landmarks, everywhere(portrait))
    np.testing.assert_array_equal(
        mask, polygon_mask(portrait.landmarks, sets.FACE_OVAL, *mask.shape)
    )


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_piece_is_the_one_with_most_of_the_face(seed: int) -> None:
    rng = np.random.default_rng(seed)
    face = cv2.blur(rng.random((30, 40)), (3, 3)) > rng.uniform(0.4, 0.6)
    face[0, 0] = True
    mask = face | (cv2.blur(rng.random((30, 40)), (3, 3)) > 0.55)
    _, pieces = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    shares = np.bincount(pieces[face])
    head = piece_with(mask, face)
    assert (head & face).sum() >= shares.max()
    assert head[pieces == shares.argmax()].all() or (shares == shares.max()).sum() > 1


def test_beyond_the_photo_nothing_is_head_or_part(portraits) -> None:
    for portrait in portraits:
        shown = everywhere(portrait)
        left, _, right, _ = (int(v) for v in portrait.box)
        shown[:, : (left + right) // 2] = False
        mask = head_mask(portrait.person, portrait.landmarks, shown)
        assert mask.any()
        assert not mask[~shown].any()
        parts = frame_parts(portrait.landmarks, shown)
        whole = frame_parts(portrait.landmarks, everywhere(portrait))
        np.testing.assert_array_equal(parts, np.where(shown, whole, 0))
        with pytest.raises(ItemRejected, match="outside"):
            head_mask(portrait.person, portrait.landmarks, np.zeros_like(shown))


def test_face_outside_the_frame_is_rejected(portraits) -> None:
    with pytest.raises(ItemRejected) as caught:
        head_mask(
            portraits[0].person, portraits[0].landmarks + np.float32(5000), everywhere(portraits[0])
        )
    assert caught.value.reason == "no_head_mask"


def test_pose_of_frontal_portraits(portraits) -> None:
    for portrait in portraits:
        pose = face_pose(portrait.landmarks)
        axes = np.stack([pose.left, pose.down, pose.back])
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(axes) == pytest.approx(1)
        assert np.degrees(np.arccos(np.diag(axes))).max() < 25


def test_reach_follows_the_turning_head() -> None:
    """In profile a head reaches further behind the face than it does from the front."""

    def extent(yaw: float) -> tuple[int, int]:
        c, s = np.cos(yaw), np.sin(yaw)
        pose = FacePose(
            np.array([200.0, 200.0, 0.0]),
            np.array([c, 0.0, -s]),
            np.array([0.0, 1.0, 0.0]),
            np.array([s, 0.0, c]),
            80.0,
            100.0,
        )
        columns = np.nonzero(head_reach(pose, 400, 400).any(axis=0))[0]
        return 200 - int(columns.min()), int(columns.max()) - 200

    left, right = extent(0.0)
    assert left == pytest.approx(right, abs=2)
    left, right = extent(np.pi / 2)
    assert right > 1.5 * left


@pytest.mark.parametrize(("seed", "corners"), [(s, n) for s in range(8) for n in range(3, 9)])
def test_polygon_covers_the_pixels_whose_centre_is_inside(seed: int, corners: int) -> None:
    """Against matplotlib's own test of points; pixels near the outline may go either way."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    spokes = rng.uniform(4, 14, (corners, 1)) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = spokes + np.array([20, 15])
    filled = np.zeros((30, 40), dtype=np.uint8)
    fill_polygon(filled, points.astype(np.float32), 1)
    centres = np.argwhere(filled >= 0)[:, ::-1] + 0.5
    outline = Polygon(points, closed=True).get_path()
    inside = outline.contains_points(centres).reshape(30, 40)
    along = np.linspace(0, 1, 200)[:, None, None]
    edges = points + along * (np.roll(points, -1, axis=0) - points)
    gaps = np.linalg.norm(centres[:, None] - edges.reshape(1, -1, 2), axis=2).min(axis=1)
    clear = gaps.reshape(30, 40) > 1.5
    np.testing.assert_array_equal(filled[clear].astype(bool), inside[clear])
    assert filled[inside].mean() > 0.95


def test_parts_of_the_portraits_are_where_they_belong(portraits) -> None:
    for portrait in portraits:
        labels = part_labels(portrait.landmarks, *portrait.frame.shape[:2])
        assert set(np.unique(labels)) == set(range(9))
        centres = {
            part: np.argwhere(labels == part).mean(axis=0) for part in Part if part != Part.NONE
        }
        assert centres[Part.RIGHT_EYE][1] < centres[Part.NOSE][1] < centres[Part.LEFT_EYE][1]
        assert centres[Part.RIGHT_BROW][0] < centres[Part.RIGHT_EYE][0] < centres[Part.NOSE][0]
        assert centres[Part.NOSE][0] < centres[Part.UPPER_LIP][0] < centres[Part.LOWER_LIP][0]
        face = polygon_mask(portrait.landmarks, sets.FACE_OVAL, *labels.shape)
        assert not labels[~face].any()


def test_inside_of_an_open_mouth_is_no_part(portraits) -> None:
    smile = portraits[0]
    labels = part_labels(smile.landmarks, *smile.frame.shape[:2])
    middle = smile.landmarks[[13, 14], :2].mean(axis=0).astype(int)
    assert smile.landmarks[14, 1] - smile.landmarks[13, 1] > 3
    assert labels[middle[1], middle[0]] == Part.NONE


def test_parts_against_labels_drawn_by_hand(detector, shared_data: Path) -> None:
    """Mean intersection over union on 8 frontal portraits; ids of the hand-drawn labels differ."""
    hand = {
        Part.RIGHT_BROW: (2, 0.5),
        Part.LEFT_BROW: (3, 0.5),
        Part.RIGHT_EYE: (4, 0.75),
        Part.LEFT_EYE: (5, 0.75),
        Part.UPPER_LIP: (7, 0.7),
        Part.LOWER_LIP: (8, 0.75),
    }
    overlaps: dict[Part, list[float]] = {part: [] for part in hand}
    for path in sorted((shared_data / "photos" / "labels").glob("*.png")):
        photo = decode_photo((path.parents[1] / f"{path.stem}.jpg").read_bytes()).rgb
        truth = np.asarray(Image.open(path))
        labels = part_labels(photo_landmarks(photo, detector), *photo.shape[:2])
        for part, (label, _) in hand.items():
            shared = ((labels == part) & (truth == label)).sum()
            overlaps[part].append(shared / ((labels == part) | (truth == label)).sum())
    for part, (_, least) in hand.items():
        assert len(overlaps[part]) == 8
        assert np.mean(overlaps[part]) > least, part
