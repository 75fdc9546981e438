"""The search for faces, and the upright frame of each."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import inverted, map_points, turn
from headwater.faces.canonical_crop import CROP_PX, CROP_TO_FACE, placement_of
from headwater.faces.face_search import MAX_PLACES
from headwater.faces.frame_landmarks import (
    frame_landmarks,
    landmarks_of_crop,
)
from headwater.faces.ingest import MIN_EYE_DISTANCE_PX, frame_of, large_faces, largest_face
from headwater.faces.photo_path import face_frame, face_frames
from headwater.faces.plausibility import misfit
from headwater.photos.decode import decode_photo
from headwater.reject_reasons import RejectReason


def mesh_at(x: float, y: float, size: float, roll: float = 0.0) -> NDArray[np.float32]:
    """A made-up face: the named points where they belong, the others on a disc."""
    angles = np.linspace(0, 2 * np.pi, 478)
    points = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    points[10], points[152] = (0, -1, 0), (0, 1, 0)
    points[33], points[263] = (-0.5, -0.3, 0), (0.5, -0.3, 0)
    cosine, sine = np.cos(roll), np.sin(roll)
    rotation = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    return (points @ rotation * size / 2 + (x, y, 0)).astype(np.float32)


@dataclass
class Scripted:
    """A detector that gives scripted places in the photo of a size, and a face in every crop."""

    shape: tuple[int, int]
    places: list[tuple[float, float, float]]
    score: float = 1.0
    crops: list[NDArray[np.uint8]] = field(default_factory=list)

    def near_faces(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        rows = [(x, y, side, 0.0, 0.5) for x, y, side in self.places if rgb.shape[:2] == self.shape]
        return np.array(rows, dtype=np.float64).reshape(-1, 5)

    def far_faces(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.zeros((0, 5))

    def crop_mesh(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.crops.append(crop)
        return mesh_at(CROP_PX / 2, CROP_PX / 2, CROP_PX / CROP_TO_FACE)

    def near_score(self, rgb: NDArray[np.uint8]) -> float:
        return 0.0

    def upright_score(self, rgb: NDArray[np.uint8]) -> float:
        return self.score


def test_largest_of_several_faces_and_their_number() -> None:
    photo = np.zeros((400, 600, 3), dtype=np.uint8)
    detector = Scripted((400, 600), [(100, 100, 40), (300, 200, 160), (500, 100, 90)])
    mesh, count = largest_face(photo, detector)
    assert count == 3
    low, high = mesh.points[:, :2].min(axis=0), mesh.points[:, :2].max(axis=0)
    assert (low + high) / 2 == pytest.approx((300, 200), abs=1)
    assert (high - low)[0] == pytest.approx(160, abs=1)
    meshes, count = large_faces(photo, detector)
    assert [round(float(np.ptp(mesh.points[:, 0]))) for mesh in meshes] == [160, 90]
    assert count == 3


@dataclass
class Wandering(Scripted):
    """Sees the face of each crop further to the right, by a share of its side, up to a last one."""

    shifts: list[float] = field(default_factory=list)

    def crop_mesh(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        shift = self.shifts[len(self.crops)] * CROP_PX / CROP_TO_FACE
        return super().crop_mesh(crop) + np.float32([shift, 0, 0])


@pytest.mark.parametrize(
    ("shifts", "crops"),
    [([0.0, 0.01, 0.0], 2), ([0.3, 0.01, 0.0], 2), ([0.3, 0.03, 0.0], 3), ([0.3, 0.1, 0.1], 3)],
)
def test_crops_follow_a_face_until_it_stays(shifts: list[float], crops: int) -> None:
    photo = np.zeros((400, 600, 3), dtype=np.uint8)
    detector = Wandering((400, 600), [(200, 200, 160)], shifts=shifts)
    mesh, _ = largest_face(photo, detector)
    assert len(detector.crops) == crops
    assert mesh.place.centre[0] == pytest.approx(200 + sum(shifts[:crops]) * mesh.place.side, abs=1)


def test_no_face_and_too_small_a_face() -> None:
    photo = np.zeros((400, 600, 3), dtype=np.uint8)
    for look in (largest_face, large_faces):
        with pytest.raises(ItemRejected) as caught:
            look(photo, Scripted((400, 600), []))
        assert caught.value.reason == RejectReason.NO_FACE
        with pytest.raises(ItemRejected) as caught:
            look(photo, Scripted((400, 600), [(100, 100, 40)]))
        assert caught.value.reason == RejectReason.FACE_TOO_SMALL


def test_a_face_that_is_just_too_small_is_never_said_to_be_large_enough() -> None:
    photo = np.zeros((400, 600, 3), dtype=np.uint8)
    said = []
    for side in np.linspace(40, 80, 41):
        try:
            largest_face(photo, Scripted((400, 600), [(100, 100, side)]))
        except ItemRejected as problem:
            said.append(float(problem.message.split()[4]))
    assert said
    assert max(said) < MIN_EYE_DISTANCE_PX
    assert min(said) < max(said)


def test_a_place_that_is_named_twice_is_one_face() -> None:
    photo = np.zeros((400, 600, 3), dtype=np.uint8)
    detector = Scripted((400, 600), [(300, 200, 160), (310, 190, 150), (300, 200, 100)])
    assert largest_face(photo, detector)[1] == 1


def test_the_search_looks_at_a_bounded_number_of_faces() -> None:
    photo = np.zeros((400, 4000, 3), dtype=np.uint8)
    places = [(30.0 * (n % 130), 20.0 + 40 * (n // 130), 25.0) for n in range(400)]
    detector = Scripted((400, 4000), places)
    with pytest.raises(ItemRejected):
        largest_face(photo, detector)
    # Those of the search and one of the largest face, which settles at once.
    assert len(detector.crops) <= MAX_PLACES + 1


@pytest.mark.parametrize("degrees", [0, 17, 45, 90, 135, 180, 270, 330])
def test_turned_portraits_become_upright_frames(detector, portraits, degrees: int) -> None:
    """The eye line of every frame is level, and its map carries the upright photo's landmarks."""
    for portrait in portraits:
        turned, to_turned = turned_photo(portrait.photo, degrees)
        frame = face_frame(turned, 384, detector)
        mesh = frame_landmarks(frame.image, detector)
        right, left = mesh[33, :2], mesh[263, :2]
        assert abs(np.degrees(np.arctan2(left[1] - right[1], left[0] - right[0]))) < 2
        assert mesh[152, 1] > mesh[10, 1]
        # A similarity that does not enlarge.
        linear = frame.from_photo[:, :2]
        assert np.linalg.det(linear) <= 1.02
        np.testing.assert_allclose(linear @ linear.T, np.linalg.det(linear) * np.eye(2), atol=1e-9)
        own = face_frame(portrait.photo, 384, detector)
        known = map_points(inverted(own.from_photo), frame_landmarks(own.image, detector))
        mapped = map_points(frame.from_photo, map_points(to_turned, known))
        eyes = np.linalg.norm(mapped[33] - mapped[263])
        assert np.linalg.norm(mapped - mesh, axis=1).mean() < 0.015 * eyes


