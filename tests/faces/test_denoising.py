"""Noisy and two-tone portraits: found in a copy without the noise, and said to be."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from headwater.errors import ItemRejected
from headwater.faces.affine import inverted, map_points
from headwater.faces.denoising import NOISY_LEVELS, is_spoilt, noise_levels
from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import face_frame, face_frames
from headwater.faces.vocabulary import ibug68, outer_eye_distance
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo

Picture = NDArray[np.uint8]


def noisy(rgb: Picture, levels: float) -> Picture:
    noise = np.random.default_rng(0).normal(size=rgb.shape) * levels
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def dithered(rgb: Picture) -> Picture:
    return np.asarray(Image.fromarray(rgb).convert("1").convert("RGB"))


def thresholded(rgb: Picture) -> Picture:
    white = rgb.mean(axis=2, keepdims=True) > 110
    return np.where(white, np.uint8(255), np.zeros_like(rgb))


def spotted(rgb: Picture) -> Picture:
    chance = np.random.default_rng(1).random(rgb.shape[:2])[:, :, None]
    spots = np.where(chance > 0.9, np.uint8(255), rgb)
    return np.where(chance < 0.1, np.uint8(0), spots).astype(np.uint8)


def landmarks(rgb: Picture) -> tuple[NDArray[np.float64], bool]:
    """The landmarks, px of the photo, by the way that every photo goes; and whether denoised."""
    frame = face_frame(rgb, 512, mediapipe_faces())
    mesh = frame_landmarks(frame.image, mediapipe_faces())
    return map_points(inverted(frame.from_photo), mesh)[:, :2], frame.denoised


@pytest.mark.parametrize(
    "spoil",
    [lambda rgb: noisy(rgb, 45), lambda rgb: noisy(rgb, 70), dithered, thresholded, spotted],
)
@pytest.mark.parametrize("portrait", PORTRAITS, ids=lambda one: one.name)
def test_a_face_is_found_where_noise_hides_it(
    portrait: object, spoil: Callable[[Picture], Picture]
) -> None:
    rgb = decode_photo(portrait.data()).rgb
    own, by_copy = landmarks(rgb)
    assert not by_copy
    seen, _ = landmarks(spoil(rgb))
    shift = np.linalg.norm(seen - own, axis=1).mean() / outer_eye_distance(ibug68(own))
    assert shift < 0.07


def test_it_is_said_to_come_from_a_copy_and_only_then() -> None:
    rgb = decode_photo(PORTRAITS[0].data()).rgb
    assert face_frame(dithered(rgb), 512, mediapipe_faces()).denoised
    (frame,) = face_frames(dithered(rgb), 512, mediapipe_faces())
    assert frame.denoised
    assert len(np.unique(frame.image)) > 2, "the frame shows the copy"
    assert not face_frame(noisy(rgb, 5), 512, mediapipe_faces()).denoised


def test_noise_alone_is_no_face_and_keeps_its_reason() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    assert is_spoilt(noise)
    with pytest.raises(ItemRejected, match="No face was found in the photo") as caught:
        face_frame(noise, 512, mediapipe_faces())
    assert caught.value.reason == "no_face"


def test_the_strength_of_noise_is_estimated() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    assert noise_levels(grey) == 0
    noise = np.repeat(np.random.default_rng(3).normal(size=(200, 200, 1)), 3, axis=2)
    for levels in (5.0, 20.0):
        one = np.clip(grey + levels * noise, 0, 255).astype(np.uint8)
        assert noise_levels(one) == pytest.approx(levels, rel=0.1)
    for portrait in PORTRAITS:
        rgb = decode_photo(portrait.data()).rgb
        assert noise_levels(rgb) < NOISY_LEVELS / 2
        assert not is_spoilt(rgb)
        assert is_spoilt(thresholded(rgb))
