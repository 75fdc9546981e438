"""Which way up a face is, and whether a mesh lies on one at all."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.canonical_crop import PlacedMesh, placement_of
from headwater.faces.face_search import is_confirmed, upright_mesh
from headwater.faces.ingest import largest_face
from headwater.faces.photo_path import face_frame, face_frames
from headwater.faces.plausibility import _POINTS, _SHAPE, misfit

SIDE = 256
# A photo whose upper half is light, so that a detector sees which way up it is.
PHOTO = np.vstack(
    [np.full((SIDE // 2, SIDE, 3), 200, np.uint8), np.full((SIDE // 2, SIDE, 3), 90, np.uint8)]
)


def mesh_with(distortion: float) -> NDArray[np.float32]:
    """The mean face in the middle of a 192 px crop, stretched unevenly."""
    points = np.tile([96.0, 96.0, 0.0], (478, 1))
    waves = np.sin(7 * _SHAPE[:, ::-1] + [0.0, 1.0, 2.0])
    points[_POINTS] += 110 * (_SHAPE + distortion * waves)
    return points.astype(np.float32)


def placed(points: NDArray[np.float32]) -> PlacedMesh:
    return PlacedMesh(points, placement_of(points))


@dataclass
class Ambiguous:
    """Sees a face both ways up; scores and distortions: of the light and of the dark half up.

    near: score of the short-range model.
    """

    scores: tuple[float, float]
    distortions: tuple[float, float]
    near: float = 0.0

    def near_score(self, rgb: NDArray[np.uint8]) -> float:
        return self.near

    def near_faces(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.array([[rgb.shape[1] / 2, rgb.shape[0] / 2, rgb.shape[0] / 3, 0.0, 0.5]])

    def far_faces(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        raise AssertionError("no other places are looked at")

    def upright_score(self, rgb: NDArray[np.uint8]) -> float:
        return self.scores[_dark_half_is_up(rgb)]

    def crop_mesh(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        return mesh_with(self.distortions[_dark_half_is_up(crop)])


def _dark_half_is_up(rgb: NDArray[np.uint8]) -> bool:
    middle = rgb.shape[0] // 2
    return bool(rgb[:middle].mean() < rgb[middle:].mean())


@pytest.mark.parametrize(
    ("scores", "distortions", "turned"),
    [
        pytest.param((0.8, 0.9), (0.06, 0.09), False, id="both seen and the other fits worse"),
        pytest.param((0.8, 0.9), (0.09, 0.03), True, id="both seen and the other fits better"),
        pytest.param((0.0, 0.9), (0.06, 0.09), True, id="not seen as it is"),
        pytest.param((0.8, 0.7), (0.09, 0.03), False, id="seen better as it is"),
        pytest.param((0.9, 1.0), (0.09, 0.03), False, id="seen surely as it is"),
        pytest.param((0.0, 1.0), (0.01, 0.00), False, id="fits well"),
    ],
)
def test_a_mesh_is_turned_over_on_good_grounds_alone(
    scores: tuple[float, float], distortions: tuple[float, float], turned: bool
) -> None:
    mesh = mesh_with(distortions[0]) + np.float32(SIDE / 2 - 96)
    seen = upright_mesh(PHOTO, placed(mesh), Ambiguous(scores, distortions)).points
    assert (seen[152, 1] < seen[10, 1]) == turned
    assert misfit(seen) == pytest.approx(misfit(mesh_with(distortions[int(turned)])), rel=0.05)


@pytest.mark.parametrize(
    ("near", "far", "distortion", "confirmed"),
    [
        (0.0, 0.0, 0.01, True),
        (0.95, 0.0, 0.09, True),
        (0.6, 0.7, 0.09, True),
        (0.6, 0.4, 0.09, False),
    ],
)
def test_a_mesh_that_fits_badly_needs_a_second_detector(
    near: float, far: float, distortion: float, confirmed: bool
) -> None:
    mesh = mesh_with(distortion) + np.float32(SIDE / 2 - 96)
    detector = Ambiguous((far, 0.0), (distortion, distortion), near)
    assert is_confirmed(PHOTO, placed(mesh), detector) == confirmed


@pytest.mark.parametrize(("confidence", "confirmed"), [(0.95, True), (0.85, False)])
def test_a_search_that_was_sure_needs_no_second_look(confidence: float, confirmed: bool) -> None:
    mesh = placed(mesh_with(0.09) + np.float32(SIDE / 2 - 96))
    detector = Ambiguous((0.0, 0.0), (0.09, 0.09), 0.0)
    assert is_confirmed(PHOTO, replace(mesh, confidence=confidence), detector) == confirmed


@dataclass
class Confident(Ambiguous):
    """Sees a face with a confidence, and none when it looks again."""

    confidence: float = 0.0

    def near_faces(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        rows = super().near_faces(rgb)
        rows[:, 4] = self.confidence
        return rows


@pytest.mark.parametrize("confidence", [0.95, 0.85])
def test_the_confidence_of_the_search_reaches_the_face(confidence: float) -> None:
    detector = Confident((0.0, 0.0), (0.09, 0.09), 0.0, confidence)
    if confidence < 0.9:
        with pytest.raises(ItemRejected):
            largest_face(PHOTO, detector)
    else:
        assert largest_face(PHOTO, detector)[0].confidence == confidence


def blurred_disc() -> NDArray[np.uint8]:
    disc = np.zeros((512, 512, 3), np.uint8)
    cv2.circle(disc, (256, 256), 180, (255, 255, 255), -1)
    return cv2.GaussianBlur(disc, (0, 0), 6).astype(np.uint8)


def egg() -> NDArray[np.uint8]:
    image = np.full((512, 512, 3), (60, 90, 160), np.uint8)
    cv2.ellipse(image, (250, 256), (120, 156), 0, 0, 360, (190, 150, 120), -1)
    return cv2.GaussianBlur(image, (0, 0), 5).astype(np.uint8)


NO_FACES = {
    "coffee": skimage.data.coffee,
    "colour wheel": skimage.data.colorwheel,
    "moon": lambda: np.stack([skimage.data.moon()] * 3, axis=-1),
    "coins": lambda: np.stack([skimage.data.coins()] * 3, axis=-1),
    "cat": skimage.data.chelsea,
    "disc": blurred_disc,
    "egg": egg,
}


@pytest.mark.parametrize("name", NO_FACES)
def test_pictures_without_a_face_give_none(detector, name: str) -> None:
    for search in (face_frame, face_frames):
        with pytest.raises(ItemRejected) as caught:
            search(NO_FACES[name](), 512, detector)
        assert caught.value.reason == "no_face"
