"""Evened crops: a photo's colour and sharpness count for less."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headwater.faces.canonical_crop import AROUND_PX, CROP_PX, canonical_crop, placement_of
from headwater.faces.evenness import evened

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def crops(portraits) -> list[Picture]:
    return [
        canonical_crop(portrait.frame, placement_of(portrait.landmarks)) for portrait in portraits
    ]


def grey_of(crop: Picture) -> Picture:
    return np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def detail_share(crop: Picture) -> float:
    """Detail of 1 to 2 px to that of 2 to 4 px, rms, in the face."""
    finer, fine, coarse = (cv2.GaussianBlur(crop.astype(float), (0, 0), px) for px in (1, 2, 4))
    inner = slice(AROUND_PX, -AROUND_PX)
    return float(np.std((finer - fine)[inner, inner]) / np.std((fine - coarse)[inner, inner]))


def apart(one: Picture, other: Picture) -> float:
    inner = slice(AROUND_PX, -AROUND_PX)
    return float(np.abs(one.astype(float) - other)[inner, inner].mean())


def test_two_thirds_of_the_colour_are_left(crops: list[Picture]) -> None:
    for crop in crops:
        grey = grey_of(crop)
        left = evened(crop, AROUND_PX).astype(float) - evened(grey, AROUND_PX)
        own = cv2.GaussianBlur(crop.astype(float) - grey, (0, 0), 0.5)
        inside = (evened(crop, AROUND_PX) > 5) & (evened(crop, AROUND_PX) < 250)
        assert np.abs(left - 0.65 * own)[inside].mean() < 0.5
        assert np.abs(own)[inside].mean() > 5


@pytest.mark.parametrize("px", [1.5, 2.0])
def test_a_blurred_crop_lies_nearer_to_the_sharp_one(crops: list[Picture], px: float) -> None:
    for crop in crops:
        blurred = cv2.GaussianBlur(crop, (0, 0), px)
        sharp, sharpened = evened(crop, AROUND_PX), evened(blurred, AROUND_PX)
        assert apart(sharp, sharpened) < 0.75 * apart(crop, blurred)
        before = detail_share(blurred) / detail_share(crop)
        after = detail_share(sharpened) / detail_share(sharp)
        assert before < 0.8
        assert 1 - after < 0.8 * (1 - before)


def test_a_noisy_crop_lies_nearer_to_the_clean_one(crops: list[Picture]) -> None:
    rng = np.random.default_rng(0)
    for crop in crops:
        noisy = np.clip(crop + rng.normal(0, 15, crop.shape), 0, 255).astype(np.uint8)
        assert apart(evened(crop, AROUND_PX), evened(noisy, AROUND_PX)) < 0.5 * apart(crop, noisy)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_plain_crop_stays_plain(level: int) -> None:
    crop = np.full((CROP_PX, CROP_PX, 3), level, np.uint8)
    np.testing.assert_array_equal(evened(crop, AROUND_PX), crop)


def test_a_mirrored_crop_is_evened_alike(crops: list[Picture]) -> None:
    for crop in crops:
        mirrored = evened(np.ascontiguousarray(crop[:, ::-1]), AROUND_PX)
        np.testing.assert_array_equal(mirrored[:, ::-1], evened(crop, AROUND_PX))
