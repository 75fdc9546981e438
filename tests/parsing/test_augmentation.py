"""Disturbed crops: picture and classes move together, and left is right in the mirror."""

import numpy as np
import pytest
import torch

from headwater.faces.vocabulary import FaceClass
from headwater.parsing import augmentation
from headwater.parsing.augmentation import changed, mirror_names

SIDE, WHOLE = 64, 80


def plain(monkeypatch: pytest.MonkeyPatch, **spreads: float) -> None:
    """No disturbance but ``spreads``, and colours as they are."""
    for name in ("ROLL", "SIZE", "SHIFT"):
        monkeypatch.setattr(augmentation, name, spreads.get(name, 0.0))
    monkeypatch.setattr(augmentation, "disturbed_colours", lambda colours, generator: colours)


def example() -> tuple[torch.Tensor, torch.Tensor]:
    """A crop whose classes can be read off its colours."""
    classes = torch.zeros(1, WHOLE, WHOLE, dtype=torch.uint8)
    classes[:, 20:60, 20:60] = FaceClass.SKIN
    classes[:, 30:36, 24:34] = FaceClass.RIGHT_EYE
    classes[:, 30:36, 46:56] = FaceClass.LEFT_EYE
    classes[:, 22:28, 24:34] = FaceClass.HAIR
    return (classes * 16)[..., None].repeat(1, 1, 1, 3), classes


def test_without_disturbance_the_middle_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    pixels, classes = (one.repeat(8, *[1] * (one.dim() - 1)) for one in example())
    colours, names = changed(pixels, classes, SIDE, torch.Generator().manual_seed(1))
    middle = classes[0, 8:72, 8:72].long()
    mirrored = mirror_names()[middle.flip(1)]
    upright = [bool((one == middle).all()) for one in names]
    assert [bool((one == mirrored).all()) for one in names] == [not one for one in upright]
    assert 0 < sum(upright) < 8
    for image, straight in zip(colours, upright, strict=True):
        wanted = pixels[0, 8:72, 8:72].movedim(-1, 0) / 255
        torch.testing.assert_close(image, wanted if straight else wanted.flip(2))


def test_picture_and_classes_move_together(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch, ROLL=0.2, SIZE=0.1, SHIFT=0.05)
    pixels, classes = (one.repeat(16, *[1] * (one.dim() - 1)) for one in example())
    colours, names = changed(pixels, classes, SIDE, torch.Generator().manual_seed(2))
    places = set()
    for image, named in zip(colours, names, strict=True):
        sides = torch.tensor([FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE])
        eyes = torch.isin(named, sides)
        skin = named == FaceClass.SKIN
        assert (image[0][skin] * 255 / 16).round().eq(FaceClass.SKIN).double().mean() > 0.9
        assert (image[0][eyes] * 255 / 16).mean() < 3.5
        columns = [np.nonzero((named == side).numpy())[1].mean() for side in sides.tolist()]
        assert columns[0] > columns[1], "the subject's left is on the right, mirrored or not"
        places.add(round(float(columns[0])))
    assert len(places) > 3


def test_the_same_generator_gives_the_same() -> None:
    pixels, classes = example()
    first, again, other = (
        changed(pixels, classes, SIDE, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert first[0].shape == (1, 3, SIDE, SIDE)
    assert first[1].dtype == torch.int64


def test_a_mirror_image_of_a_mirror_image_has_the_old_names() -> None:
    partners = mirror_names()
    assert torch.equal(partners[partners], torch.arange(len(FaceClass)))
    assert partners[FaceClass.LEFT_BROW] == FaceClass.RIGHT_BROW
    assert partners[FaceClass.NOSE] == FaceClass.NOSE
