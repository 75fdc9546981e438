"""Finding the face and cutting its frame."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import map_box, map_points, overlap, square_around, turn
from headwater.faces.frame_landmarks import landmarks_in_frame
from headwater.faces.ingest import FoundFace, crop_frame, find_face
from headwater.faces.mediapipe_adapter import FaceLandmarks
from headwater.faces.plausibility import misfit
from headwater.photos.decode import decode_photo
from headwater.reject_reasons import RejectReason


@dataclass
class Scripted:
    """A detector that says what it was told to, and remembers what it was shown."""

    faces: list[FaceLandmarks]
    score: float = 1.0

    def detect(self, rgb: NDArray[np.uint8]) -> list[FaceLandmarks]:
        return self.faces

    def detect_boxes(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((0, 4), dtype=np.float32)

    def upright_score(self, rgb: NDArray[np.uint8]) -> float:
        return self.score


def face_at(x: float, y: float, size: float) -> FaceLandmarks:
    """A made-up upright face: the named points where they belong, the others on a disc."""
    angles = np.linspace(0, 2 * np.pi, 478)
    points = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    points[10], points[152] = (0, -1, 0), (0, 1, 0)
    points[33], points[263] = (-0.5, -0.3, 0), (0.5, -0.3, 0)
    return FaceLandmarks((points * size / 2 + (x, y, 0)).astype(np.float32))


def test_largest_of_several_faces_and_their_number() -> None:
    photo = np.zeros((400, 600, 3), dtype=np.uint8)
    detector = Scripted([face_at(100, 100, 80), face_at(300, 200, 160), face_at(500, 100, 90)])
    found = find_face(photo, detector)
    assert found.faces_found == 3
    assert found.box == pytest.approx((220, 120, 380, 280), abs=0.5)


def test_no_face_and_too_small_a_face() -> None:
    photo = np.zeros((400, 600, 3), dtype=np.uint8)
    with pytest.raises(ItemRejected) as caught:
        find_face(photo, Scripted([]))
    assert caught.value.reason == RejectReason.NO_FACE
    with pytest.raises(ItemRejected) as caught:
        find_face(photo, Scripted([face_at(100, 100, 40)]))
    assert caught.value.reason == RejectReason.FACE_TOO_SMALL


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_portraits_become_upright_frames(detector, portraits, turns: int) -> None:
    for portrait in portraits:
        photo = np.ascontiguousarray(np.rot90(portrait.photo, turns))
        found = find_face(photo, detector)
        assert found.quarter_turns == (-turns) % 4
        frame, affine = crop_frame(photo, found, 384)
        assert abs(np.linalg.det(affine[:, :2])) <= 1.02
        mesh = landmarks_in_frame(frame, map_box(affine, found.box), detector)
        upright = mesh[152, :2] - mesh[10, :2]
        assert upright[1] > 4 * abs(upright[0])
        # The same point of the upright photo lands on the same point of the face.
        to_turned = turn(turns, *portrait.photo.shape[1::-1])
        truth = find_face(portrait.photo, detector).landmarks[:, :2]
        mapped = map_points(affine, map_points(to_turned, truth))
        eyes = np.linalg.norm(mapped[33] - mapped[263])
        assert np.linalg.norm(mapped - mesh[:, :2], axis=1).mean() < 0.04 * eyes


@given(
    st.integers(40, 300),
    st.integers(40, 300),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(5, 150),
    st.integers(0, 3),
    st.integers(16, 128),
)
def test_frame_pixels_lie_where_the_map_says(
    width: int, height: int, x: float, y: float, size: float, turns: int, frame_px: int
) -> None:
    """A linear ramp survives turning and area averaging, so it tells where pixels came from."""
    rows, columns = np.mgrid[:height, :width]
    ramp = np.stack([columns * 255 / width, rows * 255 / height, 0 * rows], axis=2)
    photo = np.rint(ramp).astype(np.uint8)
    face = face_at(x * width, y * height, size)
    found = FoundFace(face.box, face.points, 1, turns)
    frame, affine = crop_frame(photo, found, frame_px)
    h, w = frame.shape[:2]
    assert max(h, w) <= max(frame_px, 1)
    assert abs(np.linalg.det(affine[:, :2])) <= 1.05
    back = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
    v, u = np.mgrid[:h, :w] + 0.5
    source = np.stack([u.ravel(), v.ravel(), np.ones(h * w)]).T @ back.T
    expected = np.stack([(source[:, 0] - 0.5) * 255 / width, (source[:, 1] - 0.5) * 255 / height])
    assert np.abs(frame.reshape(-1, 3)[:, :2] - expected.T).max() <= 1.6


def test_frame_is_never_enlarged_and_a_head_view_stays_as_it_is() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (256, 256, 3)).astype(np.uint8)
    face = face_at(128, 128, 110)
    frame, affine = crop_frame(photo, FoundFace(face.box, face.points, 1, 0), 512)
    np.testing.assert_array_equal(frame, photo)
    np.testing.assert_array_equal(affine, [[1, 0, 0], [0, 1, 0]])


@given(st.integers(0, 7), st.integers(1, 9), st.integers(1, 9))
def test_turn_maps_pixels_like_rot90(turns: int, width: int, height: int) -> None:
    image = np.arange(width * height).reshape(height, width)
    turned = np.rot90(image, turns)
    matrix = turn(turns, width, height)
    for row in range(height):
        for column in range(width):
            x, y, _ = matrix @ (column + 0.5, row + 0.5, 1)
            assert turned[int(y), int(x)] == image[row, column]


@given(st.tuples(*[st.floats(-50, 250)] * 2, *[st.floats(0.5, 200)] * 2), st.floats(1, 4))
def test_square_around_stays_inside(box: tuple[float, float, float, float], factor: float) -> None:
    left, top, width, height = box
    x0, y0, x1, y1 = square_around((left, top, left + width, top + height), factor, 200, 120)
    assert 0 <= x0 < x1 <= 200
    assert 0 <= y0 < y1 <= 120


def test_overlap_of_boxes() -> None:
    assert overlap((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 2, 2), (5, 5, 6, 6)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def test_landmarks_of_the_frames_own_face() -> None:
    frame = np.zeros((300, 300, 3), dtype=np.uint8)
    mine, other = face_at(80, 80, 60), face_at(220, 220, 160)
    found = landmarks_in_frame(frame, (45, 52, 112, 108), Scripted([other, mine]))
    np.testing.assert_array_equal(found, mine.points)
    for faces in ([], [other]):
        with pytest.raises(ItemRejected) as caught:
            landmarks_in_frame(frame, (50, 50, 110, 110), Scripted(faces))
        assert caught.value.reason == RejectReason.NO_LANDMARKS


@pytest.mark.parametrize("share", [1.0, 0.75])
def test_a_small_face_in_a_large_photo_is_found_by_tiles(detector, portraits, share: float) -> None:
    small = cv2.resize(portraits[0].photo, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    photo = np.full((1600, 2200, 3), 120, dtype=np.uint8)
    photo[1080 : 1080 + small.shape[0], 1600 : 1600 + small.shape[1]] = small
    assert detector.detect(photo) == []
    found = find_face(photo, detector)
    alone = find_face(portraits[0].photo, detector)
    expected = share * alone.landmarks[:, :2] + (1600, 1080)
    gaps = np.linalg.norm(found.landmarks[:, :2] - expected, axis=1)
    assert found.faces_found == 1
    assert gaps.mean() < 3


EXPECTED_FACES = {
    "face_16bit_rgb.png": (1, 0),
    "face_cut.jpg": RejectReason.NO_FACE,
    "face_grey_alpha.png": (1, 0),
    "face_upside_down.jpg": (1, 2),
    "hopper.Lab.tif": (1, 0),
    "hopper_16bit.pgm": (1, 0),
    "hopper_gray.jpg": (1, 0),
    "hopper_orientation_3.jpg": (1, 0),
    "hopper_orientation_6.jpg": (1, 0),
    "many_faces.jpg": (12, 0),
    "png_named.jpg": RejectReason.FACE_TOO_SMALL,
}


def test_faces_of_the_folder_of_bad_images(detector, shared_data: Path) -> None:
    """Whatever decodes has the stated face, or is rejected without one; nothing crashes."""
    for path in sorted((shared_data / "bad" / "images").iterdir()):
        try:
            photo = decode_photo(path.read_bytes())
        except ItemRejected:
            continue
        expected = EXPECTED_FACES.get(path.name, RejectReason.NO_FACE)
        try:
            found = find_face(photo.rgb, detector)
            outcome: object = (found.faces_found, found.quarter_turns)
        except ItemRejected as rejected:
            outcome = rejected.reason
        assert outcome == expected, path.name


def test_number_of_faces_in_real_photos(detector, shared_data: Path) -> None:
    folder = shared_data / "photos"
    for name, note in json.loads((folder / "annotations.json").read_text()).items():
        found = find_face(decode_photo((folder / name).read_bytes()).rgb, detector)
        assert found.faces_found == note["faces"], name


@pytest.mark.parametrize("shape", [(2, 4000, 3), (4000, 2, 3), (1, 1, 3)])
def test_frames_of_extreme_photos_are_not_empty(shape: tuple[int, ...]) -> None:
    photo = np.zeros(shape, dtype=np.uint8)
    face = face_at(shape[1] / 2, shape[0] / 2, 900)
    frame, affine = crop_frame(photo, FoundFace(face.box, face.points, 1, 1), 64)
    assert min(frame.shape[:2]) > 0
    assert max(frame.shape[:2]) <= 64
    assert np.isfinite(affine).all()


def test_misfit_does_not_depend_on_place_size_or_turn(portraits) -> None:
    for portrait in portraits:
        own = misfit(portrait.landmarks)
        assert 0.005 < own < 0.04
        turned = portrait.landmarks[:, [1, 0, 2]] * np.float32([1, -1, 1]) * np.float32(3) + 100
        assert misfit(turned) == pytest.approx(own, rel=1e-3)
        mirrored = portrait.landmarks * np.float32([-1, 1, 1])
        assert misfit(mirrored) > 0.1
