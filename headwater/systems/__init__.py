"""The published systems: one folder of the same shape each, and the dictionary of them all."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.heads.model import HeadModel

Progress = Callable[[int, int, dict[str, float]], None]
Counter = Callable[[int], None]

# LVD is GLVD without keypoints: one code, two systems.
PACKAGES: Final = MappingProxyType(
    {"glvd": "headwater.systems.glvd", "lvd": "headwater.systems.glvd"}
)


@dataclass(frozen=True)
class Trainer:
    """Training of a system, as the pipeline runs it.

    training_steps(params): optimiser steps. train_stage(params, head model, data, out,
    checkpoints, progress): tables to ``out/weights.safetensors``; returns figures to print.
    """

    training_steps: Callable[[Params], int]
    train_stage: Callable[[Params, HeadModel, Path, Path, Path, Progress | None], dict[str, Any]]


# evaluate_stage(params, data, out, counter): weights to ``out/metrics.json``; returns its figures.
Evaluator = Callable[[Params, Path, Path, Counter | None], dict[str, Any]]


def trainer(name: str) -> Trainer:
    """The training of the system of this name. Raises HeadwaterError if unknown."""
    stage = _stage(name, "stage_train")
    return Trainer(partial(stage.training_steps, name), partial(stage.train_stage, name))


def evaluator(name: str) -> Evaluator:
    """The evaluation of the system of this name. Raises HeadwaterError if unknown."""
    return partial(_stage(name, "stage_evaluate").evaluate_stage, name)


def _stage(name: str, module: str) -> Any:
    """A stage's module, imported now; its functions take the system's name first."""
    if name not in PACKAGES:
        nearest = difflib.get_close_matches(name, PACKAGES, n=1, cutoff=0.0)[0]
        raise HeadwaterError(f"unknown system {name!r}; the nearest known one is {nearest!r}")
    return cast("Any", import_module(f"{PACKAGES[name]}.{module}"))
