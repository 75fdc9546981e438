"""The terms of the loss against Deep3D's formulas on fixed tensors, and their weights."""

import numpy as np
import pytest
import torch

from headwater.data.tables import template_of
from headwater.faces.vocabulary import Part
from headwater.systems.prdl.anchors import coarse_targets, part_masks, strided_loss
from headwater.systems.prdl.config import SIZES, Weights
from headwater.systems.prdl.losses import (
    Objective,
    below_forehead,
    landmark_loss,
    light_loss,
    photometric_loss,
    reflectance_loss,
)
from headwater.systems.prdl.model import posed, projected
from headwater.systems.prdl.part_distances import PartTargets, part_reprojection_loss
from headwater.systems.prdl.part_points import PRDL_PARTS
from tests.systems.prdl.toy_face import (
    SIDE,
    TOY,
    drawn_head,
    example_of,
    labels_of,
    toy_model,
    toy_network,
    toy_projection,
)

TEMPLATE = template_of(toy_model())
ALONE = Weights(prdl=0, landmarks=0, photometric=0, regular=0, light=0, reflectance=0)


def test_weights_of_the_total_are_those_that_the_paper_prints() -> None:
    """Eq. 7; the perceptual term (0.2) is not built."""
    weights = SIZES["paper"].weights
    assert (weights.prdl, weights.landmarks, weights.photometric) == (0.8e-3, 1.6e-3, 1.9)
    assert weights.regular == 3e-4
    assert (weights.identity, weights.expression, weights.texture) == (1.0, 0.8, 1.7e-2)


def test_landmarks_count_as_in_deep3d() -> None:
    """The mean over 68 of w times the squared distance; w is 20 at 28 to 30 and the last 8."""
    generator = torch.Generator().manual_seed(0)
    found, wanted = torch.randn(2, 3, 68, 2, generator=generator)
    weights = np.ones(68)
    weights[28:31] = weights[-8:] = 20
    squared = ((found - wanted).numpy() ** 2).sum(axis=-1)
    np.testing.assert_allclose(landmark_loss(found, wanted), (weights * squared).mean(), rtol=1e-5)


def test_landmarks_that_nobody_saw_count_nothing_and_have_no_gradient() -> None:
    found = torch.randn(1, 68, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    wanted = torch.zeros(1, 68, 2)
    wanted[0, 5] = torch.nan
    landmark_loss(found, wanted).backward()
    assert found.grad is not None
    assert found.grad.isfinite().all()
    assert not found.grad[0, 5].any()
    assert found.grad[0, 6].any()


def test_colours_count_as_in_deep3d() -> None:
    generator = torch.Generator().manual_seed(2)
    drawn, wanted = torch.rand(2, 50, 3, generator=generator)
    mask = torch.rand(50, generator=generator) < 0.5
    each = np.sqrt(((drawn - wanted).numpy() ** 2).sum(axis=1) + 1e-6)
    ours = photometric_loss(drawn, wanted, mask)
    np.testing.assert_allclose(ours, each[mask].sum() / mask.sum(), rtol=1e-5)
    assert photometric_loss(drawn, wanted, torch.zeros(50, dtype=torch.bool)) == 0


def test_light_and_texture_vary_as_in_deep3d() -> None:
    generator = torch.Generator().manual_seed(3)
    light = torch.randn(2, 27, generator=generator)
    bands = light.numpy().reshape(2, 3, 9)
    wanted = ((bands - bands.mean(axis=1, keepdims=True)) ** 2).mean()
    np.testing.assert_allclose(light_loss(light), wanted, rtol=1e-5)
    textures = torch.rand(2, 10, 3, generator=generator)
    skin = textures.numpy()[:, [1, 2, 4, 7]]
    wanted = ((skin - skin.mean(axis=1, keepdims=True)) ** 2).mean()
    faces = torch.tensor([[1, 2, 4], [2, 4, 7]])
    np.testing.assert_allclose(reflectance_loss(textures, faces), wanted, rtol=1e-5)


def test_the_prior_is_the_weighted_sum_of_squares() -> None:
    network, objective = toy_network(), Objective(TOY, TEMPLATE)
    found = drawn_head(network, 4)
    found = found._replace(texture=torch.tensor([[2.0, -1.0]]))
    weights = ALONE.model_copy(update={"regular": 3e-4, "pose": 0.0})
    losses = objective.losses(network, found, example_of(network, found), weights)
    squares = [float(one.square().sum()) for one in found[:3]]
    wanted = 3e-4 * (squares[0] + 0.8 * squares[1] + 1.7e-2 * squares[2])
    assert set(losses) == {"regular_loss"}
    assert float(losses["regular_loss"]) == pytest.approx(wanted, rel=1e-5)


def test_the_true_head_has_less_of_every_loss_than_others() -> None:
    network, objective = toy_network(), Objective(TOY, TEMPLATE)
    weights = ALONE.model_copy(update={"prdl": 1.0, "landmarks": 1.0})
    for seed in range(3):
        true = drawn_head(network, seed)
        example = example_of(network, true)
        with torch.no_grad():
            at_truth = objective.losses(network, true, example, weights)
            others = [
                objective.losses(network, one, example, weights)
                for one in (network.zeros(1), drawn_head(network, seed + 50))
            ]
        assert at_truth["landmark_loss"] < 1e-3
        for one in others:
            assert one["prdl_loss"] > 1.5 * at_truth["prdl_loss"]
            assert one["landmark_loss"] > at_truth["landmark_loss"]


def test_every_loss_moves_what_it_should() -> None:
    network, objective = toy_network(), Objective(TOY, TEMPLATE)
    example = example_of(network, drawn_head(network, 1))
    moved = {
        "prdl": ("prdl_loss", (0, 1, 3, 5)),
        "landmarks": ("landmark_loss", (0, 1, 3, 5)),
        "photometric": ("photometric_loss", (0, 1, 3, 4, 5)),
    }
    for weight, (name, rows) in moved.items():
        found = network.zeros(1)
        found = found._replace(light=torch.full((1, 27), 0.05))
        for one in found:
            one.requires_grad_()
        weights = ALONE.model_copy(update={weight: 1.0})
        objective.losses(network, found, example, weights)[name].backward()
        for row in rows:
            gradient = found[row].grad
            assert gradient is not None, (name, row)
            assert gradient.isfinite().all(), (name, row)
            assert gradient.any(), (name, row)


def test_a_coarse_image_of_anchors_is_the_stride_of_the_fine_one() -> None:
    """Values and gradients of stride 4 against the loss that takes a stride itself."""
    network = toy_network()
    labels = labels_of(network, network.zeros(1))
    generator = torch.Generator().manual_seed(5)
    sets = [10 + 40 * torch.rand(30, 2, generator=generator) for _ in PRDL_PARTS]
    gradients, values = [], []
    for coarse in (True, False):
        points = [one.clone().requires_grad_() for one in sets]
        if coarse:
            loss = strided_loss([points], [coarse_targets(labels, 4, "cell")], 4)[0]
        else:
            targets = PartTargets.of_masks(part_masks(labels, "cell"))
            loss = part_reprojection_loss(points, targets, stride=4, average="direct")
        loss.backward()
        values.append(loss.detach())
        gradients.append(torch.cat([one.grad for one in points if one.grad is not None]))
    torch.testing.assert_close(values[0], values[1], rtol=1e-4, atol=0)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-3)


