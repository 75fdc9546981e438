"""Fitting of the face model to photos: the paper's other use of PRDL, without a network."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from headwater.data.crops import crop_cameras, crop_views
from headwater.data.placement import in_canonical_frame, placed_views
from headwater.data.scenes import Views
from headwater.geometry.registration import Similarity
from headwater.parsing.frame_parser import parsed_parts
from headwater.systems.prdl.data import Examples, cameras_of, crop_parts, landmarks_in
from headwater.systems.prdl.landmark_sets import LANDMARK_SETS
from headwater.systems.prdl.model import Coefficients
from headwater.systems.prdl.weights import TrainedPrdl


def photo_examples(
    trained: TrainedPrdl,
    views: Views,
    placement: Similarity,
    labels: Sequence[NDArray[np.uint8]] | None = None,
) -> Examples | None:
    """Crops of the views in which all landmarks are seen, with their parts.

    placement: of the one head that they show. labels: part ids of each view (h, w); drawn between
    its landmarks where None. None where no view has landmarks.
    """
    config = trained.config.of_fitting
    seen = torch.from_numpy(np.isfinite(views.landmarks_478_px).all(axis=(1, 2)))
    if not seen.any():
        return None
    template = trained.template
    crops = crop_views(
        placed_views(views, template), template.nose_bridge, config.image_px, config.crop_mm
    )
    placed = in_canonical_frame(views, placement)
    cameras = crop_cameras(placed, crops.to_crop, template.nose_bridge)
    errors = trained.errors.at(cameras) * (config.image_px / config.crop_mm)
    landmarks = landmarks_in(crops, views, errors)
    parts = crop_parts(config, crops, landmarks, labels)
    return Examples(
        crops.pixels[..., :3].contiguous(),
        torch.from_numpy(np.stack(parts)),
        LANDMARK_SETS[config.landmark_set].of(landmarks),
        cameras_of(config, cameras),
    ).choose(torch.nonzero(seen).flatten())


def parsed(trained: TrainedPrdl, views: Views) -> list[NDArray[np.uint8]] | None:
    """Part ids of every view as the build's parser finds them; None where they are drawn.

    Views without all landmarks, which nothing is fitted to, have none.
    """
    if trained.parser is None:
        return None
    found = []
    for image, landmarks in zip(views.images, views.landmarks_478_px, strict=True):
        every = np.ones(image.shape[:2], np.bool_)
        if np.isfinite(landmarks).all():
            found.append(parsed_parts(trained.parser, image, landmarks, every))
        else:
            found.append(np.zeros(image.shape[:2], np.uint8))
    return found


def fitted(
    trained: TrainedPrdl, first: Coefficients, examples: Examples | None, *, drawn: bool = False
) -> Coefficients:
    """Coefficients (of one head) that lower the loss over all examples, from ``first`` on.

    Adam with the training's weights, but the landmarks' own and without colours. drawn: parts are
    drawn between the landmarks and say nothing that these do not; beside them they do not count.
    """
    settings = trained.config.answer.fitting
    if examples is None:
        return first
    changes = {"photometric": 0.0, "landmarks": settings.landmarks}
    if drawn and settings.landmarks:
        changes["prdl"] = 0.0
    weights = trained.config.weights.model_copy(update=changes)
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
