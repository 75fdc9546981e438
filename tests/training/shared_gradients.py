"""A training that writes down the gradients of its steps; for processes to import."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from headwater.artifacts.atomic import write_bytes
from headwater.training.checkpoint import safetensors_bytes
from headwater.training.determinism import deterministic
from headwater.training.draws import Share, pass_over
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Run
from headwater.training.schedules import Rate
from headwater.training.turns import Turn
from tests.training.shared_training import BATCH, ROWS, answers, build

STEPS = 10


def train(config: None, data: Path, run: Run, weights: Path) -> Curve:
    """Move the model of ``shared_training`` by gradient descent.

    The gradients that a device steps by go into ``data``, by "parameter step".
    """
    assert run.fabric is not None
    share = Share(run.fabric.global_rank, run.fabric.world_size)
    model = build()
    noted: dict[str, Tensor] = {}

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": mse_loss(*answers(model, pass_over(ROWS, BATCH, step, share)))}

    def note(optimizer: torch.optim.Optimizer, *arguments: Any) -> None:
        step = sum(name.startswith("layers.0.weight") for name in noted)
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                noted[f"{name} {step}"] = parameter.grad.clone()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    optimizer.register_step_pre_hook(note)
    with deterministic(1):
        curve = fit(
            model,
            [Turn(optimizer, losses, Rate(0.02))],
            Plan(STEPS, checkpoint_every=STEPS),
            seed=run.seed,
            fingerprint="gradients",
            checkpoint_dir=run.checkpoints,
            fabric=run.fabric,
        )
    write_bytes(data / f"gradients-{share.rank}", safetensors_bytes(noted, {}))
    return curve
