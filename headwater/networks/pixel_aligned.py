"""Pixel-aligned features: project points into views, sample maps, average over views."""

import torch
from torch import Tensor
from torch.nn import functional


def project(points: Tensor, projection: Tensor) -> tuple[Tensor, Tensor]:
    """Perspective projection.

    points: (B, Q, 3) canonical; projection: (B, N, 3, 4), canonical to pixels, K [R|t].
    Returns pixels (B, N, Q, 2), x right and y down, and depth (B, N, Q), positive in front.
    """
    homogeneous = functional.pad(points, (0, 1), value=1.0)
    x = torch.einsum("bnij,bqj->bnqi", projection, homogeneous)
    depth = x[..., 2]
    # Points behind a camera are left out by ``sample``; the guard only keeps gradients finite.
    safe = torch.where(depth > 1e-6, depth, torch.ones_like(depth))
    return x[..., :2] / safe[..., None], depth


def sample(maps: Tensor, pixels: Tensor, depth: Tensor, image_px: int) -> tuple[Tensor, Tensor]:
    """Bilinear samples of feature maps at pixels.

    maps: (B, N, C, h, w) covering a square image of ``image_px``; pixels: (B, N, Q, 2);
    depth: (B, N, Q). Returns features (B, N, Q, C) and valid (B, N, Q) bool: in the image and in
    front of the camera. A map's cell (i, j) covers its share of the image, pixel centres at +0.5.
    """
    batch, views, channels, height, width = maps.shape
    grid = (pixels * (2.0 / image_px) - 1.0).reshape(batch * views, 1, -1, 2)
    flat = maps.reshape(batch * views, channels, height, width)
    sampled = functional.grid_sample(flat, grid, mode="bilinear", align_corners=False)
    features = sampled.reshape(batch, views, channels, -1).transpose(2, 3)
    inside = ((pixels >= 0) & (pixels <= image_px)).all(dim=-1)
    return features, inside & (depth > 1e-6)


def mean_over_views(features: Tensor, valid: Tensor) -> Tensor:
    """Mean of (B, N, Q, C) over the views in which a point is seen; zeros where none sees it."""
    weight = valid.to(features.dtype)[..., None]
    # View by view: what a view adds stays in the processor's cache.
    first, *others = (
        one * seen for one, seen in zip(features.unbind(1), weight.unbind(1), strict=True)
    )
    if not others:  # the usual photo: the same numbers without a division
        return first
    return sum(others, first) / weight.sum(dim=1).clamp(min=1.0)


def pixel_aligned(maps: Tensor, points: Tensor, projection: Tensor, image_px: int) -> Tensor:
    """Features (B, Q, C) of points (B, Q, 3) from maps (B, N, C, h, w) of N views."""
    return mean_over_views(*pixel_aligned_per_view(maps, points, projection, image_px))


def pixel_aligned_per_view(
    maps: Tensor, points: Tensor, projection: Tensor, image_px: int
) -> tuple[Tensor, Tensor]:
    """Features (B, N, Q, C) of points (B, Q, 3) in each of N views, and where they are seen."""
    pixels, depth = project(points, projection)
    return sample(maps, pixels, depth, image_px)
