"""Files of tensors without pickle, checked on reading: those of weights, and checkpoints.

A file of either kind holds a digest of its tensors and notes. A checkpoint holds the tensors of the
model, of its optimisers, of the average of its weights and of the best weights so far and, as JSON
in the header, the step, the curve so far, the best step with its validation error and a fingerprint
of what is being trained.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from headwater.artifacts.atomic import write_bytes
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.training.selection import Best

_NAME = re.compile(r"step-(\d{8})\.safetensors")
KEPT = 2
_NOTES, _DIGEST = "headwater", "sha256"
_MAX_REASON = 300


@dataclass
class Training:
    """The state of a training, which changes from step to step.

    optimizers: by the names of their turns. average: of the weights, where one is kept. step: steps
    done. curve: one record per logged step. best: the weights of least validation error so far.
    """

    model: nn.Module
    optimizers: Mapping[str, torch.optim.Optimizer]
    average: AveragedModel | None = None
    step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    best: Best | None = None


@dataclass(frozen=True)
class Checkpoint:
    """step: steps done. curve: one record per logged step. best: step and validation error.

    tensors: model.*, optimizer.<turn>.*, and average.* and best.* where there are such.
    """

    step: int
    curve: list[dict[str, float]]
    best: dict[str, float] | None
    tensors: dict[str, Tensor]

    def below(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with ``name`` and a dot, by the rest of their names."""
        start = f"{name}."
        return {
            key.removeprefix(start): value
            for key, value in self.tensors.items()
            if key.startswith(start)
        }


def safetensors_bytes(tensors: Mapping[str, Tensor | NDArray[Any]], notes: dict[str, Any]) -> bytes:
    """A safetensors file as bytes, equal for equal content, with a digest of all of it.

    The format keeps its metadata in a hash map of random order, so all notes go under one key.
    """
    whole = {
        name: torch.as_tensor(value).detach().cpu().contiguous()
        for name, value in sorted(tensors.items())
    }
    # As they will be read: JSON has no tuples, and no keys but text.
    read = json.loads(json.dumps(notes))
    sealed = json.dumps({**read, _DIGEST: _digest(whole, read)}, sort_keys=True)
    return save(whole, metadata={_NOTES: sealed})


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and notes of a file written from ``safetensors_bytes``.

    Raises HeadwaterError for any other file, and for content that is not as it was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            notes = json.loads((file.metadata() or {}).get(_NOTES, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if _DIGEST not in notes:
            raise ValueError("it holds no digest of its content; train them again")
        if notes.pop(_DIGEST) != _digest(tensors, notes):
            raise ValueError("its content is not as it was written; fetch or train them again")
    except (SafetensorError, *READER_ERRORS) as error:
        raise unreadable(path, error) from error
    return tensors, notes


def noted(path: Path, name: str) -> Any:
    """A note of a file written from ``safetensors_bytes``, read alone; None where there is none."""
    try:
        with safe_open(path, framework="pt") as file:
            return json.loads((file.metadata() or {}).get(_NOTES, "{}")).get(name)
    except (SafetensorError, AttributeError, *READER_ERRORS):
        return None


def unreadable(path: Path, error: Exception) -> HeadwaterError:
    """The error of a reader of weights as one sentence that names the file."""
    reason = " ".join(str(error).split())[:_MAX_REASON] or type(error).__name__
    return HeadwaterError(f"{path}: no readable weights ({reason})")


def save_checkpoint(folder: Path, training: Training, fingerprint: str) -> None:
    """Write ``step-<n>.safetensors`` and keep the newest two."""
    best = training.best
    tensors = {f"model.{k}": v for k, v in training.model.state_dict().items()}
    for name, optimizer in training.optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{name}.{index}.{k}": v for k, v in state.items()}
    if training.average is not None:
        tensors |= {f"average.{k}": v for k, v in training.average.state_dict().items()}
    if best is not None:
        tensors |= {f"best.{k}": v for k, v in best.state.items()}
    notes: dict[str, Any] = {
        "step": training.step,
        "curve": training.curve,
        "best": None if best is None else {"step": best.step, "error": best.error},
        "fingerprint": fingerprint,
    }
    path = folder / f"step-{training.step:08d}.safetensors"
    write_bytes(path, safetensors_bytes(tensors, notes))
    for old in _files(folder)[:-KEPT]:
        old.unlink()


def latest_checkpoint(folder: Path, fingerprint: str) -> Checkpoint | None:
    """The newest undamaged checkpoint of this very training, or None.

    Damaged files (cut off, or with a flipped bit) and those of another training are passed over.
    """
    for path in reversed(_files(folder)):
        try:
            tensors, notes = read_safetensors(path)
        except HeadwaterError:
            continue
        if notes.get("fingerprint") == fingerprint:
            return Checkpoint(notes["step"], notes["curve"], notes["best"], tensors)
    return None


def restore(checkpoint: Checkpoint, training: Training) -> None:
    """Put what a checkpoint holds into ``training``."""
    training.step, training.curve = checkpoint.step, checkpoint.curve
    training.model.load_state_dict(checkpoint.below("model"))
    for name, optimizer in training.optimizers.items():
        _restore_optimizer(checkpoint.below(f"optimizer.{name}"), optimizer)
    if training.average is not None:
        training.average.load_state_dict(checkpoint.below("average"))
    if checkpoint.best is not None:
        step, error = int(checkpoint.best["step"]), checkpoint.best["error"]
        training.best = Best(step, error, checkpoint.below("best"))


def _restore_optimizer(tensors: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for place, values in state.items():
        # A fused optimiser walks memory as it lies: state must lie as its parameter does.
        like = parameters[place]
        for name, value in values.items():
            if value.shape == like.shape:
                values[name] = torch.empty_like(like).copy_(value)
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _digest(tensors: dict[str, Tensor], notes: dict[str, Any]) -> str:
    """SHA-256 of contiguous tensors on the CPU and of notes, as text."""
    total = hashlib.sha256(json.dumps(notes, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
