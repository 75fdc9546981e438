"""Several views of one head in training: which ones, and where their cameras stand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headwater.data.crops import Crops, crop_views
from headwater.data.mirror import mirrored_projection
from headwater.data.placement import in_canonical_frame, place_views, placed_views
from headwater.data.view_sets import ViewSets
from tests.systems.toy_heads import toy_heads, toy_template, toy_views

TEMPLATE = toy_template()
HEADS = toy_heads(3, seed=1)
VIEWS = toy_views(HEADS, 4, seed=2)
SIDE, CROP_MM = 64, 280.0


@pytest.fixture(scope="module")
def sets() -> ViewSets:
    crops = crop_views(placed_views(VIEWS, TEMPLATE), TEMPLATE.nose_bridge, SIDE, CROP_MM)
    both = Crops(
        torch.cat([crops.pixels, crops.pixels.flip(2)]),
        torch.cat([crops.landmarks, crops.landmarks]),
        torch.cat([crops.projection, mirrored_projection(crops.projection, SIDE)]),
        crops.to_crop,
        torch.cat([crops.head, crops.head + len(HEADS.vertices)]),
        torch.cat([crops.estimated, crops.estimated]),
    )
    return ViewSets(VIEWS, both, TEMPLATE)


def pixels(projection: torch.Tensor, points: torch.Tensor) -> np.ndarray:
    x = points @ projection[:, :3].T + projection[:, 3]
    return (x[:, :2] / x[:, 2:]).numpy()


def test_a_set_shows_one_head_and_begins_with_the_given_view(sets: ViewSets) -> None:
    first = torch.arange(len(sets.crops))
    for count in (1, 3, 4):
        rows = sets.choose(first, count, torch.Generator().manual_seed(count))
        assert torch.equal(rows[:, 0], first)
        assert (sets.crops.head[rows] == sets.crops.head[first][:, None]).all()
        assert all(len(set(row.tolist())) == count for row in rows)
        again = sets.choose(first, count, torch.Generator().manual_seed(count))
        assert torch.equal(rows, again)
    many = sets.choose(first[:1], 6, torch.Generator().manual_seed(0))[0]
    assert len(set(many.tolist())) == 4


def test_given_and_estimated_views_are_in_no_set_together() -> None:
    """Their cameras map from frames of their own; of a head each has half of its four views."""
    odd = replace(VIEWS, estimated=np.arange(len(VIEWS)) % 2 > 0)
    crops = crop_views(placed_views(odd, TEMPLATE), TEMPLATE.nose_bridge, SIDE, CROP_MM)
    own = ViewSets(odd, crops, TEMPLATE)
    first = torch.arange(len(crops))
    rows = own.choose(first, 3, torch.Generator().manual_seed(0))
    assert (crops.estimated[rows] == crops.estimated[first][:, None]).all()
    assert (crops.head[rows] == crops.head[first][:, None]).all()
    assert all(len(set(row.tolist())) == 2 for row in rows)


def test_a_lone_view_keeps_its_own_placement(sets: ViewSets) -> None:
    rows = torch.tensor([[5], [2]])
    assert torch.equal(sets.projection(rows)[:, 0], sets.crops.projection[[5, 2]])


def test_the_views_of_a_set_share_one_placement(sets: ViewSets) -> None:
    """A point of the head falls where the views' own cameras put it, in every crop."""
    rows = torch.tensor([[4, 7, 5]])
    views = VIEWS.choose(rows[0].numpy())
    placement = place_views(views, TEMPLATE)
    placed = in_canonical_frame(views, placement)
    point_mm = HEADS.vertices[1][::20].astype(np.float64)
    canonical = torch.tensor((placement.apply(point_mm) - TEMPLATE.nose_bridge) / 100.0).float()
    for i, row in enumerate(rows[0].tolist()):
        camera = point_mm @ views.R[i].T + views.t[i]
        in_image = camera @ views.K[i].T
        in_image = in_image / in_image[:, 2:]
        expected = (in_image @ sets.crops.to_crop[row].T)[:, :2]
        found = pixels(sets.projection(rows)[0, i], canonical)
        np.testing.assert_allclose(found, expected, atol=0.02)
    assert np.isfinite(placed.R).all()


def test_order_and_repetition_do_not_move_the_cameras(sets: ViewSets) -> None:
    once = sets.projection(torch.tensor([[0, 2]]))[0]
    assert torch.equal(sets.projection(torch.tensor([[2, 0, 2]]))[0], once[[1, 0, 1]])


def test_a_mirrored_set_sees_the_mirrored_head(sets: ViewSets) -> None:
    count = len(VIEWS)
    rows = torch.tensor([[0, 3]])
    points = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    plain = sets.projection(rows)[0]
    mirrored = sets.projection(rows + count)[0]
    for i in range(2):
        there = pixels(mirrored[i], points * torch.tensor([-1.0, 1.0, 1.0]))
        here = pixels(plain[i], points)
        np.testing.assert_allclose(there[:, 0], SIDE - here[:, 0], atol=1e-3)
        np.testing.assert_allclose(there[:, 1], here[:, 1], atol=1e-3)
