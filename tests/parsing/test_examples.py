"""Examples of rendered views: where they lie, whose landmarks they have, and which are left out."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from headwater.artifacts.images import encode_png
from headwater.artifacts.schemas import SYNTHETIC_FRAMES, TRUTH
from headwater.errors import HeadwaterError
from headwater.faces.frame_landmarks import landmarks_of_crop
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.parts import part_labels
from headwater.faces.photo_path import face_frame
from headwater.faces.vocabulary import LEFT_EYE, FaceClass
from headwater.parsing.crop import CROP_TO_FACE, frame_to_crop
from headwater.parsing.examples import EXAMPLE_PX, MARGIN_PX, examples, pictures
from headwater.parsing.parser import CROP_PX
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from tests.report.tiny_data import Builder

FRAME_PX = 240


@cache
def portrait() -> tuple[np.ndarray, np.ndarray]:
    """A portrait's frame and its landmarks, which stand for a view and its truth."""
    faces = mediapipe_faces()
    frame = face_frame(decode_photo(PORTRAITS[0].data()).rgb, FRAME_PX, faces)
    return frame.image, landmarks_of_crop(frame.crop, FRAME_PX, faces)


def write(data: Path, views: dict[str, np.ndarray], split: str = "train") -> None:
    """Tables of views by item, all with the portrait's landmarks and polygons as their truth."""
    _, landmarks = portrait()
    builder = Builder()
    for item, image in views.items():
        base = {"item": item, "subject": item, "split": split, "source": "synthetic"}
        size = {"width": FRAME_PX, "height": FRAME_PX}
        builder.add(SYNTHETIC_FRAMES, **base, **size, image=encode_png(image, "image"))
        classes = encode_png(part_labels(landmarks, FRAME_PX, FRAME_PX), "classes")
        names = ("mask", "parts", "depth", "classes")
        points = {"landmarks_478_px": landmarks[:, :2].ravel().tolist()}
        builder.add(TRUTH, **base, **size, **points, **dict.fromkeys(names, classes))
    builder.write(data)


def test_an_example_reaches_beyond_the_parsers_crop_and_has_detected_landmarks(
    tmp_path: Path,
) -> None:
    image, landmarks = portrait()
    write(tmp_path, {"a" * 32: image, "b" * 32: np.full_like(image, 90)})
    found = examples(tmp_path, mediapipe_faces())
    assert len(found) == 1, "the second view shows no face"
    assert found.pixels.shape == (1, EXAMPLE_PX, EXAMPLE_PX, 3)
    assert found.classes.shape == (1, EXAMPLE_PX, EXAMPLE_PX)
    affine = frame_to_crop(FRAME_PX, CROP_PX)
    affine[:, 2] += MARGIN_PX
    wanted = landmarks[:, :2] @ affine[:, :2].T + affine[:, 2]
    # The frame is level and centred already, but for what finding it once more changes.
    assert np.abs(found.landmarks[0].numpy() - wanted).mean() < 0.02 * CROP_PX
    eye = found.landmarks[0, list(LEFT_EYE)].mean(dim=0).long()
    assert found.classes[0, eye[1], eye[0]] == FaceClass.LEFT_EYE


def test_pictures_need_no_face_and_lie_as_the_examples_do(tmp_path: Path) -> None:
    image, _ = portrait()
    write(tmp_path, {"a" * 32: image, "b" * 32: np.full_like(image, 90)})
    to_face = CROP_TO_FACE * EXAMPLE_PX / CROP_PX
    pixels, classes = pictures(tmp_path, to_face, EXAMPLE_PX)
    assert pixels.shape == (2, EXAMPLE_PX, EXAMPLE_PX, 3)
    found = examples(tmp_path, mediapipe_faces())
    assert (pixels == found.pixels).all(dim=(1, 2, 3)).tolist() in ([True, False], [False, True])
    assert (classes == found.classes).all()
    smaller, _ = pictures(tmp_path, to_face / 2, EXAMPLE_PX // 2)
    middle = slice(EXAMPLE_PX // 4, EXAMPLE_PX // 4 + EXAMPLE_PX // 2)
    assert (smaller.int() - pixels[:, middle, middle].int()).abs().float().mean() < 1


def test_a_build_without_training_faces_is_refused_in_a_sentence(tmp_path: Path) -> None:
    image, _ = portrait()
    write(tmp_path, {"a" * 32: np.full_like(image, 90)})
    said = r"in no rendered view of the split 'train' a face was found; set synthesize\.subjects"
    with pytest.raises(HeadwaterError, match=said):
        examples(tmp_path, mediapipe_faces())
    write(tmp_path / "other", {"a" * 32: image}, "test")
    said = r"no rendered view has the split 'train'; set synthesize\.subjects"
    with pytest.raises(HeadwaterError, match=said):
        pictures(tmp_path / "other", 1.7, 64)
