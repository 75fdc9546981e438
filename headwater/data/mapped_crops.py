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

# Largest distance of the head's nose tip from where landmarks and camera place that of the mean
# head, as a share of the crop's side. Beyond it the face was misdetected, and the crop shows
# another place.
MISPLACED: Final = 0.15


@dataclass(frozen=True)
class MappedCrop:
    """A crop of a view: pixels (S, S, 3) uint8 RGB, maps of its head, and its camera.

    projection: (3, 4) float32, canonical units to px of the crop, with the head placed by the
    view's landmarks.
    """

    pixels: NDArray[np.uint8]
    maps: Maps
    projection: FloatArray


def mapped_crop(
    view: Views, seen_by: Camera, head: FloatArray, template: Template, cut: FaceCut, size: MapSize
) -> MappedCrop:
    """The crop of one view, cut by its own camera and landmarks, with the maps of its head.

    seen_by: the camera that took the picture, from the frame of ``head`` (V, 3) mm to px of the
    view. Raises ItemRejected where the face is not where camera and landmarks place it.
    """
    crops = crop_views(placed_views(view, template), template.nose_bridge, size.px, size.mm)
    tip = int(np.argmin(np.linalg.norm(cut.mean - template.nose_tip(template.mean), axis=1)))
    places = _in_map(crops.to_crop[0], project(seen_by, head[cut.vertex[[tip]]])[0])
    expected = seen_points(crops.projection, cut.mean[[tip]], template.nose_bridge)[0, :, :2]
    away = float(np.linalg.norm(places - expected)) / size.px
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
    """Maps of ``side`` px of a head (V, 3) mm, in the depth range of the mean head in its place.

    camera: from the head's frame to px of a picture. to_map: (3, 3), px of the picture to the
    map's.
    """
    pixels, depth = project(camera, head[cut.vertex])
    wanted = template.landmarks_68(template.mean)
    placement = true_placement(template.landmarks_68(head), wanted)
    mean_depth = project(camera, placement.inverse().apply(cut.mean))[1]
    return render_maps(_in_map(to_map, pixels), depth, cut, side, range_of(mean_depth))


def true_projection(camera: Camera, head: FloatArray, template: Template) -> FloatArray:
    """Projection (3, 4) float32 of a camera, canonical units to px.

    head: (V, 3) mm, which the camera sees, in the frame of its extrinsics; the mean head is put in
    its place.
    """
    wanted = template.landmarks_68(template.mean)
    back = true_placement(template.landmarks_68(head), wanted).inverse()
    rotation, shift = camera.R @ back.rotation, camera.R @ back.translation + camera.t
    found = canonical_projection(camera.K, rotation, shift, template.nose_bridge)
    return found.astype(np.float32)


def _in_map(to_map: Points, pixels: Points) -> Points:
    return np.asarray(pixels @ to_map[:2, :2].T + to_map[:2, 2])
