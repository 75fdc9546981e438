from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from headwater.errors import HeadwaterError
from headwater.rendering.looks import Cap, Glasses, HairStyle, Look, relit, sample_look
from headwater.rendering.view import View, render_view
from tests.rendering.heads import ball_head, front_camera


def draw(look: Look, size: int = 96, **camera: float) -> View:
    model = ball_head()
    return render_view(model, model.mean, look, front_camera(size, **camera))


def bald(seed: int) -> Look:
    look = sample_look(np.random.default_rng(seed))
    return replace(look, person=replace(look.person, hair_style=HairStyle.BALD))


def test_the_same_arguments_give_the_same_bytes() -> None:
    first, second = (draw(sample_look(np.random.default_rng(4))) for _ in range(2))
    for name in first.__dataclass_fields__:
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name


def test_shapes_and_types() -> None:
    view = draw(bald(0))
    assert view.image.shape == (96, 96, 3)
    assert view.image.dtype == np.uint8
    assert view.mask.dtype == np.bool_
    assert view.parts.dtype == np.uint8
    assert view.depth.dtype == np.float32
    assert view.landmarks_478_px.shape == (478, 2)
    assert view.landmarks_478_visible.shape == (478,)


@pytest.mark.parametrize("style", list(HairStyle))
def test_hair_changes_the_picture_but_not_the_truth(style: HairStyle) -> None:
    plain = bald(1)
    hairy = replace(plain, person=replace(plain.person, hair_style=style, hair_volume_mm=20.0))
    first, second = draw(plain), draw(hairy)
    assert first.mask.tobytes() == second.mask.tobytes()
    assert first.parts.tobytes() == second.parts.tobytes()
    assert first.depth.tobytes() == second.depth.tobytes()
    if style is not HairStyle.BALD:
        assert np.abs(first.image.astype(int) - second.image).mean() > 0.5


@pytest.mark.parametrize(
    "wear",
    [
        {"glasses": Glasses(24.0, 18.0, 2.5, 2.0, (0.02, 0.02, 0.02))},
        {"cap": Cap(8.0, 40.0, (0.5, 0.02, 0.02))},
    ],
)
def test_glasses_and_caps_are_in_the_picture_only(wear: dict[str, Any]) -> None:
    look = bald(5)
    bare = replace(look, person=replace(look.person, glasses=None, cap=None))
    first = draw(bare)
    second = draw(replace(bare, person=replace(bare.person, **wear)))
    changed = (np.abs(first.image.astype(int) - second.image) > 12).any(axis=2)
    assert 0.005 < changed[first.mask].mean() < 0.6
    for name in ("mask", "parts", "depth", "landmarks_478_visible"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_skin_colour_shows_in_the_face() -> None:
    look = bald(2)
    scene = replace(look.scene, noise=0.0)
    light, dark = (
        draw(Look(replace(look.person, skin=skin, beard=0.0), scene))
        for skin in ((0.7, 0.5, 0.4), (0.10, 0.05, 0.03))
    )
    face = light.parts == 8
    assert light.image[face].mean() > 1.3 * dark.image[face].mean()


def test_more_exposure_is_brighter() -> None:
    look = bald(3)
    low, high = (
        draw(replace(look, scene=replace(look.scene, exposure=exposure, contrast=1.0)))
        for exposure in (0.3, 0.9)
    )
    assert high.image[high.mask].mean() > 1.2 * low.image[low.mask].mean()


def test_looks_differ_and_a_relit_person_stays_the_same() -> None:
    looks = [sample_look(np.random.default_rng(seed)) for seed in range(100)]
    assert len({look.person.skin for look in looks}) == 100
    assert {look.person.hair_style for look in looks} == set(HairStyle)
    again = relit(looks[0], np.random.default_rng(99))
    assert again.person == looks[0].person
    assert again.scene != looks[0].scene


def test_an_impossible_camera_is_refused() -> None:
    model = ball_head()
    camera = replace(front_camera(64), K=np.zeros((3, 3)))
    with pytest.raises(HeadwaterError, match="last row of K"):
        render_view(model, model.mean, bald(0), camera)


def test_a_head_outside_the_picture_leaves_the_backdrop() -> None:
    camera = front_camera(64)
    aside = replace(camera, t=camera.t + np.array([5000.0, 0.0, 0.0]))
    model = ball_head()
    view = render_view(model, model.mean, bald(0), aside)
    assert not view.mask.any()
    assert not view.landmarks_478_visible.any()
    assert view.image.any()
