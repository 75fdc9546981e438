"""Query points: on a perfect descent's path, or scattered as LVD draws them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.losses import oracle_path
from headwater.networks.vertex_descent.points import QueryPoints

HEADS, POINTS = 4, 400
EXACT = DescentConfig(near_sigmas_mm=(1e-6,))


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def target(seed: int = 0) -> torch.Tensor:
    return torch.randn(HEADS, POINTS, 3, generator=drawn(seed))


def test_moments_are_on_the_way_or_at_the_end() -> None:
    config = DescentConfig(near_share=0.25, iterations=8)
    moments = QueryPoints(config).moments(4000, drawn()).flatten()
    arrived = moments == 16.0
    assert float(arrived.float().mean()) == pytest.approx(0.25, abs=0.03)
    early = moments[~arrived]
    assert 0.0 <= float(early.min()) < 0.1
    assert 7.9 < float(early.max()) < 8.0
    assert float(early.mean()) == pytest.approx(4.0, abs=0.15)


def slow_path(start: np.ndarray, end: np.ndarray, steps: float, clamp: float) -> np.ndarray:
    """One coordinate after another, whole steps and then a part of one."""
    place = start.copy()
    for index in np.ndindex(place.shape):
        left = steps
        while left > 0:
            share = min(1.0, left)
            reach = share * clamp
            place[index] += np.clip(end[index] - place[index], -reach, reach)
            left -= 1.0
    return place


@given(st.floats(0.0, 12.0), st.floats(0.05, 0.5), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_the_path_is_walked_in_clamped_steps(steps: float, clamp: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, end = rng.normal(0, 1, (1, 5, 3)), rng.normal(0, 1, (1, 5, 3))
    moment = torch.full((1, 1, 1), steps, dtype=torch.double)
    path = oracle_path(torch.tensor(start), torch.tensor(end), moment, clamp)
    np.testing.assert_allclose(path, slow_path(start, end, steps, clamp), atol=1e-9)


def test_points_begin_in_the_ball_and_end_on_their_targets() -> None:
    points, goal = QueryPoints(EXACT), target()
    start = points.on_path(goal, torch.zeros(HEADS, 1, 1), drawn())
    assert float(start.norm(dim=-1).max()) <= 0.42 + 1e-5
    end = points.on_path(goal, torch.full((HEADS, 1, 1), 100.0), drawn())
    torch.testing.assert_close(end, goal, atol=1e-5, rtol=0)
    once = points.on_path(goal, torch.ones(HEADS, 1, 1), drawn())
    assert float((once - start).abs().max()) <= EXACT.clamp + 1e-5


def test_noise_has_each_of_its_spreads_as_often() -> None:
    """The variance is the mean of theirs; near the target nothing else moves a point."""
    sigmas = (1.0, 10.0)
    points = QueryPoints(DescentConfig(near_sigmas_mm=sigmas))
    goal = torch.zeros(HEADS, 5000, 3)
    noise = points.on_path(goal, torch.full((HEADS, 1, 1), 100.0), drawn())
    expected = np.sqrt(np.mean(np.square(sigmas))) / 100.0
    assert float(noise.std()) == pytest.approx(expected, rel=0.03)
    small = (noise.abs().amax(dim=-1) < 0.04).float().mean()
    assert 0.45 < float(small) < 0.6


def test_scattered_points_have_the_shares_of_lvd() -> None:
    """A quarter in the box, 15 % in the ball, the rest on points of the target."""
    config = DescentConfig(points=200, box_mm=150.0, near_sigmas_mm=(1e-6,))
    goal = 50.0 + target()
    scattered = QueryPoints(config).scattered(goal, drawn())
    assert scattered.shape == (HEADS, 200, 3)
    box, ball, near = scattered.split([50, 30, 120], dim=1)
    assert float(box.abs().max()) <= 1.5
    assert float(box.std()) == pytest.approx(1.5 / np.sqrt(3), rel=0.1)
    assert float(ball.norm(dim=-1).max()) <= 0.42 + 1e-5
    for head in range(HEADS):
        gaps = torch.cdist(near[head].double(), goal[head].double()).amin(dim=1)
        assert float(gaps.max()) < 1e-4


def test_a_generator_draws_the_same_points_again() -> None:
    points = QueryPoints(DescentConfig())
    for draw in (points.scattered, lambda g, d: points.on_path(g, torch.ones(HEADS, 1, 1), d)):
        assert torch.equal(draw(target(), drawn(3)), draw(target(), drawn(3)))
        assert not torch.equal(draw(target(), drawn(3)), draw(target(), drawn(4)))


def test_descents_arrive_between_the_known_head_and_the_true_one() -> None:
    known, true = target(1), target(2)
    between = QueryPoints(DescentConfig()).towards(known, true, drawn())
    shares = (between - known) / (true - known)
    per_head = shares.flatten(1)
    assert float(per_head.std(dim=1).max()) < 1e-3
    assert ((per_head > -1e-3) & (per_head < 1 + 1e-3)).all()
    assert float(per_head[:, 0].std()) > 0.05