def test_of_the_skin_one_pixel_in_four_is_a_point() -> None:
    network = toy_network()
    labels = labels_of(network, network.zeros(1))
    masks = part_masks(labels, "cell")
    counts = {p: (masks[i].sum(), (labels == p).sum()) for i, p in enumerate(PRDL_PARTS)}
    thinned, whole = counts.pop(Part.SKIN)
    # Cells on the border hold fewer than four.
    assert 0.25 <= thinned / whole < 0.35
    assert all(kept == there for kept, there in counts.values())
    assert labels.shape == (SIDE, SIDE)


def test_skin_that_a_cleaned_mask_is_compared_with_ends_at_the_brows() -> None:
    labels = torch.from_numpy(labels_of(toy_network(), toy_network().zeros(1)))
    rows, columns = torch.nonzero(labels == Part.SKIN, as_tuple=True)
    points = torch.stack([columns, rows], dim=1) + 0.5
    kept = below_forehead(points, labels)
    brows = (labels == Part.LEFT_BROW) | (labels == Part.RIGHT_BROW)
    top = torch.nonzero(brows)[:, 0].min() + 0.5
    assert points[~kept, 1].max() < top + 1.5
    assert points[kept, 1].min() > top - 1.5
    assert below_forehead(points, torch.zeros_like(labels)).all()


def test_marched_landmarks_are_the_contours_and_move_with_the_face() -> None:
    """Batched as one by one; without a turn they are the jaw line; gradients pass."""
    network = toy_network()
    face = Objective(TOY, TEMPLATE).face
    heads = [drawn_head(network, seed) for seed in range(2)]
    vertices = torch.cat([posed(network.shape(one), one) for one in heads]).detach()
    cameras = torch.cat([toy_projection(0.0), toy_projection(60.0)])
    together = face.marched(vertices.requires_grad_(), cameras)
    for row in range(2):
        alone = face.marched(vertices[row : row + 1], cameras[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)
    jaw, _ = projected(face.landmarks(vertices), cameras)
    assert (together[0] - jaw[0, :17]).norm(dim=1).max() < 2.0
    assert (together[1] - jaw[1, :17]).norm(dim=1).max() > 1.0
    together.sum().backward()
    assert vertices.grad is not None
    assert vertices.grad.abs().sum() > 0
    config = TOY.model_copy(update={"marching": True})
    example = example_of(network, heads[0])
    losses = [
        Objective(own, TEMPLATE).losses(
            network, heads[0], example, ALONE.model_copy(update={"landmarks": 1.0})
        )
        for own in (TOY, config)
    ]
    assert losses[0]["landmark_loss"] < losses[1]["landmark_loss"]
