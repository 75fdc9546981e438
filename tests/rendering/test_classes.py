"""Classes of rendered pixels: of what the picture shows, worn things and hair included."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion

from headwater.faces.vocabulary import FACE_PARTS, FaceClass
from headwater.geometry.rays import RayMesh
from headwater.heads.model import Surface
from headwater.rendering.classes import pixel_classes, sample_classes
from headwater.rendering.looks import Cap, Glasses, HairStyle, Look, sample_look
from headwater.rendering.painting import head_paint
from headwater.rendering.stages import Prop
from headwater.rendering.tracing import carry, trace
from headwater.rendering.view import View, render_view
from tests.rendering.heads import ball_head, front_camera

SIDE = 128


def wearing(**worn: Any) -> Look:
    """A bald, shaven look without anything worn but ``worn``, in an even light."""
    look = sample_look(np.random.default_rng(5))
    plain = {"hair_style": HairStyle.BALD, "beard": 0.0, "glasses": None, "cap": None}
    scene = replace(look.scene, noise=0.0, blur_px=0.0)
    return Look(replace(look.person, **{**plain, **worn}), scene)


def draw(look: Look, yaw: float = 0.0) -> View:
    model = ball_head()
    return render_view(model, model.mean, look, front_camera(SIDE, yaw))


def agree(one: View, other: View, where: np.ndarray) -> bool:
    """Whether the classes are the same but for pixels that two things share."""
    return bool((one.classes[where] == other.classes[where]).mean() > 0.995)


@pytest.fixture(scope="module")
def bald() -> View:
    return draw(wearing())


def test_parts_keep_their_ids() -> None:
    assert {part.name: part.value for part in FACE_PARTS} == {
        one.name: one.value for one in FaceClass if 1 <= one <= 8
    }
    assert FaceClass.MOUTH_INTERIOR.title == "mouth interior"


def test_a_bare_head_has_its_parts_and_the_background_around_it(bald: View) -> None:
    assert bald.classes.dtype == np.uint8
    for part in FACE_PARTS:
        # Of pixels that lie wholly in a part all samples agree.
        inside = binary_erosion(bald.parts == part, np.ones((3, 3)))
        assert (bald.classes[inside] == part).all(), part
    beside = binary_erosion(~bald.mask & (bald.classes != FaceClass.CLOTHES), np.ones((3, 3)))
    assert (bald.classes[beside] == FaceClass.BACKGROUND).all()
    assert not np.isin(bald.classes, [FaceClass.HAIR, FaceClass.GLASSES, FaceClass.HAT]).any()


def test_skin_reaches_beyond_the_face_part_and_ends_at_the_jaw(bald: View) -> None:
    rows, columns = np.nonzero(bald.classes == FaceClass.SKIN)
    assert (rows < np.nonzero(bald.parts == FaceClass.SKIN)[0].min() - 4).any()
    chin = bald.landmarks_478_px[152, 1]
    middle = np.abs(columns - SIDE / 2) < 3
    assert abs(rows[middle].max() - chin) < 2
    below = bald.classes[int(chin) + 3 :, SIDE // 2]
    assert (below[below != FaceClass.CLOTHES] == FaceClass.NECK)[:5].all()


@pytest.mark.parametrize("style", [HairStyle.SHAVED, HairStyle.SHORT, HairStyle.LONG])
def test_hair_is_where_it_changes_the_picture(bald: View, style: HairStyle) -> None:
    view = draw(wearing(hair_style=style, hair_volume_mm=15.0))
    hair = view.classes == FaceClass.HAIR
    assert hair.mean() > 0.015
    changed = (np.abs(view.image.astype(int) - bald.image) > 6).any(axis=2)
    sure = binary_erosion(hair, np.ones((3, 3)))
    assert changed[sure].mean() > 0.9
    assert agree(view, bald, ~changed & ~hair)


def test_a_cap_hides_what_is_below_it(bald: View) -> None:
    view = draw(wearing(cap=Cap(8.0, 40.0, (0.5, 0.02, 0.02))))
    hat = view.classes == FaceClass.HAT
    assert hat.mean() > 0.03
    assert agree(view, bald, ~hat)


def test_glasses_are_their_frame_and_one_sees_through_the_lenses(bald: View) -> None:
    view = draw(wearing(glasses=Glasses(24.0, 18.0, 2.5, 2.0, (0.02, 0.02, 0.02))))
    frame = view.classes == FaceClass.GLASSES
    assert 0.005 < frame.mean() < 0.1
    assert agree(view, bald, ~frame)
    assert (view.classes == FaceClass.LEFT_EYE).sum() > 0.8 * (bald.parts == 1).sum()


def samples_of_ball() -> tuple[Any, np.ndarray]:
    model = ball_head()
    samples = trace(RayMesh(model.mean, model.faces), model.mean, front_camera(48), 2)
    return samples, carry(model.mean, model.faces, samples)


def test_ears_stand_out_of_skin_and_hair_grows_over_them() -> None:
    model, paint = ball_head(), head_paint(ball_head())
    samples, mean = samples_of_ball()
    ear = np.clip((np.abs(model.mean[:, 0]) - 70) / 10, 0, 1).astype(np.float32)
    material = model.surface[samples.triangle]
    hair = mean[:, 1] > 30
    classes = sample_classes(model, replace(paint, ear=ear), samples, material, mean, hair)
    side = np.abs(mean[:, 0]) > 82
    assert (classes[side & ~hair] == FaceClass.EARS).all()
    assert (classes[hair] == FaceClass.HAIR).all()
    assert not (classes[np.abs(mean[:, 0]) < 68] == FaceClass.EARS).any()


def test_what_lies_in_the_mouth_and_what_is_worn_is_told_by_its_material() -> None:
    model, paint = ball_head(), head_paint(ball_head())
    samples, mean = samples_of_ball()
    no_hair = np.zeros(len(mean), bool)
    for material, expected in (
        (Surface.TEETH, FaceClass.MOUTH_INTERIOR),
        (Surface.TONGUE, FaceClass.MOUTH_INTERIOR),
        (Surface.MOUTH_CAVITY, FaceClass.MOUTH_INTERIOR),
        (Prop.HAIR, FaceClass.HAIR),
        (Prop.GARMENT, FaceClass.CLOTHES),
        (Prop.FRAME, FaceClass.GLASSES),
        (Prop.CAP, FaceClass.HAT),
    ):
        same = np.full(len(mean), material, np.uint8)
        assert (sample_classes(model, paint, samples, same, mean, no_hair) == expected).all()
    eyes = sample_classes(model, paint, samples, np.full(len(mean), 1, np.uint8), mean, no_hair)
    assert (eyes == np.where(mean[:, 0] > 0, FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE)).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_a_pixel_has_the_class_of_most_samples(seed: int, per_pixel: int) -> None:
    rng = np.random.default_rng(seed)
    size = (4 * per_pixel, 5 * per_pixel)
    grid = rng.choice(np.array([0, 1, 8, 15], np.uint8), size)
    cell = np.flatnonzero(grid)
    found = pixel_classes(cell, grid.reshape(-1)[cell], size, per_pixel)
    for row, column in np.ndindex(4, 5):
        block = grid[row * per_pixel :, column * per_pixel :][:per_pixel, :per_pixel]
        counts = Counter(block.reshape(-1).tolist())
        most = max(counts.values())
        assert found[row, column] == min(one for one, count in counts.items() if count == most)
