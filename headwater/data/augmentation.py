"""Disturbances of training views: colours, masks and cameras; all from one generator."""

import torch
from torch import Tensor
from torch.nn import functional

from headwater.data.crops import normalise

PROBABILITY = 0.3
SHRUNK_PX, GROWN_PX = 3, 8


def disturbed_images(values: Tensor, generator: torch.Generator) -> Tensor:
    """Network input of crops (n, 4, S, S) in 0..1, with disturbed colours and masks."""
    colour = _colour(values[:, :3], generator)
    mask = _mask(values[:, 3:], generator)
    return normalise(torch.cat([colour, mask], dim=1))


def _uniform(
    count: int, low: float, high: float, generator: torch.Generator, channels: int = 1
) -> Tensor:
    return low + (high - low) * torch.rand(count, channels, 1, 1, generator=generator)


def _sometimes(count: int, generator: torch.Generator, probability: float = PROBABILITY) -> Tensor:
    return torch.rand(count, 1, 1, 1, generator=generator) < probability


def _colour(colour: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, offset, saturation, tint and gamma, each with its own probability."""
    count = len(colour)
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
    grey = colour.mean(dim=1, keepdim=True)
    mixed = grey + saturation * (colour - grey)
    bounded = (mixed * gain * tint + shift).clamp(1e-4, 1.0)
    noise = _uniform(count, 0.0, 0.04, generator) * torch.randn(colour.shape, generator=generator)
    return (bounded**gamma + noise).clamp(0.0, 1.0)


def _mask(mask: Tensor, generator: torch.Generator) -> Tensor:
    """In some of the images shrunk a little or grown, far enough to stand for hair."""
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
