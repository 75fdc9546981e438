"""One readable training loop: seeded, resumable to the same bytes, quiet."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from headwater.training.average import average_of
from headwater.training.checkpoint import Training, latest_checkpoint, restore, save_checkpoint
from headwater.training.draws import stream
from headwater.training.selection import Validation, better
from headwater.training.turns import ReadyTurn, Turn, diverged

Progress = Callable[[int, int, dict[str, float]], None]
Sums = dict[str, Tensor]


@dataclass(frozen=True)
class Plan:
    """Number of steps, and the steps between two checkpoints and between two records."""

    steps: int
    checkpoint_every: int
    log_every: int = 10

    def __post_init__(self) -> None:
        """A checkpoint between two records would lose the sums of the losses so far."""
        if self.checkpoint_every % self.log_every:
            raise ValueError(f"checkpoint_every must be a multiple of {self.log_every}")

    def due(self, step: int, every: int) -> bool:
        """True after every so many steps, and after the last one."""
        return step % every == 0 or step == self.steps


def fit(
    model: nn.Module,
    turns: Sequence[Turn],
    plan: Plan,
    *,
    seed: int,
    fingerprint: str,
    checkpoint_dir: Path,
    fabric: Fabric | None = None,
    average: float | None = None,
    validation: Validation | None = None,
    progress: Progress | None = None,
) -> list[dict[str, float]]:
    """Train ``model`` in place and return the curve.

    In each step every turn is taken, in order. fingerprint names the training (settings and data):
    only checkpoints with the same one are resumed from. fabric: the devices that share each batch;
    for None the one that the model is on. average: decay of the moving average of the weights,
    which is then validated and kept instead of the last weights. validation: chooses the weights
    that are kept; without it, or where its error never was a finite number, they are those after
    the last step.

    Curve records hold the step, the first turn's rate, mean losses since the record before, and the
    error on the validation split where it was taken. progress(step, steps, record) is called with
    every record. Raises HeadwaterError when a loss or gradient is not finite.
    """
    if validation is not None and validation.every % plan.log_every:
        raise ValueError(f"the steps between validations must be a multiple of {plan.log_every}")
    device = next(model.parameters()).device
    fabric = fabric or Fabric(accelerator=device.type, devices=1)
    fingerprint = f"{fingerprint} {fabric.world_size} {fabric.strategy.precision.precision}"
    ready = [ReadyTurn(turn, turns, fabric) for turn in turns]
    training = Training(
        model,
        {turn.name: turn.optimizer for turn in turns},
        None if average is None else average_of(model, average),
    )
    resumed = latest_checkpoint(checkpoint_dir, fingerprint)
    if resumed is not None:
        restore(resumed, training)
    model.train()
    sums: Sums = {}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        while training.step < plan.steps:
            _step(training, ready, seed, fabric.global_rank, sums)
            if not plan.due(training.step, plan.log_every):
                continue
            record = _record(training, plan, turns[0], sums, fabric)
            sums = {}
            if validation is not None and plan.due(training.step, validation.every):
                record["validation"] = _validate(training, validation, fabric)
            training.curve.append(record)
            if progress is not None and fabric.is_global_zero:
                progress(training.step, plan.steps, record)
            if plan.due(training.step, plan.checkpoint_every) and fabric.is_global_zero:
                save_checkpoint(checkpoint_dir, training, fingerprint)
    _keep(training)
    return training.curve


def _step(training: Training, ready: Sequence[ReadyTurn], seed: int, rank: int, sums: Sums) -> None:
    """Take every turn once, and add its losses to ``sums``."""
    for place, turn in enumerate(ready):
        parts = turn.take(training.step, stream(seed, training.step, place, rank))
        # Summed where they are, in double precision: no device has to be waited for.
        for name, value in parts.items():
            sums[name] = sums[name] + value.double() if name in sums else value.double()
    if training.average is not None:
        training.average.update_parameters(training.model)
    training.step += 1


def _record(
    training: Training, plan: Plan, turn: Turn, sums: Sums, fabric: Fabric
) -> dict[str, float]:
    """Mean losses since the record before, over all devices."""
    step, count = training.step, training.step - len(training.curve) * plan.log_every
    totals = torch.as_tensor(fabric.all_reduce(torch.stack(list(sums.values())))).tolist()
    means = {name: total / count for name, total in zip(sums, totals, strict=True)}
    for name, mean in means.items():
        if not math.isfinite(mean):
            raise diverged(name, step - 1)
    return {"step": step, "learning_rate": turn.rate(step - 1), **means}


def _shown(training: Training) -> nn.Module:
    """The model whose weights are validated and kept."""
    return training.model if training.average is None else training.average.module


@torch.no_grad()
def _validate(training: Training, validation: Validation, fabric: Fabric) -> float:
    """The error of the weights now; keeps them where they are the best so far."""
    shown = _shown(training).eval()
    # One device measures for all: others may round otherwise, and all must choose the same step.
    error = fabric.broadcast(validation.error(shown) if fabric.is_global_zero else 0.0)
    training.best = better(training.best, training.step, error, shown)
    shown.train()
    return error


def _keep(training: Training) -> None:
    """Put the weights that the training chose into the model."""
    if training.best is not None:
        training.model.load_state_dict(training.best.state)
    elif training.average is not None:
        training.model.load_state_dict(training.average.module.state_dict())
    training.model.eval()
