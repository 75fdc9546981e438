"""Batches of heads for training: each in one or several views, disturbed, in a network's axes."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from headwater.data.augmentation import disturbed_cameras, disturbed_images
from headwater.data.camera_axes import Space, axes_of, turned_cameras
from headwater.data.view_sets import ViewSets


@dataclass(frozen=True)
class HeadBatch:
    """N views of each of B heads as a training step sees them; float32 but for the indices.

    rows: (B, N) of the crops. heads: (B,). images: (B, N, 4, S, S), network input. axes: (B, 3, 3),
    from canonical axes to those of the network. projection: (B, N, 3, 4), from the latter, in
    canonical units, to px in the crop. jitter: (B, N, 68, 2) standard normal, the landmarks' errors
    in units of their spread; drawn for every system, so that all see the same views.
    """

    rows: Tensor
    heads: Tensor
    images: Tensor
    axes: Tensor
    projection: Tensor
    jitter: Tensor


@dataclass(frozen=True)
class HeadBatches:
    """Batches out of ``sets``, each head in one to ``most_views`` views.

    camera_degrees, camera_px: standard deviations of the cameras' errors. space: of the axes.
    device: that images are disturbed on and given on; all crops are kept there.
    """

    sets: ViewSets
    most_views: int
    camera_degrees: float
    camera_px: float
    space: Space
    device: torch.device

    @cached_property
    def _pixels(self) -> Tensor:
        return self.sets.crops.pixels.to(self.device)

    def draw(self, first: Tensor, generator: torch.Generator) -> HeadBatch:
        """The batch whose heads are seen in the crops ``first`` (B,) before all others."""
        count = int(torch.randint(1, self.most_views + 1, (1,), generator=generator))
        rows = self.sets.choose(first, count, generator)
        crops, flat, shape = self.sets.crops, rows.flatten(), tuple(rows.shape)
        values = self._pixels[flat.to(self.device)].movedim(-1, -3).float() / 255.0
        images = disturbed_images(values, generator)
        jitter = torch.randn(crops.landmarks[flat].shape, generator=generator)
        cameras = self.sets.projection(rows).flatten(0, 1)
        cameras = disturbed_cameras(cameras, self.camera_degrees, self.camera_px, generator)
        projection = cameras.unflatten(0, shape)
        axes = axes_of(self.space, projection)
        return HeadBatch(
            rows,
            crops.head[first],
            images.unflatten(0, shape),
            axes,
            turned_cameras(projection, axes),
            jitter.unflatten(0, shape),
        )
