"""Descents by a perfect field, and the points that they start from."""

from itertools import pairwise

import torch

from headwater.networks.step_decoder import StepDecoder
from headwater.networks.vertex_descent.fields import (
    EncodedViews,
    Field,
    Rows,
    random_ball,
    starting_points,
)
from headwater.networks.vertex_descent.losses import clamped_l1, oracle_path
from headwater.systems.glvd.config import SIZES


def test_a_perfect_field_arrives_after_the_steps_that_the_clamp_allows() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(1, 500, 3, generator=generator)
    start = random_ball(500, 0.42, generator)[None]
    clamp = 0.15
    steps = int(torch.ceil((target - start).abs().max() / clamp))
    vertices, errors = start, []
    for done in range(steps):
        torch.testing.assert_close(
            vertices, oracle_path(start, target, torch.full((1, 1, 1), float(done)), clamp)
        )
        errors.append((target - vertices).norm(dim=-1).mean())
        vertices = vertices + (target - vertices).clamp(-clamp, clamp)
    assert all(b < a for a, b in pairwise(errors))
    torch.testing.assert_close(vertices, target, atol=1e-6, rtol=0)
    assert clamped_l1((target - start).clamp(-clamp, clamp), start, target, clamp) == 0


def test_descents_start_where_the_config_says() -> None:
    template = torch.randn(50, 3)
    starts = {
        start: starting_points(
            template,
            SIZES["smoke"].model_copy(update={"start": start}),
            torch.Generator().manual_seed(0),
        )
        for start in ("ball", "zero", "template")
    }
    assert starts["zero"].abs().max() == 0
    assert torch.equal(starts["template"], template)
    assert starts["ball"].shape == (50, 3)
    assert 0 < starts["ball"].norm(dim=1).max() <= 0.42 + 1e-6


def test_with_a_known_head_a_step_goes_to_it_and_what_differs_and_is_clamped() -> None:
    """From anywhere a descent arrives at the known head plus the residual, whatever its start."""
    torch.manual_seed(0)
    config = SIZES["smoke"].model_copy(update={"residual_mm": 3.0, "clamp_mm": 15.0})
    known, residual = torch.randn(1, 6, 3), torch.randn(1, 6, 3)

    class Constant(StepDecoder):
        def own_rows(self, features: torch.Tensor, rows: Rows) -> torch.Tensor:
            return residual

    decoder = Constant(3 + config.outputs, 8, 6)
    maps, cameras = torch.randn(1, 1, config.outputs, 4, 4), torch.randn(1, 1, 3, 4)
    field = Field(decoder, config, EncodedViews(maps, cameras, torch.zeros(1, 0), known))
    points = 2.0 * torch.randn(1, 6, 3)
    with torch.no_grad():
        for _ in range(60):
            step = field.own(points)
            assert step.abs().max() <= 0.15 + 1e-6
            points = points + step
    torch.testing.assert_close(points, known + 0.03 * residual, atol=1e-5, rtol=0)
