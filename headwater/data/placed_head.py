"""The views of one head, cropped and placed, and the way from a network's axes back to them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.camera_axes import Space, axes_of, turned_back, turned_cameras, turned_points
from headwater.data.canonical import to_canonical, to_head_frame
from headwater.data.crops import Crops, crop_cameras, crop_views
from headwater.data.placement import in_canonical_frame, place_views, placed_views
from headwater.data.scenes import FloatArray, Template, Views
from headwater.geometry.registration import Similarity


@dataclass(frozen=True)
class PlacedHead:
    """N views of one head as a network takes them.

    crops: of the N views, each placed as a lone one. placement: rigid, from the views' head frame
    to the canonical one, mm; cameras: (N, 3, 4), canonical units to px in the crops, under it.
    axes: (1, 3, 3), from canonical axes to the network's. origin_mm: (3,) of the canonical space.
    """

    crops: Crops
    placement: Similarity
    cameras: Tensor
    axes: Tensor
    origin_mm: FloatArray

    @property
    def projection(self) -> Tensor:
        """(1, N, 3, 4) from the network's axes, canonical units, to px in the crops."""
        return turned_cameras(self.cameras[None], self.axes)

    def to_network(self, points_mm: FloatArray) -> Tensor:
        """Points (n, 3) mm of the views' head frame in the network's axes: (1, n, 3)."""
        canonical = to_canonical(self.placement.apply(points_mm), self.origin_mm)
        return turned_points(torch.from_numpy(canonical)[None], self.axes)

    def to_views(self, points: Tensor) -> NDArray[np.float32]:
        """Points (1, n, 3) in the network's axes in mm of the views' head frame: (n, 3)."""
        canonical = turned_back(points.cpu(), self.axes)[0].numpy()
        placed = to_head_frame(canonical, self.origin_mm)
        return self.placement.inverse().apply(placed).astype(np.float32)


def placed_head(
    views: Views, template: Template, image_px: int, crop_mm: float, space: Space
) -> PlacedHead:
    """The one head that all ``views`` show, placed by the landmarks in all of them."""
    placement, origin = place_views(views, template), template.nose_bridge
    crops = crop_views(placed_views(views, template), origin, image_px, crop_mm)
    cameras = crop_cameras(in_canonical_frame(views, placement), crops.to_crop, origin)
    return PlacedHead(crops, placement, cameras, axes_of(space, cameras[None]), origin)
