"""Classes of a rendered picture's pixels: parts of the face, hair, neck, ears, what is worn."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets
from headwater.faces.vocabulary import FaceClass, Part
from headwater.heads.model import HeadModel, Surface
from headwater.heads.part_map import FRONT_TOLERANCE_MM
from headwater.rendering.painting import HeadPaint
from headwater.rendering.skin import in_mouth
from headwater.rendering.stages import Prop
from headwater.rendering.tracing import Samples, carry, chosen
from headwater.rendering.truth import part_ids

Float32Array = NDArray[np.float32]
Classes = NDArray[np.uint8]

_WORN: Final = {
    Prop.HAIR: FaceClass.HAIR,
    Prop.GARMENT: FaceClass.CLOTHES,
    Prop.FRAME: FaceClass.GLASSES,
    Prop.CAP: FaceClass.HAT,
}
_IN_MOUTH: Final = (Surface.TEETH, Surface.TONGUE, Surface.MOUTH_CAVITY)
_EAR: Final = 0.5
# Directions about the head are seen from this far before the line between the ears, mm.
_AXIS_Z_MM: Final = 12.0


def sample_classes(
    model: HeadModel,
    paint: HeadPaint,
    samples: Samples,
    material: Classes,
    mean: Float32Array,
    hair: NDArray[np.bool_],
) -> Classes:
    """Classes (n,) of samples of a stage whose first triangles are the head's.

    material: (n,) values of ``Surface`` or ``Prop``. mean: (n, 3) mm, places on the mean head.
    hair: (n,), whether hair grows there on skin.
    """
    classes = np.zeros(len(material), dtype=np.uint8)
    for prop, worn in _WORN.items():
        classes[material == prop] = worn
    on_head = np.flatnonzero(material <= max(Surface))
    surface = material[on_head]
    found = part_ids(paint, mean[on_head], surface)
    found[np.isin(surface, _IN_MOUTH)] = FaceClass.MOUTH_INTERIOR
    rest = np.flatnonzero((found == Part.NONE) & (surface == Surface.SKIN))
    found[rest] = _beside_the_parts(paint, mean[on_head[rest]])
    classes[on_head] = found
    ears = _on_ears(model, paint, samples, material)
    bare = (classes == FaceClass.SKIN) | (classes == FaceClass.NECK)
    classes[ears & bare] = FaceClass.EARS
    classes[hair] = FaceClass.HAIR
    return classes


def _on_ears(
    model: HeadModel, paint: HeadPaint, samples: Samples, material: Classes
) -> NDArray[np.bool_]:
    """Samples (n,) on the head where an ear stands out."""
    around = np.zeros(len(material), dtype=np.bool_)
    on_head = material <= max(Surface)
    touching = (paint.ear > _EAR)[model.faces].any(axis=1)
    around[on_head] = touching[samples.triangle[on_head]]
    weight = carry(paint.ear[:, None], model.faces, chosen(samples, around))[:, 0]
    around[around] = weight > _EAR
    return around


def _beside_the_parts(paint: HeadPaint, mean: Float32Array) -> Classes:
    """Classes (n,) of skin at mean places (n, 3) mm that the face parts leave out."""
    oval = paint.landmarks[list(sets.FACE_OVAL)]
    jaw = oval[oval[:, 1] <= paint.landmarks[[sets.LEFT_SIDE, sets.RIGHT_SIDE], 1].max()]
    order = np.argsort(_azimuth(jaw))
    line = np.interp(_azimuth(mean), _azimuth(jaw)[order], jaw[order, 1])
    classes = np.where(mean[:, 1] < line, FaceClass.NECK, FaceClass.SKIN).astype(np.uint8)
    cells = paint.maps.cells(mean)
    behind = paint.maps.front.reshape(-1)[cells] - mean[:, 2]
    between_lips = paint.maps.parts.reshape(-1)[cells] == Part.NONE
    between_lips &= (paint.maps.lips.reshape(-1)[cells] > 0) & (behind < FRONT_TOLERANCE_MM)
    classes[between_lips | in_mouth(paint, cells, behind)] = FaceClass.MOUTH_INTERIOR
    return classes


def _azimuth(points: Float32Array) -> Float32Array:
    """Angles (n,) of points (n, 3) mm about the head's vertical axis, 0 in front."""
    return np.arctan2(points[:, 0], points[:, 2] - np.float32(_AXIS_Z_MM))


def pixel_classes(
    cell: NDArray[np.intp], classes: Classes, size: tuple[int, int], per_pixel: int
) -> Classes:
    """Classes (H, W) of most samples of each pixel, of equally many the lower one.

    cell: (n,) flat places of the samples in a grid of ``size``, (H * per_pixel, W * per_pixel); the
    others show the background.
    """
    grid = np.zeros(size, dtype=np.uint8)
    grid.reshape(-1)[cell] = classes
    places = [
        grid[row::per_pixel, column::per_pixel] for row, column in np.ndindex(per_pixel, per_pixel)
    ]
    result = places[0].copy()
    mixed = np.zeros(result.shape, dtype=np.bool_)
    for place in places[1:]:
        mixed |= place != result
    counts = np.zeros((int(mixed.sum()), len(FaceClass)), dtype=np.int32)
    for place in places:
        counts[np.arange(len(counts)), place[mixed]] += 1
    result[mixed] = counts.argmax(axis=1)
    return result
