"""Variants of a photo and the shifts of its landmarks, on a drawn face with a known detector."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import inverted, map_points
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.quality.same_face import (
    ALL,
    LOST,
    landmark_shifts,
    shift_figures,
    shift_rows,
)
from headwater.quality.variants import variants
from headwater.report.figures import quality_of


def marked_photo() -> NDArray[np.uint8]:
    """Grey noise with three bright squares at known places, of which two are alike."""
    photo = np.random.default_rng(0).integers(60, 120, (160, 200, 3)).astype(np.uint8)
    for (x, y), colour in MARKS.items():
        photo[y - 5 : y + 5, x - 5 : x + 5] = colour
    return photo


MARKS = {(60, 50): (255, 0, 0), (140, 60): (0, 255, 0), (90, 120): (0, 0, 255)}


def test_every_variant_carries_the_marks_where_its_map_says() -> None:
    photo = marked_photo()
    seen = set()
    for variant in variants(photo):
        seen.add(variant.name)
        again = map_points(
            inverted(variant.from_photo),
            map_points(variant.from_photo, np.array(list(MARKS), np.float32)),
        )
        np.testing.assert_allclose(again, list(MARKS), atol=1e-3)
        places = map_points(variant.from_photo, np.array(list(MARKS), np.float32))
        assert variant.mirrored == (variant.name == "mirrored")
        if variant.name == "grey":
            continue
        for (x, y), colour in zip(places, MARKS.values(), strict=True):
            pixel = variant.image[int(y), int(x)].astype(int)
            assert np.argmax(pixel) == np.argmax(colour), variant.kind
            assert pixel.max() > pixel.sum() / 2, variant.kind
    assert len(seen) == len(list(variants(photo))) == 29


def test_variants_are_the_same_in_every_run() -> None:
    photo = marked_photo()
    for one, other in zip(variants(photo), variants(photo), strict=True):
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.fault("the same face is the same whatever is done to its photo")
def test_landmarks_of_the_portraits_stay_in_place() -> None:
    """All variants of both portraits: below 0.5 % of the eye distance on average.

    A quarter of the astronaut's photo shows too small a face, which is counted.
    """
    photos = [decode_photo(portrait.data()).rgb for portrait in PORTRAITS]
    figures = shift_figures(landmark_shifts(photo, 512, mediapipe_faces()) for photo in photos)
    assert figures[ALL] < 0.5
    assert figures[LOST] == 1
    rows = {kind: (mean, worst) for kind, mean, worst in shift_rows(figures)}
    assert len(rows) == 29
    assert max(mean for mean, _ in rows.values()) < 1.6
    assert rows["mirrored"][1] < 0.5
    assert rows["black border of 100%"][1] < 0.75
    assert rows["turned by 45 degrees"][1] < 0.6
    quality = quality_of(figures)
    assert quality.same_face == [(kind, *values) for kind, values in rows.items()]
    assert [label for label, _, _ in quality.rest] == ["Portrait variants without a detected face"]


def test_figures_of_several_photos() -> None:
    figures = shift_figures([{"half_size": 1.0, "grey": None}, {"half_size": 3.0, "grey": 0.5}])
    assert figures[LOST] == 1
    assert figures["same_face_half_size_percent_mean"] == 2
    assert figures["same_face_half_size_percent_worst"] == 3
    assert figures[ALL] == pytest.approx(1.5)
    assert list(shift_rows(figures)) == [("half size", 2, 3), ("grey", 0.5, 0.5)]
    assert shift_figures([{"grey": None}]) == {LOST: 1}


def test_a_photo_without_a_face_has_no_shifts() -> None:
    with pytest.raises(ItemRejected):
        landmark_shifts(marked_photo(), 512, mediapipe_faces())
