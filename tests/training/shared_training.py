"""A training that several devices share, as one of a system is called; for processes to import."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from headwater.artifacts.atomic import write_bytes
from headwater.errors import HeadwaterError
from headwater.training.checkpoint import safetensors_bytes
from headwater.training.determinism import deterministic
from headwater.training.draws import Share, pass_over
from headwater.training.loop import Plan, fit
from headwater.training.per_scene import PerScene
from headwater.training.run import Curve, Run
from headwater.training.schedules import Rate
from headwater.training.selection import Validation
from headwater.training.turns import Turn

ROWS, SCENES, BATCH = 20, 5, 4


def build() -> nn.ModuleDict:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
        return nn.ModuleDict(
            {"layers": layers, "codes": PerScene(torch.zeros(SCENES, 2)), "unused": nn.Linear(2, 2)}
        )


def answers(model: nn.ModuleDict, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Predicted and true values of rows; a row shows one scene."""
    inputs = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(1))
    scenes = torch.arange(ROWS) % SCENES
    truth = inputs.sum(dim=1) + scenes
    codes = model["codes"](scenes[rows])
    return model["layers"](torch.cat([inputs[rows], codes], dim=1))[:, 0], truth[rows]


def train(config: dict[str, Any], data: Path, run: Run, weights: Path) -> Curve:
    """Learn sums of rows and of their scenes' numbers.

    config: steps; optionally fails_at, dies_at and waits_at, a step. Rows that a device sees are
    noted in ``data``.
    """
    assert run.fabric is not None
    fabric = run.fabric
    share = Share(fabric.global_rank, fabric.world_size)
    model = build()
    seen: dict[int, list[int]] = {}

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        if step == config.get("fails_at") and share.rank == share.ranks - 1:
            raise HeadwaterError("head 7 has no views; add some")
        if step == config.get("dies_at") and share.rank == share.ranks - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == config.get("waits_at"):
            (data / f"waits-{share.rank}").touch()
            time.sleep(600)
        rows = pass_over(ROWS, BATCH, step, share)
        seen[step] = rows.tolist()
        return {"loss": mse_loss(*answers(model, rows))}

    def error(shown: nn.Module) -> float:
        assert isinstance(shown, nn.ModuleDict)
        return float(mse_loss(*answers(shown, torch.arange(ROWS))))

    turn = Turn(torch.optim.Adam(model.parameters(), lr=0.02), losses, Rate(0.02), 1.0)
    with deterministic(1):
        curve = fit(
            model,
            [turn],
            Plan(config["steps"], checkpoint_every=10),
            seed=run.seed,
            fingerprint="sums",
            checkpoint_dir=run.checkpoints,
            fabric=fabric,
            average=0.9,
            validation=Validation(10, error),
            progress=run.progress,
        )
    (data / f"seen-{share.rank}.json").write_text(json.dumps(seen))
    write_bytes(weights, safetensors_bytes(dict(model.state_dict()), {}))
    return curve
