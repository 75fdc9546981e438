"""The nearest and the farthest point of every pixel, against looking at all of them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from headwater.systems.prdl import point_search
from headwater.systems.prdl.point_search import Anchors, PointSets, winning_points
from tests.systems.prdl.slow_prdl import pixel_grid

GENERATOR = np.random.default_rng


def all_distances(points: Tensor, anchors: Anchors) -> Tensor:
    places = pixel_grid(anchors.height, anchors.width, anchors.stride)
    return (places[:, None] - points.double()).square().sum(dim=2)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    stride=st.integers(1, 5),
    farthest=st.booleans(),
    lattice=st.booleans(),
)
def test_it_finds_the_nearest_and_the_farthest(
    seed: int,
    sizes: list[int],
    height: int,
    width: int,
    stride: int,
    farthest: bool,
    lattice: bool,
) -> None:
    anchors = Anchors(height, width, stride)
    if not anchors.rows * anchors.columns:
        return
    places = GENERATOR(seed).uniform(-20, 60, (sum(sizes), 2))
    # On a lattice there are coincident points and many equal distances.
    points = torch.from_numpy(np.floor(places / 8) * 8 + 0.5 if lattice else places)
    found = winning_points(PointSets.of(points, tuple(sizes)), anchors, farthest=farthest)
    first = 0
    for size, winner in zip(sizes, found, strict=True):
        squared = all_distances(points[first : first + size], anchors)
        best = squared.amax(dim=1) if farthest else squared.amin(dim=1)
        won = squared.gather(1, winner[:, None].long() - first)[:, 0]
        if lattice:
            assert torch.equal(won, best)
        torch.testing.assert_close(won, best, rtol=1e-13, atol=1e-10)
        first += size


@pytest.mark.parametrize("farthest", [False, True])
def test_indices_are_those_of_looking_at_all_points(farthest: bool) -> None:
    anchors = Anchors(64, 80)
    points = torch.from_numpy(GENERATOR(1).uniform(10, 60, (350, 2)))
    found = winning_points(PointSets.of(points, (150, 200)), anchors, farthest=farthest)
    for winner, some, first in zip(found, points.split([150, 200]), (0, 150), strict=True):
        squared = all_distances(some, anchors)
        wanted = squared.argmax(dim=1) if farthest else squared.argmin(dim=1)
        assert torch.equal(winner.long(), wanted + first)


@pytest.mark.parametrize("farthest", [False, True])
def test_single_precision_loses_no_more_than_rounding(farthest: bool) -> None:
    anchors = Anchors(112, 112)
    points = torch.from_numpy(GENERATOR(2).uniform(0, 224, (600, 2))).float()
    winner = winning_points(PointSets.of(points, (600,)), anchors, farthest=farthest)[0]
    squared = all_distances(points, anchors)
    best = squared.amax(dim=1) if farthest else squared.amin(dim=1)
    won = squared.gather(1, winner[:, None].long())[:, 0]
    torch.testing.assert_close(won.sqrt(), best.sqrt(), rtol=0, atol=2e-5)


def test_of_equal_points_the_first_wins() -> None:
    points = torch.tensor([[3.0, 3.0], [1.0, 1.0], [1.0, 1.0], [3.0, 3.0]])
    for farthest in (False, True):
        found = winning_points(PointSets.of(points, (4,)), Anchors(4, 4), farthest=farthest)
        assert set(found.unique().tolist()) == {0, 1}


def test_coincident_points_cost_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: list[int] = []
    contenders = point_search._contenders

    def counted(*given: object) -> object:
        pairs.append(given[2].shape[1])  # type: ignore[attr-defined]
        return contenders(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(point_search, "_contenders", counted)
    sets = PointSets.of(torch.full((4000, 2), 17.3), (4000,))
    assert winning_points(sets, Anchors(224, 224)).unique().tolist() == [0]
    assert max(pairs) == 4000


def test_sets_searched_apart_are_found_as_together(monkeypatch: pytest.MonkeyPatch) -> None:
    points = torch.from_numpy(GENERATOR(3).uniform(0, 50, (90, 2)))
    sets = PointSets.of(points, (20, 50, 5, 15))
    together = winning_points(sets, Anchors(50, 50))
    monkeypatch.setattr(point_search, "_TOGETHER", {"cpu": 30})
    assert torch.equal(winning_points(sets, Anchors(50, 50)), together)


def test_anchors_are_centres_of_pixels() -> None:
    anchors = Anchors(5, 7, 2)
    like = torch.zeros(0, dtype=torch.float64)
    assert torch.equal(anchors.points(like), pixel_grid(5, 7, 2))
    maps = torch.arange(35.0).reshape(5, 7)
    assert anchors.view(maps).tolist() == [[8, 10, 12], [22, 24, 26]]
