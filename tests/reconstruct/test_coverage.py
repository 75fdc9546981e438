"""Vertices that a photo shows: clothes are no part of a head, whatever its neck wears."""

from dataclasses import replace

import numpy as np
import pytest

from headwater.data.scenes import Template
from headwater.faces.parts import polygon_mask
from headwater.faces.vocabulary import CHIN, FACE_OVAL
from headwater.geometry.cameras import project
from headwater.reconstruct.coverage import coverage, has_skin_colour, mouth_height
from headwater.reconstruct.head import SeenView
from headwater.reconstruct.seeing import SeenFace

SKIN, SHADOW = (190, 140, 120), (130, 92, 78)
CLOTHES = {"shirt": (240, 240, 245), "suit": (20, 22, 40), "scarf": (40, 150, 60)}


def dressed(face: SeenFace, colour: tuple[int, int, int], skin: tuple[int, int, int]) -> SeenFace:
    """The face on a whole mask, evenly of ``skin`` with noise, and ``colour`` below its chin."""
    frame = np.full(face.frame.shape, skin, np.float64)
    frame[int(face.landmarks[CHIN, 1]) + 12 :] = colour
    frame += np.random.default_rng(0).normal(0, 8, frame.shape)
    return replace(
        face,
        frame=frame.clip(0, 255).astype(np.uint8),
        mask=np.ones_like(face.mask),
    )


def weights(face: SeenFace, template: Template) -> tuple[np.ndarray, np.ndarray]:
    """Coverage of the mean face's vertices, and of points on a neck below its chin."""
    view = SeenView(face, face.camera, face.camera, face.landmarks, face.landmarks, 0.0)
    chin = template.landmarks_478.on(template.mean)[CHIN]
    x, y = np.meshgrid(np.linspace(-15, 15, 5), np.linspace(-40, -55, 5))
    neck = chin + np.stack([x.ravel(), y.ravel(), np.full(25, -20.0)], axis=1)
    points = np.concatenate([template.mean, neck.astype(np.float32)])
    pixels, _ = project(face.camera, points)
    assert (pixels[-25:, 1] > face.landmarks[CHIN, 1] + 20).all()
    found = coverage(view, points, mouth_height(template.landmarks_478.on(template.mean)))
    return found[: len(template.mean)], found[len(template.mean) :]


@pytest.mark.parametrize("clothes", CLOTHES)
def test_clothes_round_the_neck_are_not_covered(
    faces: list[SeenFace], template: Template, clothes: str
) -> None:
    head, neck = weights(dressed(faces[0], CLOTHES[clothes], SKIN), template)
    assert neck.max() < 0.05
    assert head.min() > 0.95


def test_a_bare_neck_in_the_shadow_of_the_chin_is_covered(
    faces: list[SeenFace], template: Template
) -> None:
    head, neck = weights(dressed(faces[0], SHADOW, SKIN), template)
    assert neck.min() > 0.95
    assert head.min() > 0.95


def test_a_grey_photo_tells_skin_by_its_lightness(
    faces: list[SeenFace], template: Template
) -> None:
    for clothes, covered in (((15,) * 3, 0.0), ((140,) * 3, 1.0)):
        _, neck = weights(dressed(faces[0], clothes, (165,) * 3), template)
        assert neck == pytest.approx(covered, abs=0.05)


def test_what_lies_outside_the_mask_is_not_covered(
    faces: list[SeenFace], template: Template
) -> None:
    face = dressed(faces[0], SKIN, SKIN)
    head, neck = weights(replace(face, mask=np.zeros_like(face.mask)), template)
    assert not head.any()
    assert not neck.any()


def test_without_a_pixel_of_the_face_every_colour_counts(faces: list[SeenFace]) -> None:
    assert has_skin_colour(faces[0].frame, np.zeros_like(faces[0].mask)).all()


def test_a_face_has_skin_s_colour_and_its_collar_has_not(faces: list[SeenFace]) -> None:
    officer = faces[1]
    oval = polygon_mask(officer.landmarks, FACE_OVAL, *officer.mask.shape)
    skin = has_skin_colour(officer.frame, oval)
    assert skin[oval].mean() > 0.75
    below = np.arange(len(skin))[:, None] > officer.landmarks[CHIN, 1]
    lightness = officer.frame.max(axis=2)
    for cloth in ((lightness > 225), (lightness < 50)):
        assert (cloth & below).sum() > 200
        assert skin[cloth & below].mean() < 0.1
