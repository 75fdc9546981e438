"""Losses of a mask-conditioned generator: hinge or least-squares GAN, feature matching, L1."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import torch
from torch import Tensor
from torch.nn import functional

GanLoss = Literal["hinge", "least_squares"]
# Features of all stages of the discriminator at each scale, the last being its logits.
Features = Sequence[Sequence[Tensor]]


def hinge(logits: Tensor, *, real: bool) -> Tensor:
    """Hinge loss (Lim and Ye, 2017): mean of max(0, 1 - D) of real, max(0, 1 + D) of fake."""
    return functional.relu(1.0 - logits if real else 1.0 + logits).mean()


def generator_hinge(logits: Tensor) -> Tensor:
    """Generator's part of the hinge loss: -D."""
    return -logits.mean()


def least_squares(logits: Tensor, *, real: bool) -> Tensor:
    """Least-squares loss (Mao et al., ICCV 2017): mean of (D - 1)^2 of real, D^2 of fake."""
    return (logits - float(real)).square().mean()


def generator_least_squares(logits: Tensor) -> Tensor:
    """Generator's part of the least-squares loss: (D - 1)^2."""
    return least_squares(logits, real=True)


DISCRIMINATOR_LOSSES: Final[Mapping[GanLoss, Callable[..., Tensor]]] = {
    "hinge": hinge,
    "least_squares": least_squares,
}
GENERATOR_LOSSES: Final[Mapping[GanLoss, Callable[[Tensor], Tensor]]] = {
    "hinge": generator_hinge,
    "least_squares": generator_least_squares,
}


def over_scales(loss: Callable[[Tensor], Tensor], features: Features) -> Tensor:
    """Mean over the scales of a loss of the logits."""
    return torch.stack([loss(scale[-1]) for scale in features]).mean()


def feature_matching(made: Features, real: Features) -> Tensor:
    """Mean absolute difference of the discriminators' features, logits left out (pix2pixHD, eq. 4).

    Summed over the stages and averaged over the scales; the real picture's features are constants.
    """
    differences = [
        (one - other.detach()).abs().mean()
        for made_scale, real_scale in zip(made, real, strict=True)
        for one, other in zip(made_scale[:-1], real_scale[:-1], strict=True)
    ]
    return torch.stack(differences).sum() / len(made)
