"""Part IoU as the paper measures it (table 1): between parses of a photo and of a render over it.

The render shows the answer with the mean texture under constant light. This measure contains the
errors of the parser; ``part_iou`` of the challenge rasterises both heads, without a parser.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from headwater.data.scenes import Views
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.geometry.cameras import project
from headwater.geometry.rasterise import rasterise
from headwater.heads.model import Surface
from headwater.metrics.part_iou import part_ious
from headwater.networks.shading import BANDS
from headwater.systems.prdl.shading import shaded
from headwater.systems.prdl.weights import TrainedPrdl

# Colours of the mouth's inside, display RGB in 0..1: training frames show too little of it.
_IN_MOUTH: Final = {
    Surface.TEETH: (0.75, 0.72, 0.66),
    Surface.TONGUE: (0.55, 0.25, 0.25),
    Surface.MOUTH_CAVITY: (0.25, 0.08, 0.08),
}


def parsed_ious(
    trained: TrainedPrdl,
    parse: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    views: Views,
    answer: HeadAnswer,
) -> dict[str, float]:
    """Part IoU, %, of an answer in the first view, a frame with a level face in its middle.

    parse: gives the part ids (n, n) of a frame (n, n, 3). answer: in the topology of ``trained``.
    The result is that of ``part_ious``.
    """
    return part_ious(parse(drawn_over(trained, views, answer)), parse(views.images[0]))


def drawn_over(trained: TrainedPrdl, views: Views, answer: HeadAnswer) -> NDArray[np.uint8]:
    """The first view (h, w, 3) with the answer's face, in the mean texture, drawn over it."""
    template, image = trained.template, views.images[0]
    height, width = image.shape[:2]
    pixels, depth = project(views.camera(0), answer.vertices)
    shown = rasterise(pixels, depth, template.faces, width, height)
    drawn = shown.triangle >= 0
    inside = np.isin(template.surface, list(_IN_MOUTH))
    on_face = inside.copy()
    on_face[trained.objective.face.front.numpy()] = True
    face = on_face[shown.triangle[drawn]]
    colours = shown.carry(_mean_colours(trained), template.faces)
    surface = template.surface[shown.triangle[drawn]]
    for kind, colour in _IN_MOUTH.items():
        colours[surface == kind] = colour
    picture = image.copy()
    rows, columns = np.nonzero(drawn)
    painted = np.round(np.clip(colours[face], 0.0, 1.0) * 255.0).astype(np.uint8)
    picture[rows[face], columns[face]] = painted
    return picture


def _mean_colours(trained: TrainedPrdl) -> NDArray[np.float32]:
    """Colours (V, 3) of the mean texture under constant light, the same for all normals."""
    texture = trained.network.texture_mean.detach().cpu()[None]
    normals = torch.tensor([0.0, 0.0, 1.0]).expand_as(texture)
    return np.asarray(shaded(texture, normals, torch.zeros(1, 3 * BANDS))[0].numpy())
