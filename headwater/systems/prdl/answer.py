"""Answers of trained PRDL: from views to a surface in their head frame."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.canonical import to_head_frame
from headwater.data.crops import crop_views
from headwater.data.placement import place_views, placed_views
from headwater.data.scenes import Views
from headwater.evaluation.heads.answer import HeadAnswer, HeadQuestion
from headwater.systems.prdl.fit import fitted, parsed, photo_examples
from headwater.systems.prdl.model import Coefficients, network_images, posed
from headwater.systems.prdl.weights import TrainedPrdl
from headwater.training.determinism import deterministic


def answer(trained: TrainedPrdl, question: HeadQuestion) -> HeadAnswer:
    """The head that a question's views show."""
    with deterministic(trained.config.threads, trained.network.mean.device):
        return reconstruct(trained, question.views)


def reconstruct(
    trained: TrainedPrdl, views: Views, labels: Sequence[NDArray[np.uint8]] | None = None
) -> HeadAnswer:
    """The one head that all ``views`` show: of several, the mean of their coefficients.

    labels: part ids of each view (h, w), that answers are fitted to; those of the build's parser
    where None.

    With camera crop it stands where the views' cameras see it: pose is the small difference from
    their placement. With camera pinhole it is the shape without pose, placed by the landmarks.
    """
    config, template = trained.config, trained.template
    placement = place_views(views, template)
    crops = crop_views(
        placed_views(views, template), template.nose_bridge, config.image_px, config.crop_mm
    )
    device = trained.network.mean.device
    with torch.no_grad():
        found = trained.network(network_images(crops.pixels[..., :3].to(device), config.shrink))
    found = found.mean()
    if config.answer.fit:
        labels = parsed(trained, views) if labels is None else labels
        examples = photo_examples(trained, views, placement, labels)
        found = fitted(trained, found, examples, drawn=labels is None)
    placed = to_head_frame(_placed(trained, found)[0].cpu().numpy(), template.nose_bridge)
    return HeadAnswer(template, placement.inverse().apply(placed).astype(np.float32))


def _placed(trained: TrainedPrdl, found: Coefficients) -> Tensor:
    """Vertices (1, V, 3), canonical."""
    with torch.no_grad():
        vertices = trained.network.shape(found)
        return posed(vertices, found) if trained.config.camera == "crop" else vertices
