"""Fitting of the face model to photos: the paper's other use of PRDL, without a network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from headwater.data.crops import Crops
from headwater.data.scenes import Views
from headwater.faces import vocabulary as sets
from headwater.faces.affine import labels_in_frame
from headwater.systems.prdl.config import PrdlConfig
from headwater.systems.prdl.data import Examples, cameras_of
from headwater.systems.prdl.model import Coefficients
from headwater.systems.prdl.weights import TrainedPrdl


def photo_examples(
    config: PrdlConfig,
    views: Views,
    crops: Crops,
    cameras: Tensor,
    labels: Sequence[NDArray[np.uint8]] | None = None,
) -> Examples | None:
    """Crops of the views in which all landmarks are seen, with their parts.

    cameras: (n, 3, 4), canonical units to px in the crops, under one placement. labels: part ids of
    each view (h, w); drawn from its landmarks where None. None where no view has landmarks.
    """
    seen = np.isfinite(views.landmarks_478_px).all(axis=(1, 2))
    if not seen.any():
        return None
    rows = np.flatnonzero(seen)
    parts, side = [], config.image_px
    for row in rows:
        to_crop = crops.to_crop[row]
        if labels is not None:
            parts.append(labels_in_frame(labels[row], to_crop[:2], side, side))
            continue
        points = views.landmarks_478_px[row] @ to_crop[:2, :2].T + to_crop[:2, 2]
        parts.append(drawn_parts(points, side))
    return Examples(
        crops.pixels[rows][..., :3].contiguous(),
        torch.from_numpy(np.stack(parts)),
        crops.landmarks[rows],
        cameras_of(config, cameras[rows]),
    )


def drawn_parts(landmarks_478: NDArray[np.floating[Any]], side: int) -> NDArray[np.uint8]:
    """Part ids (side, side) inside loops of landmarks (478, 2) px, centres at integer + 0.5."""
    image = Image.new("L", (side, side))
    for part, loop in sets.PART_OUTLINES:
        corners = [(float(x) - 0.5, float(y) - 0.5) for x, y in landmarks_478[list(loop)]]
        ImageDraw.Draw(image).polygon(corners, fill=int(part))
    return np.array(image)


def fitted(trained: TrainedPrdl, first: Coefficients, examples: Examples | None) -> Coefficients:
    """Coefficients (of one head) that lower the loss over all examples, from ``first`` on.

    Adam with the training's weights, but the landmarks' own and without colours.
    """
    settings = trained.config.answer.fitting
    if examples is None:
        return first
    weights = trained.config.weights.model_copy(
        update={"photometric": 0.0, "landmarks": settings.landmarks}
    )
    found = Coefficients(*(one.detach().clone().requires_grad_() for one in first))
    optimizer = torch.optim.Adam(
        [
            {"params": [found.identity, found.expression], "lr": settings.learning_rate},
            {"params": [found.angles, found.translation], "lr": settings.pose_rate},
        ]
    )
    count = len(examples)
    with torch.enable_grad():
        for _ in range(settings.steps):
            optimizer.zero_grad(set_to_none=True)
            spread = Coefficients(*(one.expand(count, -1) for one in found))
            losses = trained.objective.losses(trained.network, spread, examples, weights)
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()
    return Coefficients(*(one.detach() for one in found))
