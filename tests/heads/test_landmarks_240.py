"""The 240 landmarks on the mean heads of two models."""

import numpy as np
import pytest

from headwater.faces.landmarks_240 import MIRROR_PARTNERS_240
from headwater.heads.model import HeadModel, Surface
from headwater.heads.snapping import snap
from tests.faces.mixed_landmarks import landmarks_240

# Rows of the 106 that the published crop takes: both eyes, nose tip, mouth corners.
FIVE = (74, 83, 54, 84, 90)
# Centres of the eyes and of the irises.
IN_EYES = (74, 83, 104, 105)


@pytest.mark.parametrize("name", ["anny", "ict"])
def test_both_models_have_them_on_their_skin_and_symmetric(request, name: str) -> None:
    model: HeadModel = request.getfixturevalue(name)
    found = landmarks_240(model.landmarks_478.on(model.mean))
    mirrored = found[MIRROR_PARTNERS_240] * (-1, 1, 1)
    assert np.linalg.norm(found - mirrored, axis=1).max() < 1.0
    # A line between two points of the skin passes below it.
    on_skin = np.setdiff1d(np.arange(240), IN_EYES)
    nearest = snap(found[on_skin].astype(np.float64), model, Surface.SKIN).on(model.mean)
    away = np.linalg.norm(nearest - found[on_skin], axis=1)
    assert np.percentile(away, 95) < 0.8
    assert away.max() < 2.5


@pytest.mark.parametrize("name", ["anny", "ict"])
def test_the_five_points_of_the_published_crop(request, name: str) -> None:
    model: HeadModel = request.getfixturevalue(name)
    found = landmarks_240(model.landmarks_478.on(model.mean))
    right_eye, left_eye, nose, right_corner, left_corner = found[list(FIVE)]
    assert right_eye[0] < -20 < 20 < left_eye[0]
    assert right_corner[0] < -15 < 15 < left_corner[0]
    assert nose[2] == found[:, 2].max()
    assert right_eye[1] > nose[1] > right_corner[1]
