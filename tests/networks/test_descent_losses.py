"""The Laplacian term that is switched off by default, on shapes solved by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.networks.vertex_descent.losses import laplacian_l1, rings_of, umbrella
from headwater.systems.lvd.config import SIZES
from headwater.systems.lvd.train import train
from tests.systems.toy_heads import toy_heads, toy_views, train_in

SQUARE = torch.tensor([[0, 1, 2], [0, 2, 3]])


def test_rings_are_neighbours_repeated_where_there_are_few() -> None:
    rings = rings_of(SQUARE, vertices=5, neighbours=4)
    assert rings.tolist() == [
        [0, 1, 2, 3, 1],
        [1, 0, 2, 0, 2],
        [2, 0, 1, 3, 0],
        [3, 0, 2, 0, 2],
        [4, 4, 4, 4, 4],
    ]


def test_the_umbrella_of_a_plane_is_flat_and_of_a_tip_its_height() -> None:
    ring = torch.tensor([[0.0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    tip = ring.clone()
    tip[0, 2] = 0.5
    both = torch.stack([ring, tip])[None]
    torch.testing.assert_close(umbrella(both), torch.tensor([[[0.0, 0, 0], [0, 0, 0.5]]]))


def test_the_loss_does_not_see_where_a_surface_is_but_how_it_bends() -> None:
    target = torch.randn(2, 3, 7, 3, generator=torch.Generator().manual_seed(0))
    moved = (target + torch.tensor([0.1, -0.2, 0.3])).requires_grad_()
    assert float(laplacian_l1(moved, target).detach()) == pytest.approx(0.0, abs=1e-6)
    bent = target.clone()
    bent[0, 0, 0, 2] += 0.6
    assert float(laplacian_l1(bent, target)) == pytest.approx(0.6 / (2 * 3 * 3), rel=1e-4)


def test_training_reports_it_only_when_it_is_asked_for(tmp_path: Path) -> None:
    heads = toy_heads(2, seed=1)
    config = SIZES["smoke"].model_copy(update={"steps": 2, "laplacian_weight": 0.5})
    views = toy_views(heads, 1, seed=2)
    curve = train_in(tmp_path, train, config, heads, views).curve
    assert np.isfinite(curve[-1]["laplacian_loss"])
    assert curve[-1]["laplacian_loss"] > 0
