"""Training examples: crops of rendered views, and the surfaces of the heads in them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from headwater.data.camera_axes import axes_of, turned_cameras
from headwater.data.canonical import to_canonical
from headwater.data.crops import Crops, crop_views, joined_crops
from headwater.data.fitted_photos import FittedPhotos
from headwater.data.head_batches import HeadBatches
from headwater.data.mirror import mirror_of
from headwater.data.placement import canonical_heads, placed_views
from headwater.data.scenes import Heads, Template, Views, joined
from headwater.data.view_sets import ViewSets
from headwater.errors import HeadwaterError
from headwater.systems.spiral_gcn.config import SpiralConfig
from headwater.systems.spiral_gcn.surface import Surface


@dataclass(frozen=True)
class Examples:
    """n views and their crops, followed by those of their mirror images where these are wanted.

    targets: (h, s, 3) float32, canonical units, surfaces of the heads.
    """

    views: Views
    crops: Crops
    targets: Tensor
    template: Template
    surface: Surface

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All data that the training depends on."""
        crops = self.crops
        return crops.pixels, crops.projection, crops.head, self.targets

    @property
    def mean(self) -> Tensor:
        """Mean surface (s, 3), canonical units, of the heads that some crop shows."""
        return self.targets[torch.unique(self.crops.head)].mean(dim=0)

    def batches(self, config: SpiralConfig, device: torch.device) -> HeadBatches:
        """Batches of single views, disturbed as the config says, on ``device``."""
        return HeadBatches(
            ViewSets(self.views, self.crops, self.template),
            1,
            config.camera_noise_degrees,
            config.camera_noise_px,
            config.space,
            device,
        )


def examples_of(
    config: SpiralConfig,
    heads: Heads,
    views: Views,
    template: Template,
    surface: Surface,
    photos: Iterable[FittedPhotos] = (),
) -> Examples:
    """Crops and heads of the views of the split "train", then of the photos.

    Raises HeadwaterError when there is no such view.
    """
    views = views.choose(views.split == "train")
    if not len(views):
        raise HeadwaterError("no view has the split 'train'; nothing to train on")
    cut = partial(
        crop_views,
        origin_mm=template.nose_bridge,
        image_px=config.image_px,
        crop_mm=config.crop_mm,
    )
    all_crops, all_views = [cut(placed_views(views, template))], [views.without_images()]
    all_targets, first = [canonical_heads(heads, template)], len(heads.vertices)
    for some in photos:
        numbered = replace(some.views, head=some.views.head + np.int32(first))
        all_crops.append(cut(numbered))
        all_views.append(numbered.without_images())
        more = to_canonical(some.heads, template.nose_bridge)
        all_targets.append(torch.from_numpy(more))
        first += len(more)
    crops, targets, views = joined_crops(all_crops), torch.cat(all_targets), joined(all_views)
    mirror = mirror_of(template) if config.mirror else None
    if mirror is not None:
        crops, targets = mirror.crops(crops, len(targets)), mirror.heads(targets)
    return Examples(views, crops, targets[:, surface.vertices], template, surface)


def cameras_of(config: SpiralConfig, projection: Tensor) -> tuple[Tensor, Tensor]:
    """The network's axes (n, 3, 3), and cameras (n, 3, 4) of canonical axes as cameras in them."""
    cameras = projection[:, None]
    axes = axes_of(config.space, cameras)
    return axes, turned_cameras(cameras, axes)[:, 0]
