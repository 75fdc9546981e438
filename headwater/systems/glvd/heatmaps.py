"""Heatmaps as f_k's hourglass takes them: Gaussians at landmarks, and maps of one size."""

import torch
from torch import Tensor
from torch.nn import functional

SMALLEST_HEAT = 1e-5


def heatmaps(landmarks: Tensor, image_px: int, side: int, sigma_cells: float) -> Tensor:
    """Gaussian maps (n, 68, side, side), peak 1, of landmarks (n, 68, 2) px; zero where NaN.

    They stand for the paper's frozen heatmap network: the landmarks come from a frozen detector.
    """
    centres = torch.arange(side, dtype=landmarks.dtype, device=landmarks.device) + 0.5
    offsets = landmarks[..., None] * (side / image_px) - centres
    falloff = torch.exp(-0.5 * (offsets / sigma_cells) ** 2)
    maps = falloff[:, :, 1, :, None] * falloff[:, :, 0, None, :]
    # The tails are cut: their subnormal numbers would slow every convolution down many times.
    return torch.where(maps > SMALLEST_HEAT, maps, torch.zeros_like(maps))


def resized(heat: Tensor, side: int) -> Tensor:
    """Heatmaps (n, M, h, w) float32 as (n, M, side, side): bilinear, averaged where they shrink."""
    if heat.shape[-2:] == (side, side):
        return heat
    return functional.interpolate(heat, size=(side, side), mode="bilinear", antialias=True)
