"""The sets of landmarks that PRDL compares, 68 and 240, on a toy face and on anny."""

import numpy as np
import pytest
import torch

from headwater.data.tables import template_of
from headwater.faces.vocabulary import ibug68
from headwater.systems.prdl.config import SIZES, Weights
from headwater.systems.prdl.landmark_sets import LANDMARK_SETS
from headwater.systems.prdl.losses import Face, Objective, landmark_loss
from headwater.systems.prdl.model import posed, projected
from tests.faces.mixed_landmarks import landmarks_240
from tests.systems.prdl.toy_face import (
    SIDE,
    TOY,
    drawn_head,
    example_of,
    toy_model,
    toy_network,
    toy_projection,
)

TEMPLATE = template_of(toy_model())
DENSE = TOY.model_copy(update={"landmark_set": 240})
ALONE = Weights(prdl=0, landmarks=1, photometric=0, regular=0, light=0, reflectance=0)


@pytest.mark.parametrize("count", [68, 240])
def test_a_set_is_that_of_the_vocabulary_in_images_and_on_heads(count: int) -> None:
    own = LANDMARK_SETS[count]
    wanted = {68: ibug68, 240: landmarks_240}[count]
    points = np.random.default_rng(0).normal(size=(3, 478, 2)).astype(np.float32)
    np.testing.assert_allclose(own.of(torch.from_numpy(points)), wanted(points), atol=1e-6)
    corners, weights = own.on(TEMPLATE.landmarks_478)
    mean = torch.from_numpy(TEMPLATE.mean)
    on_head = (mean[corners] * weights[..., None]).sum(dim=1)
    marks = TEMPLATE.landmarks_478.on(TEMPLATE.mean)
    np.testing.assert_allclose(on_head, wanted(marks), atol=1e-4)


def test_eyes_and_lips_of_the_240_count_five_times() -> None:
    weights = LANDMARK_SETS[240].weights
    heavy = torch.nonzero(weights == 5).flatten().tolist()
    assert heavy == [*range(66, 104), *range(106, 150), *range(176, 240)]
    assert (weights[weights != 5] == 1).all()
    found, wanted = torch.zeros(1, 240, 2), torch.zeros(1, 240, 2)
    wanted[0, 0, 0] = wanted[0, 200, 1] = 2.0
    assert float(landmark_loss(found, wanted)) == pytest.approx((4 + 5 * 4) / 240)


@pytest.mark.parametrize("config", [TOY, DENSE], ids=["68", "240"])
def test_mirrored_examples_have_the_landmarks_of_the_other_side(config) -> None:
    network = toy_network(config)
    example = example_of(network, network.zeros(1))
    other = example.mirrored()
    assert example.landmarks.shape == (1, config.landmark_set, 2)
    swapped = example.landmarks * torch.tensor([-1.0, 1.0]) + torch.tensor([float(SIDE), 0.0])
    partners = LANDMARK_SETS[config.landmark_set].partners
    torch.testing.assert_close(other.landmarks, swapped[:, partners])
    torch.testing.assert_close(other.mirrored().landmarks, example.landmarks)


def test_the_true_head_has_the_least_loss_of_240_and_it_moves_all_but_light() -> None:
    network = toy_network(DENSE)
    objective = Objective(DENSE, TEMPLATE)
    true = drawn_head(network, 3)
    example = example_of(network, true)
    at_truth = objective.losses(network, true, example, ALONE)["landmark_loss"]
    other = drawn_head(network, 9)
    for one in other:
        one.requires_grad_()
    away = objective.losses(network, other, example, ALONE)["landmark_loss"]
    assert at_truth < 1e-3 < away
    away.backward()
    for row in (0, 1, 3, 5):
        gradient = other[row].grad
        assert gradient is not None
        assert gradient.isfinite().all()
        assert gradient.any()


def test_all_33_points_of_the_contour_march() -> None:
    config = DENSE.model_copy(update={"marching": True})
    network, objective = toy_network(config), Objective(config, TEMPLATE)
    vertices = posed(network.shape(network.zeros(1)), network.zeros(1)).detach()
    marched = objective.face.marched(vertices, toy_projection(60.0))
    few = Face.of(TEMPLATE, LANDMARK_SETS[68]).marched(vertices, toy_projection(60.0))
    assert marched.shape == (1, 33, 2)
    torch.testing.assert_close(marched[:, ::2], few)
    jaw, _ = projected(objective.face.landmarks(vertices), toy_projection(60.0))
    assert (marched - jaw[:, :33]).norm(dim=2).max() > 0.5
    example = example_of(network, network.zeros(1))
    still = Objective(DENSE, TEMPLATE).losses(network, network.zeros(1), example, ALONE)
    moved = objective.losses(network, network.zeros(1), example, ALONE)
    assert still["landmark_loss"] < moved["landmark_loss"] < 100 * SIDE


def test_the_config_takes_these_two_sets_alone() -> None:
    assert SIZES["paper"].landmark_set in LANDMARK_SETS
    with pytest.raises(ValueError, match="landmark_set"):
        SIZES["paper"].model_validate({**SIZES["paper"].model_dump(), "landmark_set": 98})
