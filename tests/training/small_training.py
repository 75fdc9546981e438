"""A training of a small network that learns to add four numbers, and how to kill it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from headwater.training.checkpoint import safetensors_bytes
from headwater.training.loop import Plan, fit
from headwater.training.schedules import Rate, constant_then_linear
from headwater.training.turns import Turn

STEPS = 60
PLAN = Plan(steps=STEPS, checkpoint_every=10)
RATE = Rate(0.05, (constant_then_linear(STEPS, 0.5),))
Curve = list[dict[str, float]]


class Killed(Exception):
    """Stands for the process being killed."""


def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def adding(model: nn.Module, killed_at: int | None = None) -> Turn:
    """The turn of one optimiser; every batch is drawn from the step's own generator."""

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        if step == killed_at:
            raise Killed
        x = torch.randn(16, 4, generator=generator)
        return {"loss": (model(x)[:, 0] - x.sum(dim=1)).abs().mean()}

    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, betas=(0.5, 0.999))
    return Turn(optimizer, losses, RATE, gradient_norm=1.0)


def run(
    folder: Path, *, killed_at: int | None = None, fingerprint: str = "sums", **options: Any
) -> tuple[nn.Module, Curve]:
    model = network()
    curve = train(model, [adding(model, killed_at)], folder, fingerprint=fingerprint, **options)
    return model, curve


def train(model: nn.Module, turns: Sequence[Turn], folder: Path, **options: Any) -> Curve:
    settings: dict[str, Any] = {"seed": 3, "fingerprint": "sums", "checkpoint_dir": folder}
    return fit(model, turns, options.pop("plan", PLAN), **{**settings, **options})


def weights(model: nn.Module) -> bytes:
    return safetensors_bytes(dict(model.state_dict()), {})
