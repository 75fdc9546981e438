"""What GLVD learns from and sees: canonical heads and cameras, and the crops the network gets."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from headwater.data.scenes import FloatArray, Heads, SdfSamples, Template, Views
from headwater.descent.canonical import (
    UNIT_MM,
    canonical_projection,
    to_canonical,
)
from headwater.descent.place import placement_from_views, true_placement
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import project
from headwater.geometry.registration import Similarity

# The 18 keypoints seen in the paper's figure, as MediaPipe points: brow arches, glabella, outer
# eye corners, nose line from bridge to base, alae, mouth corners, jaw at mouth height, chin.
KEYPOINTS_18: Final = (
    *(105, 334, 9, 33, 263, 197, 5, 4, 2),
    *(98, 327, 129, 358, 61, 291, 58, 288, 152),
)
# The crop's centre in canonical units: inside the head, below and behind the nose bridge, so that
# the face stays in the crop also in profile.
CROP_CENTRE: Final = (0.0, -0.3, -0.3)
_SUPERSAMPLING: Final = 3

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)


def keypoint_indices(count: int) -> NDArray[np.int32]:
    """The 478-landmark indices of GLVD's keypoints: 0, 18 or 68 of them."""
    if count == 68:
        return IBUG68_FROM_478
    return np.array(KEYPOINTS_18 if count == 18 else (), dtype=np.int32)


@dataclass(frozen=True)
class Crops:
    """Network inputs kept small in memory.

    pixels: (n, S, S, 4) uint8, RGB and mask; landmarks: (n, 68, 2) float32 px in the crop;
    projection: (n, 3, 4) float32, canonical units to px in the crop, placed as a lone view;
    to_crop: (m, 3, 3) float64, px of the image to px of the crop, of the first m crops; the others
    are their mirror images. head: (n,) int64. peaks: (n, 68, 2) float32 px in the crop, where
    Gaussians are drawn instead of at the landmarks. heat: (n, M, h, w) float16, drawn by a network.
    """

    pixels: Tensor
    landmarks: Tensor
    projection: Tensor
    to_crop: NDArray[np.float64]
    head: Tensor
    peaks: Tensor | None = None
    heat: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pixels)


def crop_views(views: Views, origin_mm: FloatArray, image_px: int, crop_mm: float) -> Crops:
    """Upright crops of one metric size round the head, as its camera sees it.

    The crop spans ``crop_mm`` at the head's depth and is turned so that the head's y axis points
    up: a pixel is then the same length for every photo, and only yaw and pitch remain to be seen.
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
    )


def with_true_peaks(crops: Crops, views: Views, landmarks_mm: FloatArray) -> Crops:
    """The crops of ``views`` with the peaks of the oracle's heatmaps.

    landmarks_mm: (n, 68, 3) of the head in each view, in the frame that its camera maps from.
    """
    peaks = []
    for i in range(len(views)):
        pixels, _ = project(views.camera(i), landmarks_mm[i])
        to_crop = crops.to_crop[i]
        peaks.append(pixels @ to_crop[:2, :2].T + to_crop[:2, 2])
    return replace(crops, peaks=torch.from_numpy(np.stack(peaks).astype(np.float32)))


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
    mean = torch.tensor(IMAGENET_MEAN, dtype=values.dtype).reshape(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, dtype=values.dtype).reshape(3, 1, 1)
    colour, mask = values[..., :3, :, :], values[..., 3:, :, :]
    return torch.cat([(colour - mean) / std * mask, mask], dim=-3)


def true_placements(heads: Heads, template: Template) -> list[Similarity]:
    """Of every head, the rigid map from its own frame to the canonical one, by its landmarks."""
    wanted = template.landmarks_68(template.mean)
    return [true_placement(template.landmarks_68(v), wanted) for v in heads.vertices]


def canonical_heads(heads: Heads, template: Template) -> Tensor:
    """Targets (h, V, 3) float32, canonical."""
    pairs = zip(true_placements(heads, template), heads.vertices, strict=True)
    placed = [placement.apply(vertices) for placement, vertices in pairs]
    return torch.from_numpy(to_canonical(np.stack(placed), template.nose_bridge))


def canonical_samples(samples: SdfSamples, heads: Heads, template: Template) -> SdfSamples:
    """Samples in mm, of the heads in their own frames, as canonical ones."""
    pairs = zip(true_placements(heads, template), samples.points, strict=True)
    placed = np.stack([placement.apply(points) for placement, points in pairs])
    return SdfSamples(
        to_canonical(placed, template.nose_bridge), (samples.distances / UNIT_MM).astype(np.float32)
    )


def place_views(views: Views, template: Template) -> Similarity:
    """Rigid map from the head frame to the canonical one, of the one head that all views show."""
    return placement_from_views(
        template.landmarks_68(template.mean),
        views.landmarks_478_px[:, IBUG68_FROM_478],
        [views.camera(i) for i in range(len(views))],
    )


def in_canonical_frame(views: Views, placement: Similarity) -> Views:
    """The views with cameras that map from the canonical frame, in mm, instead of the head's."""
    back = placement.inverse()
    rotations = views.R.astype(np.float64) @ back.rotation
    translations = views.R.astype(np.float64) @ back.translation + views.t
    return replace(views, R=rotations.astype(np.float32), t=translations.astype(np.float32))


def placed_views(views: Views, template: Template) -> Views:
    """The views with canonical cameras, each placed by itself as a lone photo would be."""
    single = [views.choose(np.array([row])) for row in range(len(views))]
    placed = [in_canonical_frame(view, place_views(view, template)) for view in single]
    return replace(
        views, R=np.concatenate([v.R for v in placed]), t=np.concatenate([v.t for v in placed])
    )


def smoothing_weights(vertices: FloatArray, anchors: int, dense: NDArray[np.bool_]) -> FloatArray:
    """(V, anchors) weights of anchors spread over the vertices (V, 3); every row sums to 1.

    Anchors by farthest-point sampling, twice as dense where ``dense``; Gaussian falloff as wide as
    the distance to the nearest other anchor.
    """
    points = vertices.astype(np.float64)
    stretch = np.where(dense, 2.0, 1.0)
    nearest = np.full(len(points), np.inf)
    chosen = [int(np.argmax((points * [0, 0, 1]).sum(axis=1)))]
    for _ in range(anchors - 1):
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(nearest * stretch)))
    spread = np.linalg.norm(points[chosen][:, None] - points[chosen][None], axis=2)
    np.fill_diagonal(spread, np.inf)
    sigma = spread.min(axis=1)
    distance = np.linalg.norm(points[:, None] - points[chosen][None], axis=2)
    weights = np.exp(-0.5 * (distance / sigma) ** 2) + 1e-12
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
