"""Disturbed examples: picture, classes and outlines move together, and left is right in mirrors."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headwater.faces.vocabulary import LEFT_EYE, PART_OUTLINES, RIGHT_EYE, FaceClass, Part
from headwater.parsing import augmentation
from headwater.parsing.augmentation import changed, drawn_cuts, mirror_names
from headwater.parsing.examples import Examples
from headwater.parsing.outlines import OUTLINES
from headwater.parsing.parser import CROP_PX

WHOLE = CROP_PX + 40
SIDE = CROP_PX
RIGHT_BOX, LEFT_BOX = ((100, 110), (124, 134)), ((100, 160), (124, 184))


def plain(monkeypatch: pytest.MonkeyPatch, **spreads: float) -> None:
    """No disturbance but ``spreads``, and colours as they are."""
    for name in ("ROLL", "SIZE", "SHIFT"):
        monkeypatch.setattr(augmentation, name, spreads.get(name, 0.0))
    monkeypatch.setattr(augmentation, "disturbed_colours", lambda colours, generator: colours)


def examples(count: int = 1) -> Examples:
    """Faces whose classes can be read off their colours, and whose eyes have outlines."""
    classes = torch.zeros(1, WHOLE, WHOLE, dtype=torch.uint8)
    classes[:, 60:240, 70:230] = FaceClass.SKIN
    landmarks = torch.full((1, 478, 2), WHOLE / 2)
    for kind, loop, ((top, left), (bottom, right)) in (
        (FaceClass.RIGHT_EYE, RIGHT_EYE, RIGHT_BOX),
        (FaceClass.LEFT_EYE, LEFT_EYE, LEFT_BOX),
    ):
        classes[:, top:bottom, left:right] = kind
        corners = torch.tensor([[left, top], [right, top], [right, bottom], [left, bottom]])
        quarters = torch.arange(len(loop)) * 4 // len(loop)
        landmarks[0, list(loop)] = corners[quarters].float()
    classes[:, 70:90, 110:134] = FaceClass.HAIR
    whole = Examples((classes * 16)[..., None].repeat(1, 1, 1, 3), classes, landmarks)
    return whole.choose(torch.zeros(count, dtype=torch.int64))


def outline(inputs: torch.Tensor, part: Part) -> torch.Tensor:
    return inputs[:, 3 + [one for one, _ in PART_OUTLINES].index(part)] > 0


def test_without_disturbance_the_middle_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    given = examples(8)
    inputs, names = changed(given, SIDE, torch.Generator().manual_seed(1))
    assert inputs.shape == (8, 3 + OUTLINES, SIDE, SIDE)
    middle = given.classes[0, 20:-20, 20:-20].long()
    mirrored = mirror_names()[middle.flip(1)]
    upright = [bool((one == middle).all()) for one in names]
    assert [bool((one == mirrored).all()) for one in names] == [not one for one in upright]
    assert 0 < sum(upright) < 8
    for image, straight in zip(inputs[:, :3], upright, strict=True):
        wanted = given.pixels[0, 20:-20, 20:-20].movedim(-1, 0) / 255
        torch.testing.assert_close(image, wanted if straight else wanted.flip(2))


def test_picture_classes_and_outlines_move_together(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch, ROLL=0.2, SIZE=0.1, SHIFT=0.05)
    inputs, names = changed(examples(16), SIDE, torch.Generator().manual_seed(2))
    eyes = {
        Part.LEFT_EYE: names == FaceClass.LEFT_EYE,
        Part.RIGHT_EYE: names == FaceClass.RIGHT_EYE,
    }
    skin = names == FaceClass.SKIN
    assert (inputs[:, 0][skin] * 255 / 16).round().eq(FaceClass.SKIN).double().mean() > 0.9
    for part, eye in eyes.items():
        assert (inputs[:, 0][eye] * 255 / 16).mean() < 3.5
        both = (outline(inputs, part) & eye).sum(dim=(1, 2))
        either = (outline(inputs, part) | eye).sum(dim=(1, 2))
        assert (both > 0.85 * either).all()
    columns = [[np.nonzero(one.numpy())[1].mean() for one in eye] for eye in eyes.values()]
    assert (np.array(columns[0]) > columns[1]).all(), "the subject's left is on the right"
    assert len({round(float(one)) for one in columns[0]}) > 3


def test_pieces_lie_anywhere_in_the_crop_and_never_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    side = 100
    given = examples(60)
    places = torch.arange(WHOLE, dtype=torch.float32) * (255 / WHOLE)
    picture = torch.stack(torch.meshgrid(places, places, places[:1], indexing="ij")[:2], dim=-1)
    picture = torch.cat([picture[:, :, 0], picture[:, :, 0, :1]], dim=-1).byte()
    given = replace(given, pixels=picture.expand(60, -1, -1, -1))
    inputs, _ = changed(given, side, torch.Generator().manual_seed(4))
    for axis in range(2):
        along = inputs[:, axis].flatten(1) * WHOLE
        low, high = along.amin(dim=1), along.amax(dim=1)
        torch.testing.assert_close(high - low, torch.full_like(low, side - 1), atol=3, rtol=0)
        assert low.min() > 20 - 3
        assert high.max() < WHOLE - 20 + 3
        assert low.min() < 45
        assert high.max() > WHOLE - 45


def test_the_same_generator_gives_the_same() -> None:
    given = examples()
    first, again, other = (
        changed(given, SIDE, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert first[1].dtype == torch.int64


def test_cuts_take_landmarks_to_the_pixels_that_show_them() -> None:
    """Points of a checkered picture, found again by their colour."""
    generator = torch.Generator().manual_seed(8)
    points = torch.tensor([[60.0, 70.0], [140.0, 90.0], [100.0, 140.0]])
    landmarks = points[torch.arange(478) % 3][None]
    pixels = torch.zeros(1, 200, 200, 3, dtype=torch.uint8)
    for n, (x, y) in enumerate(points.long().tolist()):
        pixels[0, y - 2 : y + 2, x - 2 : x + 2, n] = 255
    for _ in range(6):
        cuts = drawn_cuts(torch.tensor([False]), 0.9, generator)
        shown = cuts.pixels(pixels, 180)[0]
        found = cuts.landmarks(landmarks, 200, 180)[0]
        for n in range(3):
            spot = (shown[n] > 0.3).nonzero().float().mean(dim=0).flip(0) + 0.5
            torch.testing.assert_close(found[n], spot, atol=0.6, rtol=0)


def test_a_mirror_image_of_a_mirror_image_has_the_old_names() -> None:
    partners = mirror_names()
    assert torch.equal(partners[partners], torch.arange(len(FaceClass)))
    assert partners[FaceClass.LEFT_BROW] == FaceClass.RIGHT_BROW
    assert partners[FaceClass.NOSE] == FaceClass.NOSE
