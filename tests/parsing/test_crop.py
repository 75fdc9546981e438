"""Crops of frames, and scores of a crop at the pixels of its frame."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from headwater.faces.affine import labels_in_frame
from headwater.faces.face_search import FRAME_TO_FACE
from headwater.faces.vocabulary import FaceClass
from headwater.parsing.crop import CROP_TO_FACE, classes_in_frame, cropped, frame_to_crop
from tests.parsing.frames import face_classes, face_picture


def test_the_crop_is_a_level_square_about_the_face() -> None:
    affine = frame_to_crop(300, 160)
    assert affine[0, 1] == 0
    assert affine[1, 0] == 0
    np.testing.assert_allclose(affine[0, 0], 160 / (300 / FRAME_TO_FACE * CROP_TO_FACE))
    column, row = affine @ (150.0, 150.0, 1.0)
    assert column == pytest.approx(80)
    assert 80 < row < 95


@pytest.mark.parametrize("px", [120, 240, 512])
def test_scores_come_back_to_the_pixels_that_they_are_of(px: int) -> None:
    classes = face_classes(px)
    crop = labels_in_frame(classes, frame_to_crop(px, 192), 192, 192)
    scores = functional.one_hot(torch.from_numpy(crop).long(), len(FaceClass)).movedim(-1, 0)
    found = classes_in_frame(scores.float(), px)
    assert found.dtype == np.uint8
    inside = np.zeros((px, px), bool)
    inside[round(0.2 * px) : round(0.7 * px), round(0.25 * px) : round(0.75 * px)] = True
    assert (found[inside] == classes[inside]).mean() > 0.98
    # The clothes go on below the crop, where nothing is said of them.
    assert (found[round(0.78 * px) :] == FaceClass.BACKGROUND).all()


def test_scores_of_a_coarser_map_lie_in_the_same_place() -> None:
    scores = torch.zeros(2, 40, 40)
    scores[1, 10:30, 10:30] = 1.0
    rows, columns = np.nonzero(classes_in_frame(scores, 240))
    affine = frame_to_crop(240, 40)
    for along, axis in ((columns, 0), (rows, 1)):
        ends = (np.array([along.min(), along.max() + 1]) * affine[axis, axis]) + affine[axis, 2]
        np.testing.assert_allclose(ends, [10, 30], atol=0.7)


def test_a_crop_shows_the_face_as_the_frame_does() -> None:
    picture = face_picture(face_classes())
    crop = cropped(picture, 160)
    assert crop.shape == (160, 160, 3)
    nose = frame_to_crop(240, 160) @ (120.0, 121.0, 1.0)
    assert (crop[int(nose[1]), int(nose[0])] == picture[121, 120]).all()
