"""Part IoU: overlap of the seven inner face parts of two heads, as one camera sees them.

The paper's figure (3DDFA-V3, table 1) parses a photo and a render; this one rasterises the parts of
both heads, so that no parser's errors are in it: ``part_iou_direct`` of the benchmark's note.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import Part
from headwater.geometry.cameras import Camera, project, transform_image
from headwater.geometry.rasterise import rasterise
from headwater.heads.part_map import PartMap

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

# Skin is no part of the average, as in the paper.
JUDGED: Final = tuple(part for part in Part if part not in (Part.NONE, Part.SKIN))
# The window that parts are looked for in: a pixel a millimetre, about the nose.
WINDOW_PX: Final = 176
AVERAGE: Final = "part_iou"
NAMES: Final = tuple(f"{part.name.lower()}_iou" for part in JUDGED)


def face_cut(camera: Camera, nose_tip_mm: FloatArray) -> NDArray[np.float64]:
    """The map (2, 3) from px of an image to those of a cut with the nose tip (3,) in its middle.

    A px of the cut is a mm there.
    """
    pixels, depth = project(camera, np.asarray(nose_tip_mm)[None])
    scale = float(depth[0] / camera.K[0, 0])
    x, y = WINDOW_PX / 2 - scale * pixels[0]
    return np.array([[scale, 0.0, x], [0.0, scale, y]])


def window(camera: Camera, cut: NDArray[np.float64]) -> Camera:
    """The camera of a cut of its image."""
    return transform_image(camera, cut, WINDOW_PX, WINDOW_PX)


def seen_parts(
    vertices: FloatArray,
    faces: IntArray,
    surface: NDArray[np.uint8],
    mean: FloatArray,
    parts: PartMap,
    camera: Camera,
) -> NDArray[np.uint8]:
    """Part ids (h, w) that a camera sees of a head (V, 3) mm.

    faces: (F, 3), surface: (F,), mean: (V, 3) mm and parts: of the head's topology.
    """
    pixels, depth = project(camera, vertices)
    shown = rasterise(pixels, depth, faces, camera.width, camera.height)
    labels = np.zeros(shown.triangle.shape, np.uint8)
    seen = shown.triangle >= 0
    labels[seen] = parts.part_ids(shown.carry(mean, faces), surface[shown.triangle[seen]])
    return labels


def part_ious(found: NDArray[np.uint8], true: NDArray[np.uint8]) -> dict[str, float]:
    """IoU, %, of every judged part of two label maps, by its name, and their average.

    A part that neither shows is left out, also of the average; one that only one shows has 0.
    """
    ious = {}
    for part, name in zip(JUDGED, NAMES, strict=True):
        ours, theirs = found == part, true == part
        either = np.count_nonzero(ours | theirs)
        if either:
            ious[name] = 100.0 * np.count_nonzero(ours & theirs) / either
    return with_average(ious)


def with_average(ious: Mapping[str, float]) -> dict[str, float]:
    """IoUs of parts, %, with their plain mean."""
    mean = {AVERAGE: float(np.mean(list(ious.values())))} if ious else {}
    return {**mean, **ious}