def turned_photo(
    photo: NDArray[np.uint8], degrees: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The photo turned counter-clockwise on grey, and the map (2, 3) of its pixels."""
    height, width = photo.shape[:2]
    side = int(np.hypot(height, width)) + 2
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    affine = np.array([[cosine, sine, 0], [-sine, cosine, 0]])
    affine[:, 2] = side / 2 - affine[:, :2] @ (width / 2, height / 2)
    as_opencv = affine + np.column_stack([np.zeros((2, 2)), affine[:, :2].sum(axis=1) / 2 - 0.5])
    image = cv2.warpAffine(photo, as_opencv, (side, side), borderValue=(128, 128, 128))
    return image.astype(np.uint8), affine


@given(
    st.floats(20, 280),
    st.floats(20, 200),
    st.floats(10, 200),
    st.floats(-3.1, 3.1),
    st.integers(16, 128),
)
def test_frame_is_a_level_square_about_the_face(
    x: float, y: float, size: float, roll: float, frame_px: int
) -> None:
    photo = np.zeros((220, 300, 3), dtype=np.uint8)
    mesh = mesh_at(x, y, size, roll)
    frame, affine = frame_of(photo, placement_of(mesh), frame_px)
    side = min(frame_px, round(3 * size))
    assert abs(frame.shape[0] - side) <= 1
    assert frame.shape[0] == frame.shape[1]
    points = map_points(affine, mesh)
    level = points[263, :2] - points[33, :2]
    assert level[0] > 0
    assert abs(level[1]) < 1e-3 * level[0]
    box = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    np.testing.assert_allclose(box[0] + box[1], frame.shape[0], atol=0.05)
    assert float((box[1] - box[0]).max()) == pytest.approx(frame.shape[0] / 3, rel=1e-3)


@pytest.mark.parametrize("shape", [(2, 4000, 3), (4000, 2, 3), (1, 1, 3)])
def test_frames_of_extreme_photos_are_not_empty(shape: tuple[int, ...]) -> None:
    photo = np.zeros(shape, dtype=np.uint8)
    place = placement_of(mesh_at(shape[1] / 2, shape[0] / 2, 900, 0.3))
    frame, affine = frame_of(photo, place, 64)
    assert frame.shape == (64, 64, 3)
    assert np.isfinite(affine).all()


@given(st.integers(0, 7), st.integers(1, 9), st.integers(1, 9))
def test_turn_maps_pixels_like_rot90(turns: int, width: int, height: int) -> None:
    image = np.arange(width * height).reshape(height, width)
    turned = np.rot90(image, turns)
    matrix = turn(turns, width, height)
    for row in range(height):
        for column in range(width):
            x, y, _ = matrix @ (column + 0.5, row + 0.5, 1)
            assert turned[int(y), int(x)] == image[row, column]


def test_no_landmarks_where_the_frame_shows_no_face(detector) -> None:
    with pytest.raises(ItemRejected) as caught:
        frame_landmarks(np.full((300, 300, 3), 90, np.uint8), detector)
    assert caught.value.reason == RejectReason.NO_LANDMARKS


@pytest.mark.parametrize("share", [1.0, 0.75])
def test_a_small_face_in_a_large_photo_is_found_by_tiles(detector, portraits, share: float) -> None:
    small = cv2.resize(portraits[0].photo, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    photo = np.full((1600, 2200, 3), 120, dtype=np.uint8)
    photo[1080 : 1080 + small.shape[0], 1600 : 1600 + small.shape[1]] = small
    assert len(detector.near_faces(photo)) == 0
    mesh, count = largest_face(photo, detector)
    alone, _ = largest_face(portraits[0].photo, detector)
    expected = share * alone.points[:, :2] + (1600, 1080)
    assert count == 1
    assert np.linalg.norm(mesh.points[:, :2] - expected, axis=1).mean() < 2


# Of the built-in portraits; kept here so that pictures do not change with what is measured.
OUTER_EYES_PX = (60.7, 119.8)


def two_people(portraits, share: float) -> NDArray[np.uint8]:
    """Two portraits side by side, the eyes of the right one ``share`` as far apart."""
    factor = 2 * share * OUTER_EYES_PX[1] / OUTER_EYES_PX[0]
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    small = cv2.resize(portraits[0].photo, None, fx=factor, fy=factor, interpolation=smooth)
    photo = np.full((1200, 1044 + small.shape[1], 3), 255, np.uint8)
    photo[:, :1024] = cv2.resize(portraits[1].photo, (1024, 1200), interpolation=cv2.INTER_CUBIC)
    height = min(1100, small.shape[0])
    photo[100 : 100 + height, 1034 : 1034 + small.shape[1]] = small[:height]
    return photo


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_a_smaller_face_beside_a_large_one_is_counted(detector, portraits, share: float) -> None:
    assert largest_face(two_people(portraits, share), detector)[1] == 2


@pytest.mark.parametrize("share", [0.5, 0.15])
def test_every_face_has_a_frame_of_its_own(detector, portraits, share: float) -> None:
    photo = two_people(portraits, share)
    large, small = face_frames(photo, 256, detector)
    assert large.faces_detected == small.faces_detected == 2
    assert large.face_in_photo[0] < 1024 < small.face_in_photo[0]
    alone = face_frame(photo, 256, detector)
    np.testing.assert_array_equal(alone.image, large.image)
    for frame in (large, small):
        left, top, right, bottom = frame.face_box
        px = frame.image.shape[0]
        assert max(right - left, bottom - top) == pytest.approx(px / 3, abs=0.02 * px)


def test_landmarks_of_the_crop_are_those_of_the_frame(detector, portraits) -> None:
    frame = face_frame(portraits[0].photo, 256, detector)
    np.testing.assert_array_equal(
        landmarks_of_crop(frame.crop, frame.image.shape[0], detector),
        frame_landmarks(frame.image, detector),
    )


def test_every_face_of_a_sheet_is_counted(detector, portraits) -> None:
    """Twenty faces, five by four, each about a tenth of the sheet's width."""
    heads = [portraits[0].photo[:260, 95:355], portraits[1].photo[:420, 50:470]]
    cells = [cv2.resize(head, (300, 300), interpolation=cv2.INTER_AREA) for head in heads]
    rows = [np.hstack([cells[(row + column) % 2] for column in range(5)]) for row in range(4)]
    sheet = np.vstack(rows)
    assert largest_face(sheet, detector)[1] == 20
    frames = face_frames(sheet, 128, detector)
    assert len(frames) == 20
    places = {(int(x // 300), int(y // 300)) for x, y in (f.face_in_photo for f in frames)}
    assert len(places) == 20


EXPECTED_FACES = {
    "face_16bit_rgb.png": 1,
    "face_grey_alpha.png": 1,
    "face_upside_down.jpg": 1,
    "hopper.Lab.tif": 1,
    "hopper_16bit.pgm": 1,
    "hopper_gray.jpg": 1,
    "hopper_orientation_3.jpg": 1,
    "hopper_orientation_6.jpg": 1,
    "many_faces.jpg": 12,
    "png_named.jpg": RejectReason.FACE_TOO_SMALL,
}


def test_faces_of_the_folder_of_bad_images(detector, shared_data: Path) -> None:
    """Whatever decodes has the stated faces, or is rejected without one; nothing crashes."""
    outcomes = {}
    for path in sorted((shared_data / "bad" / "images").iterdir()):
        try:
            photo = decode_photo(path.read_bytes())
        except ItemRejected:
            continue
        try:
            outcomes[path.name] = largest_face(photo.rgb, detector)[1]
        except ItemRejected as rejected:
            if rejected.reason != RejectReason.NO_FACE:
                outcomes[path.name] = rejected.reason
    assert outcomes == EXPECTED_FACES


def test_number_of_faces_in_real_photos(detector, shared_data: Path) -> None:
    folder = shared_data / "photos"
    for name, note in json.loads((folder / "annotations.json").read_text()).items():
        photo = decode_photo((folder / name).read_bytes()).rgb
        assert largest_face(photo, detector)[1] == note["faces"], name


def test_misfit_does_not_depend_on_place_size_or_turn(portraits) -> None:
    for portrait in portraits:
        own = misfit(portrait.landmarks)
        assert 0.005 < own < 0.04
        turned = portrait.landmarks[:, [1, 0, 2]] * np.float32([1, -1, 1]) * np.float32(3) + 100
        assert misfit(turned) == pytest.approx(own, rel=1e-3)
        mirrored = portrait.landmarks * np.float32([-1, 1, 1])
        assert misfit(mirrored) > 0.1
