"""Changes of examples for training: place, size, roll, mirror image, colours."""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from headwater.data.augmentation import disturbed_colours
from headwater.faces.vocabulary import MIRROR_PARTNERS, FaceClass
from headwater.parsing.examples import Examples
from headwater.parsing.outlines import outline_maps
from headwater.parsing.parser import CROP_PX

# Standard deviations of a face in its crop: roll (radians), logarithm of its size, shift (as a
# share of the side).
ROLL, SIZE, SHIFT = math.radians(8), 0.1, 0.03

_PAIRS: Final = (
    (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE),
    (FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW),
)


def mirror_names() -> Tensor:
    """(C,) int64: the class that each class has in the mirror image."""
    partners = torch.arange(len(FaceClass))
    for left, right in _PAIRS:
        partners[left], partners[right] = int(right), int(left)
    return partners


@dataclass(frozen=True)
class Cuts:
    """Square cuts of n images: shifted, turned and scaled, some of them mirror images.

    affine: (n, 2, 3), maps of places in a cut to places in its image, both from -1 to 1 as torch's
    ``affine_grid`` takes them. mirrored: (n,) bool, whether a cut is a mirror image.
    """

    affine: Tensor
    mirrored: Tensor

    def pixels(self, pixels: Tensor, side: int) -> Tensor:
        """Colours (n, 3, side, side) in 0..1 of images (n, S, S, 3) uint8."""
        images = pixels.movedim(-1, 1).float() / 255
        return self._sampled(images, side, "bilinear")

    def classes(self, classes: Tensor, side: int) -> Tensor:
        """Classes (n, side, side) int64 of maps (n, S, S) uint8; left is right in the mirror."""
        names = self._sampled(classes[:, None].float(), side, "nearest")[:, 0].long()
        names[self.mirrored] = mirror_names()[names[self.mirrored]]
        return names

    def landmarks(self, points: Tensor, whole: int, side: int) -> Tensor:
        """Landmarks (n, 478, 2) px of images of ``whole`` a side, in px of cuts of ``side``."""
        turn, shift = self.affine[:, :, :2], self.affine[:, None, :, 2]
        places = (2.0 * points / whole - 1.0 - shift) @ torch.linalg.inv(turn).mT
        places[self.mirrored] = places[self.mirrored][:, MIRROR_PARTNERS.tolist()]
        return (places + 1.0) * (side / 2)

    def _sampled(self, images: Tensor, side: int, mode: str) -> Tensor:
        shape = [len(images), 1, side, side]
        grid = functional.affine_grid(self.affine, shape, align_corners=False)
        return functional.grid_sample(
            images, grid, mode, padding_mode="border", align_corners=False
        )


def drawn_cuts(
    mirrored: Tensor, scale: float, generator: torch.Generator, reach: float = 0.0
) -> Cuts:
    """A cut of each image, of which ``mirrored`` (n,) says whether it is a mirror image.

    scale: median side of the cuts, as a share of the image's. reach: largest distance of a cut's
    centre from the image's along an axis, before the random shift of the face, as a share of half
    the image's side; small distances are more likely.
    """
    count = len(mirrored)
    roll = ROLL * torch.randn(count, generator=generator)
    size = scale * torch.exp(SIZE * torch.randn(count, generator=generator))
    shift = SHIFT * torch.randn(count, 2, 1, generator=generator)
    if reach:
        beside = 2.0 * torch.rand(count, 2, 1, generator=generator) - 1.0
        shift = shift + reach * beside * beside.abs()
    flip = torch.where(mirrored, -1.0, 1.0)
    cosine, sine = size * roll.cos(), size * roll.sin()
    turn = torch.stack([flip * cosine, -sine, flip * sine, cosine], dim=1).unflatten(1, (2, 2))
    return Cuts(torch.cat([turn, shift], dim=2), mirrored)


def changed(examples: Examples, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Network input (n, 3 + ``OUTLINES``, side, side) and classes (n, side, side) int64.

    Pieces of ``side`` px of disturbed crops, most of them from the middle, where the parts are.
    Half of them are mirror images, in which left and right classes are exchanged.
    """
    mirrored = torch.rand(len(examples), generator=generator) < 0.5
    whole = examples.pixels.shape[1]
    cuts = drawn_cuts(mirrored, side / whole, generator, (CROP_PX - side) / whole)
    colours = disturbed_colours(cuts.pixels(examples.pixels, side), generator)
    points = cuts.landmarks(examples.landmarks, whole, side)
    inputs = torch.cat([colours, outline_maps(points.numpy(), side)], dim=1)
    return inputs, cuts.classes(examples.classes, side)
