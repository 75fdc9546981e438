"""Maps of the parts' outlines: what lies inside, at which scale, and on whose side."""

import numpy as np
import pytest
import torch

from headwater.faces.parts import part_labels
from headwater.faces.vocabulary import MIRROR_PARTNERS, PART_OUTLINES, Part
from headwater.parsing.outlines import OUTLINES, outline_maps
from tests.parsing.frames import face_classes, face_landmarks

PARTS = [part for part, _ in PART_OUTLINES]


@pytest.mark.parametrize("part", [Part.LEFT_EYE, Part.RIGHT_EYE, Part.NOSE, Part.SKIN])
def test_a_map_is_of_its_part(part: Part) -> None:
    maps = outline_maps(face_landmarks()[None], 240)
    assert maps.shape == (1, OUTLINES, 240, 240)
    inside = maps[0, PARTS.index(part)] > 0
    rows, columns = np.nonzero(face_classes() == part)
    # A box's own edge is on the outline.
    core = np.zeros((240, 240), bool)
    core[rows.min() + 1 : rows.max(), columns.min() + 1 : columns.max()] = True
    assert inside[torch.from_numpy(core)].all()
    assert not inside[: rows.min() - 1].any()
    assert not inside[:, : columns.min() - 1].any()
    assert not inside[rows.max() + 2 :].any()
    assert not inside[:, columns.max() + 2 :].any()


def test_they_are_the_polygons_with_soft_edges() -> None:
    landmarks = face_landmarks()
    drawn = part_labels(landmarks, 240, 240)
    maps = outline_maps(landmarks[None], 240)[0].numpy()
    for part in (Part.LEFT_BROW, Part.RIGHT_BROW, Part.LEFT_EYE, Part.RIGHT_EYE):
        found = maps[PARTS.index(part)]
        assert ((found > 0) == (drawn == part)).mean() > 0.999
    assert set(np.unique(maps)) > {-0.5, 0.5}


def test_each_face_has_its_own_and_swapped_points_are_a_mirror_image() -> None:
    landmarks = face_landmarks(100)
    turned = landmarks[np.asarray(MIRROR_PARTNERS)] * (-1, 1) + (100, 0)
    maps = outline_maps(np.stack([landmarks, turned, landmarks + 200]), 100)
    for left, right in ((Part.LEFT_EYE, Part.RIGHT_EYE), (Part.LEFT_BROW, Part.RIGHT_BROW)):
        one, other = PARTS.index(left), PARTS.index(right)
        difference = (maps[0, one] - maps[1, one].flip(1)).abs()
        assert difference.mean() < 0.01
        columns = [(maps[1, n] > 0).nonzero()[:, 1].float().mean() for n in (one, other)]
        assert columns[0] > columns[1], "the subject's left is on the right"
    assert (maps[2] == -0.5).all()
