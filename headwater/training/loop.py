"""One readable training loop: seeded, resumable to the same bytes, quiet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from headwater.training.checkpoint import latest_checkpoint, restore, save_checkpoint
from headwater.training.device import CPU

# A module that replaces its own class at import, which type checkers cannot follow.
deterministic_settings: Any = torch.utils.deterministic

LossFunction = Callable[[int, torch.Generator], dict[str, Tensor]]
Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class Schedule:
    """Steps and learning rate: constant for a share of the steps, then linear to zero."""

    steps: int
    learning_rate: float
    constant_share: float
    gradient_norm: float
    checkpoint_every: int
    log_every: int = 10

    def __post_init__(self) -> None:
        """A checkpoint between two records would lose the sums of the losses so far."""
        if self.checkpoint_every % self.log_every:
            raise ValueError(f"checkpoint_every must be a multiple of {self.log_every}")

    def rate(self, step: int) -> float:
        """Learning rate of step ``step`` (from 0)."""
        constant = self.constant_share * self.steps
        left = (self.steps - step) / max(self.steps - constant, 1.0)
        return self.learning_rate * min(1.0, left)


@contextmanager
def deterministic(threads: int, device: torch.device = CPU) -> Iterator[None]:
    """Bit-equal results inside: deterministic algorithms on a fixed number of threads.

    On the CPU alone: CUDA has no deterministic way back through the sampling of maps.
    """
    before = torch.are_deterministic_algorithms_enabled()
    filled = deterministic_settings.fill_uninitialized_memory
    count = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # Filling fresh memory guards code that reads what it never wrote; here it is only slow.
    deterministic_settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        deterministic_settings.fill_uninitialized_memory = filled
        torch.use_deterministic_algorithms(before)
        torch.set_num_threads(count)


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step: a resumed run draws what an unbroken one would."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)


def pass_over(count: int, batch: int, step: int) -> Tensor:
    """Rows (batch,) of a step; every pass over ``count`` rows is a new permutation of them."""
    places = torch.arange(step * batch, (step + 1) * batch)
    rounds = (places // count).unique().tolist()
    orders = {r: torch.randperm(count, generator=torch.Generator().manual_seed(r)) for r in rounds}
    return torch.stack([orders[int(p) // count][int(p) % count] for p in places])


def fit(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    losses: LossFunction,
    schedule: Schedule,
    *,
    seed: int,
    fingerprint: str,
    checkpoint_dir: Path,
    progress: Progress | None = None,
) -> list[dict[str, float]]:
    """Train ``model`` in place and return the curve.

    losses(step, generator) gives named scalars whose sum is minimised; all its randomness must
    come from the generator. fingerprint names the training (settings and data): only checkpoints
    with the same one are resumed from. Curve records hold the step, the rate and mean losses
    since the record before. progress(step, steps, record) is called with every record. A parameter
    group may hold ``rate_share``, which its learning rate is multiplied with.
    """
    device = next(model.parameters()).device
    fabric = Fabric(accelerator=device.type, devices=1)
    model.train()
    wrapped, optimizer = fabric.setup(model, optimizer, move_to_device=False)
    curve: list[dict[str, float]] = []
    first = 0
    found = latest_checkpoint(checkpoint_dir, fingerprint)
    if found is not None:
        restore(found, model, optimizer)
        first, curve = found.step, found.curve
    sums: dict[str, float] = {}
    for step in range(first, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step) * group.get("rate_share", 1.0)
        parts = losses(step, step_generator(seed, step))
        optimizer.zero_grad(set_to_none=True)
        fabric.backward(torch.stack(list(parts.values())).sum())
        fabric.clip_gradients(wrapped, optimizer, max_norm=schedule.gradient_norm)
        optimizer.step()
        sums = {k: sums.get(k, 0.0) + float(v.detach()) for k, v in parts.items()}
        done = step + 1
        if done % schedule.log_every == 0 or done == schedule.steps:
            record = _record(done, schedule, sums, len(curve))
            curve.append(record)
            sums = {}
            if progress is not None:
                progress(done, schedule.steps, record)
        if done % schedule.checkpoint_every == 0 or done == schedule.steps:
            save_checkpoint(checkpoint_dir, done, model, optimizer, curve, fingerprint)
    model.eval()
    return curve


def _record(
    done: int, schedule: Schedule, sums: dict[str, float], earlier: int
) -> dict[str, float]:
    count = done - earlier * schedule.log_every
    means = {name: value / count for name, value in sums.items()}
    return {"step": done, "learning_rate": schedule.rate(done - 1), **means}
