"""Fitting the face model to part masks alone, with PRDL and with what the paper compares."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from headwater.data.tables import template_of
from headwater.metrics.part_iou import AVERAGE, part_ious
from headwater.systems.prdl.anchors import part_masks
from headwater.systems.prdl.config import Answering, Fitting
from headwater.systems.prdl.data import Examples, drawn_parts
from headwater.systems.prdl.detector_errors import MeanErrors
from headwater.systems.prdl.fit import fitted
from headwater.systems.prdl.losses import Objective
from headwater.systems.prdl.model import Coefficients, posed, projected
from headwater.systems.prdl.weights import TrainedPrdl
from tests.systems.prdl.toy_face import (
    SIDE,
    TOY,
    drawn_head,
    example_of,
    labels_of,
    toy_model,
    toy_network,
)

TEMPLATE = template_of(toy_model())
NETWORK = toy_network()
OBJECTIVE = Objective(TOY, TEMPLATE)
HEADS = (0, 1, 2)
STEPS = 80


def turned_head(seed: int) -> Coefficients:
    """A head with an expression, well out of its place."""
    head = drawn_head(NETWORK, seed)
    return head._replace(angles=2 * head.angles, translation=1.5 * head.translation)


def by_prdl(example: Examples) -> Coefficients:
    answer = Answering(fitting=Fitting(steps=STEPS, landmarks=0.0, image_px=SIDE, anchor_stride=2))
    config = TOY.model_copy(update={"answer": answer})
    trained = TrainedPrdl(NETWORK, config, TEMPLATE, MeanErrors.none())
    return fitted(trained, NETWORK.zeros(1), example)


def by_chamfer(example: Examples) -> Coefficients:
    """The same with the mean distance to the nearest pixel of the part, and back."""
    masks = part_masks(example.parts[0].numpy(), "cell")
    targets = [torch.from_numpy(np.argwhere(mask)[:, ::-1] + 0.5).float() for mask in masks]

    def loss(sets: list[Tensor]) -> Tensor:
        away = [torch.cdist(ours, theirs) for ours, theirs in zip(sets, targets, strict=True)]
        return torch.stack(
            [one.amin(0).square().mean() + one.amin(1).square().mean() for one in away]
        ).sum()

    return descended(loss, example)


def by_silhouette(example: Examples) -> Coefficients:
    """The same with 1 less the IoU of each part's soft silhouette, Gaussians round its points."""
    masks = torch.from_numpy(part_masks(example.parts[0].numpy(), "cell")).flatten(1).float()
    centres = torch.arange(SIDE) + 0.5
    grid = torch.cartesian_prod(centres, centres).flip(1)

    def loss(sets: list[Tensor]) -> Tensor:
        ious = []
        for points, mask in zip(sets, masks, strict=True):
            near = torch.cdist(points, grid).amin(dim=0)
            drawn = torch.exp(-near.square() / 2)
            both = (drawn * mask).sum()
            ious.append(both / (drawn.sum() + mask.sum() - both))
        return 100 * (1 - torch.stack(ious)).sum()

    return descended(loss, example)


def descended(loss: Callable[[list[Tensor]], Tensor], example: Examples) -> Coefficients:
    """Coefficients by Adam at the rates of ``fitted``, of a loss of the parts' points."""
    found = Coefficients(*(one.clone().requires_grad_() for one in NETWORK.zeros(1)))
    groups = [
        {"params": [found.identity, found.expression], "lr": 0.1},
        {"params": [found.angles, found.translation], "lr": 0.002},
    ]
    optimizer = torch.optim.Adam(groups)
    for _ in range(STEPS):
        optimizer.zero_grad()
        vertices = posed(NETWORK.shape(found), found)
        points = OBJECTIVE.points.on(vertices).values()
        sets = [projected(one, example.projection)[0][0] for one in points]
        regular = found.identity.square().sum() + 0.8 * found.expression.square().sum()
        (0.8e-3 * OBJECTIVE.scale * loss(sets) + 3e-4 * regular).backward()
        optimizer.step()
    return Coefficients(*(one.detach() for one in found))


def overlap(found: Coefficients, true: Coefficients) -> float:
    return part_ious(labels_of(NETWORK, found), labels_of(NETWORK, true))[AVERAGE]


WAYS = {"prdl": by_prdl, "chamfer": by_chamfer, "silhouette": by_silhouette}


@cache
def overlaps(way: str) -> list[float]:
    """Part IoU, %, of each head after one way of fitting, or before any."""
    result = []
    for seed in HEADS:
        true = turned_head(seed)
        example = example_of(NETWORK, true)
        found = WAYS[way](example) if way in WAYS else NETWORK.zeros(1)
        result.append(overlap(found, true))
    return result


def test_masks_alone_bring_the_parts_over_each_other() -> None:
    assert np.mean(overlaps("prdl")) - np.mean(overlaps("none")) > 10.0


@pytest.mark.slow  # Three heads are fitted in two more ways: 15 seconds of a core.
@pytest.mark.parametrize("other", ["chamfer", "silhouette"])
def test_prdl_fits_better_than_what_the_paper_compares(other: str) -> None:
    assert np.mean(overlaps("prdl")) > np.mean(overlaps(other))


def test_without_landmarks_nothing_is_fitted() -> None:
    trained = TrainedPrdl(NETWORK, TOY, TEMPLATE, MeanErrors.none())
    first = turned_head(0)
    assert fitted(trained, first, None) is first


def test_parts_drawn_between_landmarks_count_only_without_these() -> None:
    example = example_of(NETWORK, turned_head(1))
    found = {}
    for landmarks in (0.0, 1.6e-3):
        fitting = Fitting(steps=3, landmarks=landmarks, image_px=SIDE, anchor_stride=2)
        for prdl in (0.0, 0.8e-3):
            weights = TOY.weights.model_copy(update={"prdl": prdl})
            change = {"answer": Answering(fitting=fitting), "weights": weights}
            config = TOY.model_copy(update=change)
            trained = TrainedPrdl(NETWORK, config, TEMPLATE, MeanErrors.none())
            head = fitted(trained, NETWORK.zeros(1), example, drawn=True)
            found[landmarks, prdl] = head.identity
    assert torch.equal(found[1.6e-3, 0.0], found[1.6e-3, 0.8e-3])
    assert not torch.equal(found[0.0, 0.0], found[0.0, 0.8e-3])


def test_parts_of_a_photo_are_drawn_inside_its_landmarks() -> None:
    """Against the map of parts at the mean head: the same loops, seen from the front."""
    first = NETWORK.zeros(1)
    example = example_of(NETWORK, first)
    vertices = toy_model().landmarks_478.on(toy_model().mean)
    camera = example.projection[0].numpy()
    marks = np.concatenate([(vertices - TEMPLATE.nose_bridge) / 100, np.ones((478, 1))], axis=1)
    places = marks @ camera.T
    drawn = drawn_parts(places[:, :2] / places[:, 2:], SIDE)
    assert part_ious(drawn, example.parts[0].numpy())[AVERAGE] > 45.0
