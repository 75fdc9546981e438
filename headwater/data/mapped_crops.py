"""Crops of views with the depth and correspondence maps of the heads that they show."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.canonical import canonical_projection
from headwater.data.crops import crop_views, seen_points
from headwater.data.face_codes import FaceCut
from headwater.data.face_maps import Maps, MapSize, range_of, render_maps
from headwater.data.placement import placed_views, true_placement
from headwater.data.scenes import FloatArray, Template, Views
from headwater.errors import ItemRejected
from headwater.geometry.cameras import Camera, project
from headwater.reject_reasons import RejectReason

Points = NDArray[np.floating[Any]]

# Of the crop's side, of a head's nose tip from where the view's placement has it: further off, the
# face was misdetected and the crop shows another place.
MISPLACED: Final = 0.15


@dataclass(frozen=True)
class MappedCrop:
    """A crop of a view: pixels (S, S, 3) uint8 RGB, maps of its head, and its camera.

    projection: (3, 4) float32, canonical units to px of the crop, as a lone view is placed.
    """

    pixels: NDArray[np.uint8]
    maps: Maps
    projection: FloatArray


def mapped_crop(
    view: Views, seen_by: Camera, head: FloatArray, template: Template, cut: FaceCut, size: MapSize
) -> MappedCrop:
    """The crop of one view where its own camera, placed by its landmarks, sees the head.

    seen_by: the camera that took the picture, in px of the view, from the frame of ``head`` (V, 3)
    mm. Raises ItemRejected for a face that is not where the crop expects it.
    """
    crops = crop_views(placed_views(view, template), template.nose_bridge, size.px, size.mm)
    tip = int(np.argmin(np.linalg.norm(cut.mean - template.nose_tip(template.mean), axis=1)))
    places = _in_map(crops.to_crop[0], project(seen_by, head[cut.vertex[[tip]]])[0])
    usual = seen_points(crops.projection, cut.mean[[tip]], template.nose_bridge)[0, :, :2]
    away = float(np.linalg.norm(places - usual)) / size.px
    if not away <= MISPLACED:
        raise ItemRejected(
            RejectReason.MISPLACED_FACE,
            f"The nose tip lies {away:.0%} of the crop's side from where landmarks and camera "
            "place it; the face was misdetected.",
        )
    maps = true_maps(seen_by, crops.to_crop[0], head, template, cut, size.px)
    return MappedCrop(crops.pixels[0, ..., :3].numpy(), maps, crops.projection[0].numpy())


def true_maps(
    camera: Camera,
    to_map: Points,
    head: FloatArray,
    template: Template,
    cut: FaceCut,
    side: int,
) -> Maps:
    """Maps of ``side`` px of a head (V, 3) mm, in the range of the mean head standing in its place.

    camera: from the head's frame to px of a picture. to_map: (3, 3), these to px of the map.
    """
    pixels, depth = project(camera, head[cut.vertex])
    wanted = template.landmarks_68(template.mean)
    placement = true_placement(template.landmarks_68(head), wanted)
    usual = project(camera, placement.inverse().apply(cut.mean))[1]
    return render_maps(_in_map(to_map, pixels), depth, cut, side, range_of(usual))


def true_projection(camera: Camera, head: FloatArray, template: Template) -> FloatArray:
    """(3, 4) float32, canonical units to px, of a camera that sees a head (V, 3) mm of any frame.

    The mean head stands in its place.
    """
    wanted = template.landmarks_68(template.mean)
    back = true_placement(template.landmarks_68(head), wanted).inverse()
    rotation, shift = camera.R @ back.rotation, camera.R @ back.translation + camera.t
    found = canonical_projection(camera.K, rotation, shift, template.nose_bridge)
    return found.astype(np.float32)


def _in_map(to_map: Points, pixels: Points) -> Points:
    return np.asarray(pixels @ to_map[:2, :2].T + to_map[:2, 2])
