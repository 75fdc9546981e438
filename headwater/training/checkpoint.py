"""Checkpoints without pickle: one safetensors file each, whole or not at all, checked on reading.

A file holds the model's tensors, the optimiser's tensors and, as JSON in the header, the step, the
curve so far and a fingerprint of what is being trained.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from headwater.artifacts.atomic import write_bytes

_NAME = re.compile(r"step-(\d{8})\.safetensors")
KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """step: steps done. curve: one record per logged step. tensors: model.* and optimizer.*."""

    step: int
    curve: list[dict[str, float]]
    tensors: dict[str, Tensor]


def safetensors_bytes(tensors: dict[str, Tensor], notes: dict[str, Any]) -> bytes:
    """A safetensors file as bytes, equal for equal content.

    The format keeps its metadata in a hash map of random order, so all notes go under one key.
    """
    whole = {name: value.detach().cpu().contiguous() for name, value in sorted(tensors.items())}
    return save(whole, metadata={"headwater": json.dumps(notes, sort_keys=True)})


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and notes of a file written from ``safetensors_bytes``."""
    with safe_open(path, framework="pt") as file:
        notes = json.loads((file.metadata() or {}).get("headwater", "{}"))
        names = list(file.keys())
        return {name: file.get_tensor(name) for name in names}, notes


def save_checkpoint(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    curve: list[dict[str, float]],
    fingerprint: str,
) -> None:
    """Write ``step-<n>.safetensors`` and keep the newest two."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": v for k, v in state.items()}
    notes: dict[str, Any] = {"step": step, "curve": curve, "fingerprint": fingerprint}
    notes["sha256"] = _digest(tensors, notes)
    write_bytes(folder / f"step-{step:08d}.safetensors", safetensors_bytes(tensors, notes))
    for old in _files(folder)[:-KEPT]:
        old.unlink()


def latest_checkpoint(folder: Path, fingerprint: str) -> Checkpoint | None:
    """The newest undamaged checkpoint of this very training, or None.

    Damaged files (cut off, or with a flipped bit) and those of another training are passed over.
    """
    for path in reversed(_files(folder)):
        try:
            tensors, notes = read_safetensors(path)
        except (SafetensorError, ValueError, OSError):
            continue
        digest = notes.pop("sha256", None)
        if digest == _digest(tensors, notes) and notes["fingerprint"] == fingerprint:
            return Checkpoint(notes["step"], notes["curve"], tensors)
    return None


def restore(checkpoint: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put a checkpoint's tensors into ``model`` and ``optimizer``."""
    tensors = checkpoint.tensors
    model.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
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
    total = hashlib.sha256(json.dumps(notes, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        array = value.detach().cpu().contiguous().numpy()
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()
