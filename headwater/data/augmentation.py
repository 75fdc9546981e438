"""Disturbances of training views: colours, masks, places and cameras; all from one generator.

Images are disturbed on the device that they are on. What is drawn for a whole image is drawn on the
CPU, so that every device sees the same disturbances; the noise of single pixels where they are.
"""

import torch
from torch import Tensor
from torch.nn import functional

from headwater.data.crops import normalise

PROBABILITY = 0.3
SHRUNK_PX, GROWN_PX = 3, 8
# Spreads of what a crop may be off by: turn (radians), log of size, shift (share of the side).
TURN, SIZE, SHIFT = 0.05, 0.03, 0.02


def disturbed_images(values: Tensor, generator: torch.Generator) -> Tensor:
    """Network input of crops (n, 4, S, S) in 0..1, with disturbed colours and masks.

    generator: of the CPU.
    """
    colour = _colour(values[:, :3], generator)
    mask = _mask(values[:, 3:], generator)
    return normalise(torch.cat([colour, mask], dim=1))


def disturbed_colours(colour: Tensor, generator: torch.Generator) -> Tensor:
    """Network input (n, 3, S, S) of images in 0..1, with disturbed colours; generator as above."""
    disturbed = _colour(colour, generator)
    return normalise(torch.cat([disturbed, torch.ones_like(disturbed[:, :1])], dim=1))[:, :3]


def _uniform(
    count: int, low: float, high: float, generator: torch.Generator, channels: int = 1
) -> Tensor:
    return low + (high - low) * torch.rand(count, channels, 1, 1, generator=generator)


def _sometimes(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, 1, 1, 1, generator=generator) < PROBABILITY


def _colour(colour: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, offset, saturation, tint and gamma, each with its own probability."""
    count, device = len(colour), colour.device
    one = torch.ones(())
    gain = torch.where(_sometimes(count, generator), _uniform(count, 0.5, 1.5, generator), one)
    shift = torch.where(
        _sometimes(count, generator), _uniform(count, -0.12, 0.12, generator), one * 0
    )
    tint = torch.where(
        _sometimes(count, generator), _uniform(count, 0.75, 1.25, generator, channels=3), one
    )
    saturation = torch.where(
        _sometimes(count, generator), _uniform(count, 0.0, 1.5, generator), one
    )
    gamma = torch.where(_sometimes(count, generator), _uniform(count, 0.7, 1.3, generator), one)
    spread = _uniform(count, 0.0, 0.04, generator)
    gain, shift, tint, saturation, gamma, spread = (
        one.to(device) for one in (gain, shift, tint, saturation, gamma, spread)
    )
    grey = colour.mean(dim=1, keepdim=True)
    mixed = grey + saturation * (colour - grey)
    bounded = (mixed * gain * tint + shift).clamp(1e-4, 1.0)
    noise = spread * _pixel_noise(colour, generator)
    return (bounded**gamma + noise).clamp(0.0, 1.0)


def _pixel_noise(colour: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal, of the images' shape and on their device.

    On another device than the CPU from torch's own generator there: millions of numbers take longer
    to be drawn on the CPU than a GPU's training step takes.
    """
    if colour.device.type == "cpu":
        return torch.randn(colour.shape, generator=generator)
    return torch.randn_like(colour)


def _mask(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Masks (n, 1, S, S), in some images shrunk a little, or grown as if by hair."""
    change = torch.randint(-SHRUNK_PX, GROWN_PX + 1, (len(mask),), generator=generator)
    kept = torch.rand(len(mask), generator=generator) >= PROBABILITY
    result = mask.clone()
    for i, pixels in enumerate(change.tolist()):
        if pixels and not kept[i]:
            size = 2 * abs(pixels) + 1
            sign = 1.0 if pixels > 0 else -1.0
            result[i] = sign * functional.max_pool2d(sign * mask[i], size, 1, abs(pixels))
    return result


def disturbed_cameras(
    projection: Tensor, turn_degrees: float, shift_px: float, generator: torch.Generator
) -> Tensor:
    """Cameras (n, 3, 4) after a small turn about the canonical origin and a shift in the image.

    turn_degrees, shift_px: standard deviations, about every axis.
    """
    count = len(projection)
    turn = torch.randn(count, 3, generator=generator) * (turn_degrees * torch.pi / 180.0)
    shift = torch.randn(count, 2, 1, generator=generator) * shift_px
    x, y, z = turn.unbind(dim=1)
    zero = torch.zeros(count)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(count, 3, 3)
    turned = torch.cat(
        [projection[:, :, :3] @ torch.linalg.matrix_exp(cross), projection[:, :, 3:]], dim=2
    )
    return torch.cat([turned[:, :2] + shift * turned[:, 2:], turned[:, 2:]], dim=1)


def jittered(values: Tensor, points: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images (n, C, S, S) and points (n, P, 2) px, of one device, under a small similarity each.

    generator: of the CPU.
    """
    count, side = len(values), values.shape[-1]
    turn = TURN * torch.randn(count, generator=generator)
    size = torch.exp(SIZE * torch.randn(count, generator=generator))
    shift = SHIFT * side * torch.randn(count, 2, generator=generator)
    cosine, sine = size * turn.cos(), size * turn.sin()
    # From places in the moved image, seen from its middle, to places in the given one.
    back = torch.stack([cosine, -sine, sine, cosine], dim=1).unflatten(1, (2, 2))
    forth = torch.linalg.inv(back).to(values.device)
    back, shift = back.to(values.device), shift.to(values.device)
    affine = torch.cat([back, (2.0 / side) * shift[:, :, None]], dim=2)
    grid = functional.affine_grid(affine, list(values.shape), align_corners=False)
    moved = functional.grid_sample(values, grid, align_corners=False)
    centred = points - side / 2.0 - shift[:, None]
    return moved, torch.einsum("nij,nkj->nki", forth, centred) + side / 2.0
