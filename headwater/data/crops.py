"""Crops of views: upright, of one metric size, with their canonical cameras; and network input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from headwater.data.canonical import UNIT_MM, canonical_projection, to_canonical
from headwater.data.scenes import FloatArray, Views
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import project

# The crop's centre in canonical units: inside the head, below and behind the nose bridge, so that
# the face stays in the crop also in profile.
CROP_CENTRE: Final = (0.0, -0.3, -0.3)
_SUPERSAMPLING: Final = 3

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Crops:
    """Crops of views, kept small in memory, and of their mirror images after them.

    pixels: (n, S, S, 4) uint8, RGB and mask; landmarks: (n, 68, 2) float32 px in the crop;
    projection: (n, 3, 4) float32, canonical units to px in the crop, placed as a lone view;
    to_crop: (m, 3, 3) float64, px of the image to px of the crop, of the first m crops; the others
    are their mirror images. head: (n,) int64. estimated: (n,) bool, of mask and camera.
    """

    pixels: Tensor
    landmarks: Tensor
    projection: Tensor
    to_crop: NDArray[np.float64]
    head: Tensor
    estimated: Tensor

    def __len__(self) -> int:
        return len(self.pixels)


def crop_views(views: Views, origin_mm: FloatArray, image_px: int, crop_mm: float) -> Crops:
    """Upright crops of one metric size round the head, as its camera sees it.

    The crop spans ``crop_mm`` at the head's depth and is turned so that the head's y axis points
    up: a pixel is then the same length for every photo, and only yaw and pitch are left to tell.
    """
    pixels, landmarks, projections, transforms = [], [], [], []
    for i in range(len(views)):
        projection = canonical_projection(views.K[i], views.R[i], views.t[i], origin_mm)
        to_crop = crop_transform(projection, image_px, crop_mm)
        pixels.append(_resample(views.images[i], views.masks[i], to_crop, image_px))
        points = views.landmarks_478_px[i][IBUG68_FROM_478].astype(np.float64)
        landmarks.append(points @ to_crop[:2, :2].T + to_crop[:2, 2])
        projections.append(to_crop @ projection)
        transforms.append(to_crop)
    return Crops(
        torch.stack(pixels),
        torch.from_numpy(np.stack(landmarks).astype(np.float32)),
        torch.from_numpy(np.stack(projections).astype(np.float32)),
        np.stack(transforms),
        torch.from_numpy(views.head.astype(np.int64)),
        torch.from_numpy(views.estimated),
    )


def joined_crops(crops: Sequence[Crops]) -> Crops:
    """Several crops as one, in order; none of them may hold mirror images."""
    return Crops(
        torch.cat([one.pixels for one in crops]),
        torch.cat([one.landmarks for one in crops]),
        torch.cat([one.projection for one in crops]),
        np.concatenate([one.to_crop for one in crops]),
        torch.cat([one.head for one in crops]),
        torch.cat([one.estimated for one in crops]),
    )


def crop_cameras(views: Views, to_crop: NDArray[np.float64], origin_mm: FloatArray) -> Tensor:
    """Projections (n, 3, 4) from canonical units to px in crops, of views in the canonical frame.

    to_crop: (n, 3, 3), px of each view's image to px of its crop.
    """
    projections = [
        to_crop[i] @ canonical_projection(views.K[i], views.R[i], views.t[i], origin_mm)
        for i in range(len(views))
    ]
    return torch.from_numpy(np.stack(projections).astype(np.float32))


def crop_transform(projection: NDArray[np.float64], image_px: int, crop_mm: float) -> FloatArray:
    """(3, 3) similarity from image pixels to crop pixels, for a canonical projection (3, 4)."""
    centre = np.array([*CROP_CENTRE, 1.0])
    above = centre + np.array([0.0, 0.1, 0.0, 0.0])
    (u, v, w), (u_up, v_up, w_up) = projection @ centre, projection @ above
    here = np.array([u, v]) / w
    up = np.array([u_up, v_up]) / w_up - here
    focal = np.linalg.norm(projection[0, :3] - here[0] * projection[2, :3])
    side = focal * (crop_mm / 100.0) / w
    scale = image_px / side
    length = np.linalg.norm(up)
    cosine, sine = (-up[1] / length, -up[0] / length) if length > 1e-6 else (1.0, 0.0)
    turn = scale * np.array([[cosine, -sine], [sine, cosine]])
    shift = image_px / 2.0 - turn @ here
    return np.array([[*turn[0], shift[0]], [*turn[1], shift[1]], [0.0, 0.0, 1.0]])


def projected_points(crops: Crops, views: Views, points_mm: FloatArray) -> Tensor:
    """Pixels (n, P, 2) at which the crops of ``views`` show points (n, P, 3) mm of their heads.

    points_mm: of the head in each view, in the frame that its camera maps from.
    """
    places = []
    for i in range(len(views)):
        pixels, _ = project(views.camera(i), points_mm[i])
        to_crop = crops.to_crop[i]
        places.append(pixels @ to_crop[:2, :2].T + to_crop[:2, 2])
    return torch.from_numpy(np.stack(places).astype(np.float32))


def seen_points(
    projection: Tensor, places_mm: NDArray[np.floating[Any]], origin_mm: FloatArray
) -> FloatArray:
    """Points (m, 3) mm of the template's frame as n crops see them: (n, m, 3), px, px, depth in mm.

    projection: (n, 3, 4), canonical units to px.
    """
    places = to_canonical(places_mm, origin_mm)
    seen = np.einsum("nij,mj->nmi", projection[..., :3].numpy(), places)
    seen += projection[..., 3].numpy()[:, None]
    return np.concatenate([seen[..., :2] / seen[..., 2:], seen[..., 2:] * UNIT_MM], axis=-1)


def _resample(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], to_crop: FloatArray, image_px: int
) -> Tensor:
    stacked = np.concatenate([image, mask[..., None]], axis=2)
    source = torch.from_numpy(stacked).permute(2, 0, 1)[None].float()
    height, width = image.shape[:2]
    fine = (torch.arange(image_px * _SUPERSAMPLING) + 0.5) / _SUPERSAMPLING
    y, x = torch.meshgrid(fine, fine, indexing="ij")
    back = torch.from_numpy(np.linalg.inv(to_crop).astype(np.float32))
    u = back[0, 0] * x + back[0, 1] * y + back[0, 2]
    v = back[1, 0] * x + back[1, 1] * y + back[1, 2]
    grid = torch.stack([u * (2.0 / width) - 1.0, v * (2.0 / height) - 1.0], dim=-1)[None]
    sampled = functional.grid_sample(source, grid, mode="bilinear", align_corners=False)
    pooled = functional.avg_pool2d(sampled, _SUPERSAMPLING)
    return pooled[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8)


def network_images(pixels: Tensor) -> Tensor:
    """uint8 crops (..., S, S, 4) -> (..., 4, S, S) float32: ImageNet-normalised, mask applied."""
    values = pixels.movedim(-1, -3).float() / 255.0
    return normalise(values)


def normalise(values: Tensor) -> Tensor:
    """(..., 4, S, S) in 0..1 -> network input: background zero *after* normalisation."""
    mean = torch.tensor(IMAGENET_MEAN, dtype=values.dtype, device=values.device).reshape(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, dtype=values.dtype, device=values.device).reshape(3, 1, 1)
    colour, mask = values[..., :3, :, :], values[..., 3:, :, :]
    return torch.cat([(colour - mean) / std * mask, mask], dim=-3)
