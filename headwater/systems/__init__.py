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

# LVD is GLVD without keypoints: one code, two systems.
STAGES: Final = MappingProxyType(
    {"glvd": "headwater.systems.glvd.stage", "lvd": "headwater.systems.glvd.stage"}
)


@dataclass(frozen=True)
class System:
    """A system as the pipeline runs it.

    training_steps(params): optimiser steps. train_stage(params, head model, data, out,
    checkpoints, progress): tables to ``out/weights.safetensors``. evaluate_stage(params, data,
    out): weights to ``out/metrics.json``. Both stages return figures to print. A stage module's own
    functions take the system's name first.
    """

    name: str
    training_steps: Callable[[Params], int]
    train_stage: Callable[[Params, HeadModel, Path, Path, Path, Progress | None], dict[str, Any]]
    evaluate_stage: Callable[[Params, Path, Path], dict[str, Any]]


def system(name: str) -> System:
    """The system of this name; its code is imported now. Raises HeadwaterError if unknown."""
    if name not in STAGES:
        nearest = difflib.get_close_matches(name, STAGES, n=1, cutoff=0.0)[0]
        raise HeadwaterError(f"unknown system {name!r}; the nearest known one is {nearest!r}")
    stage = cast("Any", import_module(STAGES[name]))
    return System(
        name,
        partial(stage.training_steps, name),
        partial(stage.train_stage, name),
        partial(stage.evaluate_stage, name),
    )
