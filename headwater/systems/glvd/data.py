"""Data that guides the descent: keypoints, and the landmarks that heatmaps are drawn at."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.scenes import Template
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.heads.model import SurfacePoints

# The 18 keypoints seen in the paper's figure, as MediaPipe points: brow arches, glabella, outer
# eye corners, nose line from bridge to base, alae, mouth corners, jaw at mouth height, chin.
KEYPOINTS_18: Final = (
    *(105, 334, 9, 33, 263, 197, 5, 4, 2),
    *(98, 327, 129, 358, 61, 291, 58, 288, 152),
)


@dataclass(frozen=True)
class ViewBatch:
    """Network input, N views of each of B heads.

    images: (B, N, 4, S, S) float32, normalised RGB with the background zero, and the mask.
    landmarks: (B, N, 68, 2) float32 px in the crop, NaN where none were detected.
    projection: (B, N, 3, 4) float32, the network's axes in canonical units to px in the crop, under
    one placement; alone: the same with every view placed by itself, for the landmark encoder.
    estimated: (B, N) bool, whether cameras were estimated from the image.
    heat: (B, N, M, h, w) heatmaps of a network. None: Gaussians are drawn at ``peaks``
    (B, N, P, 2) px in the crop, or, where these are None too, at the landmarks. A network with
    a localiser needs its peaks: the first 68 are the landmarks.
    person: (B,) int64 of the heads in training, for the landmark encoder.
    """

    images: Tensor
    landmarks: Tensor
    projection: Tensor
    alone: Tensor
    estimated: Tensor
    peaks: Tensor | None = None
    heat: Tensor | None = None
    person: Tensor | None = None

    def to(self, device: torch.device) -> "ViewBatch":
        """The batch on a device."""
        return ViewBatch(
            self.images.to(device),
            self.landmarks.to(device),
            self.projection.to(device),
            self.alone.to(device),
            self.estimated.to(device),
            None if self.peaks is None else self.peaks.to(device),
            None if self.heat is None else self.heat.to(device),
            None if self.person is None else self.person.to(device),
        )


@dataclass(frozen=True)
class Guidance:
    """Heatmaps of crops, where they are not drawn at the detected landmarks.

    peaks: (n, P, 2) float32 px in the crop, at whose first 68 Gaussians are drawn instead. heat:
    (n, M, h, w) float16, drawn by a network of the user's own.
    """

    peaks: Tensor | None = None
    heat: Tensor | None = None


def keypoint_indices(count: int) -> NDArray[np.int32]:
    """The 478-landmark indices of GLVD's keypoints: 18 or 68 of them."""
    return np.array(KEYPOINTS_18, dtype=np.int32) if count == 18 else IBUG68_FROM_478


def keypoints_of(heads: Tensor, template: Template, count: int) -> Tensor:
    """Keypoints (h, K, 3) of heads (h, V, 3), same unit and frame."""
    chosen, points = keypoint_indices(count), template.landmarks_478
    keypoints = SurfacePoints(points.triangles[chosen], points.weights[chosen])
    return torch.stack([torch.from_numpy(keypoints.on(head)) for head in heads.numpy()])
