"""Mirrored training data: the same heads seen left for right, twice the subjects for nothing."""

import torch
from torch import Tensor

from headwater.data.scenes import Template
from headwater.descent.data import Crops
from headwater.geometry.mirror import mirror_pairs

SAME_PLACE_MM = 1.0
_IN_SPACE = torch.tensor([-1.0, 1.0, 1.0, 1.0])


def with_mirrored(crops: Crops, targets: Tensor, template: Template) -> tuple[Crops, Tensor]:
    """Crops (n) and targets (h, V, 3) together with their mirror images: (2 n) and (2 h, V, 3).

    As given when the template's topology is not symmetric. A network's heatmaps come afterwards:
    it is asked about the mirrored pictures too.
    """
    vertex = mirror_pairs(template.mean, SAME_PLACE_MM)
    landmark = mirror_pairs(template.landmarks_68(template.mean), 5 * SAME_PLACE_MM)
    if vertex is None or landmark is None:
        return crops, targets
    side = crops.pixels.shape[2]
    order = torch.from_numpy(landmark)
    heads = targets[:, torch.from_numpy(vertex)] * _IN_SPACE[:3]
    both = Crops(
        torch.cat([crops.pixels, crops.pixels.flip(2)]),
        _both(crops.landmarks, order, side),
        torch.cat([crops.projection, mirrored_projection(crops.projection, side)]),
        crops.to_crop,
        torch.cat([crops.head, crops.head + len(targets)]),
        None if crops.peaks is None else _both(crops.peaks, order, side),
    )
    return both, torch.cat([targets, heads])


def _both(points: Tensor, order: Tensor, side: int) -> Tensor:
    """Points (n, 68, 2) px and then those of the mirrored pictures."""
    flipped = points[:, order]
    return torch.cat([points, torch.stack([side - flipped[..., 0], flipped[..., 1]], dim=-1)])


def mirrored_projection(projection: Tensor, side: int) -> Tensor:
    """Projections (n, 3, 4) of the mirrored space to mirrored square images of ``side`` px."""
    in_image = torch.tensor([[-1.0, 0.0, float(side)], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return in_image @ projection * _IN_SPACE
