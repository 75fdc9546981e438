"""The maps that the generator predicts of views, with their cameras."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.crops import Crops, crop_cameras, crop_views, normalise, seen_points
from headwater.data.face_codes import FaceCut
from headwater.data.face_maps import Maps, range_of, shown_by
from headwater.data.placement import SPREAD, in_canonical_frame, place_views, placed_views
from headwater.data.scenes import FloatArray, Template, Views
from headwater.geometry.pose import Sighting, solve_pose
from headwater.geometry.registration import Similarity
from headwater.systems.facevision.evidence import Reading, read_anchors
from headwater.systems.facevision.model import Generator

# Standard deviation of a code's place for PnP, as a share of the crop's side; large, since errors
# of neighbours are correlated.
CODE_SPREAD = 0.1
# Crops of one pass through the generator.
TOGETHER = 64


@dataclass(frozen=True)
class PredictedView:
    """maps: of one view, in its crop. projection: (3, 4), canonical units to px of the crop."""

    maps: Maps
    projection: NDArray[np.float64]

    @property
    def depth_mm(self) -> NDArray[np.float64]:
        """Depth (S, S), mm from the camera; meaningless off the mask."""
        return self.maps.range.depth_mm(self.maps.depth)

    def reading(
        self, cut: FaceCut, anchors: NDArray[np.intp], mm: float, *, estimated: bool
    ) -> Reading:
        """The anchors read off these maps; mm: length of a pixel at the head's depth."""
        middle = self.maps.range.middle_mm
        places = read_anchors(self.maps, self.depth_mm - middle, cut, anchors, mm)
        return Reading(places, self.projection, mm, middle, estimated)


def predicted_maps(generator: Generator, pixels: Tensor) -> FloatArray:
    """Predicted depth and codes (n, 4, S, S), in 0..1, of crops (n, S, S, 3) uint8."""
    device = next(generator.parameters()).device
    found = []
    with torch.no_grad():
        for first in range(0, len(pixels), TOGETHER):
            values = pixels[first : first + TOGETHER].movedim(-1, 1).float() / 255.0
            one = generator(photos(values).to(device))
            found.append(torch.cat([one["depth"], one["codes"]], dim=1).cpu() * 0.5 + 0.5)
    return torch.cat(found).numpy()


def photos(values: Tensor) -> Tensor:
    """Network input (n, 3, S, S) from images (n, 3, S, S) in 0..1."""
    return normalise(torch.cat([values, torch.ones_like(values[:, :1])], dim=1))[:, :3]


def predicted_views(
    stacks: FloatArray, projections: Tensor, cut: FaceCut, origin_mm: FloatArray
) -> list[PredictedView]:
    """Predicted views from maps (n, 4, S, S) in 0..1 and projections (n, 3, 4).

    The depth range is that of the mean head where the projections see it.
    """
    depths = seen_points(projections, cut.mean, origin_mm)[..., 2]
    return [
        PredictedView(
            Maps(stack[0], stack[1:].transpose(1, 2, 0), shown_by(stack), range_of(depth)),
            projection.numpy().astype(np.float64),
        )
        for stack, depth, projection in zip(stacks, depths, projections, strict=True)
    ]


@dataclass(frozen=True)
class PlacedViews:
    """Cropped views of one head. placement: rigid map, mm, from their frame to the template's."""

    views: Views
    template: Template
    crops: Crops
    placement: Similarity

    def cameras(self) -> Tensor:
        """Projections (n, 3, 4) from canonical units to px in the crops."""
        placed = in_canonical_frame(self.views, self.placement)
        return crop_cameras(placed, self.crops.to_crop, self.template.nose_bridge)

    def moved(self, readings: Sequence[Reading], places_mm: FloatArray) -> "PlacedViews":
        """The views with a new placement, by weighted PnP of anchors (m, 3), mm, of the mean head.

        readings: where the maps of each view have the anchors; those not seen have no weight. The
        placement by landmarks is the prior of the pose.
        """
        placed, sightings = in_canonical_frame(self.views, self.placement), []
        for row, reading in enumerate(readings):
            seen = np.isfinite(reading.places[:, 0])
            back = np.linalg.inv(self.crops.to_crop[row])
            pixels = np.nan_to_num(reading.places[:, :2]) @ back[:2, :2].T + back[:2, 2]
            side = self.crops.pixels.shape[2] * np.sqrt(np.linalg.det(back[:2, :2]))
            weights = seen / (CODE_SPREAD * side)
            sightings.append(Sighting(placed.camera(row), pixels, weights))
        head = solve_pose(places_mm, sightings, Similarity.identity(), SPREAD)
        placement = head.inverse().after(self.placement)
        return PlacedViews(self.views, self.template, self.crops, placement)


def place(views: Views, template: Template, image_px: int, crop_mm: float) -> PlacedViews:
    """Views placed together by their landmarks; each is cropped as if it were the only one."""
    crops = crop_views(placed_views(views, template), template.nose_bridge, image_px, crop_mm)
    return PlacedViews(views, template, crops, place_views(views, template))
