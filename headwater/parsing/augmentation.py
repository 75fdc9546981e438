"""Changes of crops and their classes for training: place, size, roll, mirror image, colours."""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from headwater.data.augmentation import disturbed_colours
from headwater.faces.vocabulary import FaceClass

# Spreads of a face in its crop: roll (radians), logarithm of its size, shift (of the side).
ROLL, SIZE, SHIFT = math.radians(8), 0.1, 0.03

_PAIRS: Final = (
    (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE),
    (FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW),
)


def mirror_names() -> Tensor:
    """(C,) int64: for each class the one that it is in the mirror image."""
    partners = torch.arange(len(FaceClass))
    for left, right in _PAIRS:
        partners[left], partners[right] = int(right), int(left)
    return partners


def changed(
    pixels: Tensor, classes: Tensor, side: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Network input (n, 3, side, side) and classes (n, side, side) int64 of disturbed crops.

    pixels: (n, S, S, 3) uint8, classes: (n, S, S) uint8, of as many pixels per length and ``side``
    or more a side: what lies beyond the crop, in their middle, moves in. Half of them become their
    mirror images, in which left is right.
    """
    mirrored = torch.rand(len(pixels), generator=generator) < 0.5
    scale = side / pixels.shape[1]
    colours, names = moved(pixels, classes, mirrored, scale, side, generator)
    return disturbed_colours(colours, generator), names


def moved(
    pixels: Tensor,
    classes: Tensor,
    mirrored: Tensor,
    scale: float,
    side: int,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Colours (n, 3, side, side) in 0..1 and classes (n, side, side) int64 of displaced crops.

    pixels, classes: as in ``changed``. mirrored: (n,) bool, crops that become mirror images. scale:
    side of the crops before random changes, as a share of that of ``pixels``.
    """
    grid = _grid(len(pixels), side, scale, mirrored, generator)
    colours = functional.grid_sample(
        pixels.movedim(-1, 1).float() / 255, grid, padding_mode="border", align_corners=False
    )
    names = functional.grid_sample(
        classes[:, None].float(), grid, "nearest", padding_mode="border", align_corners=False
    )
    names = names[:, 0].long()
    names[mirrored] = mirror_names()[names[mirrored]]
    return colours, names


def _grid(
    count: int, side: int, scale: float, mirrored: Tensor, generator: torch.Generator
) -> Tensor:
    """Random sampling grids (n, side, side, 2) for ``grid_sample``; scale as in ``moved``."""
    roll = ROLL * torch.randn(count, generator=generator)
    size = scale * torch.exp(SIZE * torch.randn(count, generator=generator))
    shift = SHIFT * torch.randn(count, 2, 1, generator=generator)
    flip = torch.where(mirrored, -1.0, 1.0)
    cosine, sine = size * roll.cos(), size * roll.sin()
    turn = torch.stack([flip * cosine, -sine, flip * sine, cosine], dim=1).unflatten(1, (2, 2))
    affine = torch.cat([turn, shift], dim=2)
    return functional.affine_grid(affine, [count, 1, side, side], align_corners=False)
