"""Mirrored training data: the same heads seen left for right, twice the subjects for nothing."""

from dataclasses import dataclass

import torch
from torch import Tensor

from headwater.data.crops import Crops
from headwater.data.scenes import Template
from headwater.geometry.mirror import mirror_pairs

SAME_PLACE_MM = 1.0
_IN_SPACE = torch.tensor([-1.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Mirror:
    """Left and right of a template: the partner of every vertex, (V,), and landmark, (68,)."""

    vertices: Tensor
    landmarks: Tensor

    def heads(self, targets: Tensor) -> Tensor:
        """Heads (h, V, 3), canonical, and then their mirror images: (2 h, V, 3)."""
        return torch.cat([targets, targets[:, self.vertices] * _IN_SPACE[:3]])

    def crops(self, crops: Crops, heads: int) -> Crops:
        """Crops (n) of ``heads`` heads, then their mirror images, of as many more heads: (2 n)."""
        side = crops.pixels.shape[2]
        return Crops(
            torch.cat([crops.pixels, crops.pixels.flip(2)]),
            with_mirrored(crops.landmarks, self.landmarks, side),
            torch.cat([crops.projection, mirrored_projection(crops.projection, side)]),
            crops.to_crop,
            torch.cat([crops.head, crops.head + heads]),
            torch.cat([crops.estimated, crops.estimated]),
        )


def mirror_of(template: Template) -> Mirror | None:
    """Partners by the mirror image of the template; None when its topology is not symmetric."""
    vertex = mirror_pairs(template.mean, SAME_PLACE_MM)
    landmark = mirror_pairs(template.landmarks_68(template.mean), 5 * SAME_PLACE_MM)
    if vertex is None or landmark is None:
        return None
    return Mirror(torch.from_numpy(vertex), torch.from_numpy(landmark))


def with_mirrored(points: Tensor, partners: Tensor, side: int) -> Tensor:
    """Points (n, P, 2) px in crops of ``side`` px and then those of the mirror images: (2 n, P, 2).

    partners: (P,) int64, the number of every point's mirror image.
    """
    flipped = points[:, partners]
    return torch.cat([points, torch.stack([side - flipped[..., 0], flipped[..., 1]], dim=-1)])


def mirrored_projection(projection: Tensor, side: int) -> Tensor:
    """Projections (n, 3, 4) of the mirrored space to mirrored square images of ``side`` px."""
    in_image = torch.tensor([[-1.0, 0.0, float(side)], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return in_image @ projection * _IN_SPACE
