"""The losses: supervised L1 of the coarse mesh; light, albedo and shading of the fine one.

The main paper's fine losses could not be read. These need what stands at vertices alone: light by
least squares, an albedo that is too smooth to hold detail, and the rest for the geometry.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from headwater.networks.shading import BANDS, harmonics
from headwater.systems.spiral_gcn.config import FineWeights

# Ridge of the light's normal equations, by which they have one solution with few visible vertices.
_RIDGE = 1e-3
_DARKEST = 0.05


def coarse_loss(found: Tensor, truth: Tensor, scale: float) -> Tensor:
    """Mean L1 over vertices and axes, in units of ``scale``."""
    return (found - truth).abs().mean() / scale


@dataclass(frozen=True)
class Seen:
    """Colours, light and albedo at vertices of coarse meshes: the fixed part of the fine losses.

    colours: (s, B, 3) in 0..1. weights: (s, B), of visible skin. albedo: (s, B, 3). light: (B, 9,
    3).
    """

    colours: Tensor
    weights: Tensor
    albedo: Tensor
    light: Tensor


def seen_at(colours: Tensor, weights: Tensor, normals: Tensor, rings: Tensor, steps: int) -> Seen:
    """Light and albedo of images, from colours (s, B, 3) and unit normals (s, B, 3).

    weights: (s, B), what of each vertex is visible skin. rings: (s, 7) spirals of one ring. steps:
    of the albedo's smoothing.
    """
    basis = harmonics(normals)
    light = light_of(colours, basis, weights)
    shade = shading(basis, light).clamp(min=_DARKEST)
    albedo = smoothed(colours / shade, weights, rings, steps)
    return Seen(colours, weights, albedo, light)


def light_of(colours: Tensor, basis: Tensor, weights: Tensor) -> Tensor:
    """Light (B, 9, 3) of least squares between colours (s, B, 3) and their harmonics (s, B, 9)."""
    weighted = basis * weights[..., None]
    left = torch.einsum("sbi,sbj->bij", weighted, basis)
    right = torch.einsum("sbi,sbc->bic", weighted, colours)
    scale = weights.sum(dim=0).clamp(min=1.0)[:, None, None]
    ridge = _RIDGE * torch.eye(BANDS, dtype=basis.dtype, device=basis.device)
    return torch.linalg.solve(left / scale + ridge, right / scale)


def shading(basis: Tensor, light: Tensor) -> Tensor:
    """(s, B, 3) of harmonics (s, B, 9) under lights (B, 9, 3)."""
    return torch.einsum("sbi,bic->sbc", basis, light)


def smoothed(values: Tensor, weights: Tensor, rings: Tensor, steps: int) -> Tensor:
    """Values (s, B, C) after so many averages over one ring, of what has weight (s, B)."""
    shares = weights[..., None]
    for _ in range(steps):
        total = _ring_sum(values * shares, rings)
        weight = _ring_sum(shares, rings)
        values = torch.where(weight > 0, total / weight.clamp(min=1e-6), values)
    return values


def fine_losses(
    moved: Tensor, normals: Tensor, seen: Seen, rings: Tensor, edge: float, own: FineWeights
) -> dict[str, Tensor]:
    """Losses by name of displacements (s, B, 3), from the unit normals (s, B, 3) after them.

    rings: (s, 7) spirals of one ring. edge: mean length of the mesh's edges, in the same unit.
    """
    shown = seen.albedo * shading(harmonics(normals), seen.light)
    apart = seen.colours - shown
    weights = seen.weights[..., None]
    visible = weights.sum().clamp(min=1.0) * apart.shape[2]
    around = _padded(apart)[rings[:, 1:]]
    both = weights[:, None] * _padded(weights)[rings[:, 1:]]
    along = (apart[:, None] - around).abs() * both
    counts = (rings < len(rings)).sum(dim=1).to(moved.dtype)[:, None, None]
    laplacian = moved - (_ring_sum(moved, rings) - moved) / (counts - 1).clamp(min=1.0)
    return {
        "colour_loss": own.colour * (apart.abs() * weights).sum() / visible,
        "edge_loss": own.edges * along.sum() / (both.sum().clamp(min=1.0) * apart.shape[2]),
        "size_loss": own.size * moved.square().sum(dim=-1).mean() / edge**2,
        "roughness_loss": own.roughness * laplacian.abs().mean() / edge,
    }


def _padded(values: Tensor) -> Tensor:
    """Values (s, B, C) with a vertex of zeros appended, which padded rings refer to."""
    return torch.cat([values, torch.zeros_like(values[:1])])


def _ring_sum(values: Tensor, rings: Tensor) -> Tensor:
    """Values (s, B, C) summed over vertices and their rings (s, 7)."""
    padded = _padded(values)
    total = padded[rings[:, 0]]
    for place in range(1, rings.shape[1]):
        total = total + padded[rings[:, place]]
    return total
