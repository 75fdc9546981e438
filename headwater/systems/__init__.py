"""The published systems: one folder of the same shape each, and the dictionary of them all."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from headwater.artifacts.code import Name, code_of
from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.heads.model import HeadModel

Progress = Callable[[int, int, dict[str, float]], None]
Counter = Callable[[int], None]

# LVD is GLVD without keypoints: one code, two systems.
PACKAGES: Final = MappingProxyType({"glvd": "headwater.descent", "lvd": "headwater.descent"})


@dataclass(frozen=True)
class Trainer:
    """Training of a system, as the pipeline runs it.

    training_steps(params): optimiser steps. train_stage(params, head model, data, out,
    checkpoints, progress): tables to ``out/weights.safetensors``; returns figures to print.
    """

    training_steps: Callable[[Params], int]
    train_stage: Callable[[Params, HeadModel, Path, Path, Path, Progress | None], dict[str, Any]]


# evaluate_stage(params, data, out, counter): weights to ``out``; returns its figures.
Evaluator = Callable[[Params, Path, Path, Counter | None], dict[str, Any]]


def known_systems() -> list[str]:
    """Names of all systems, in order."""
    return sorted(PACKAGES)


def trainer(name: str) -> Trainer:
    """The training of the system of this name. Raises HeadwaterError if unknown."""
    stage = _stage(name, "stage_train")
    return Trainer(partial(stage.training_steps, name), partial(stage.train_stage, name))


def evaluator(name: str) -> Evaluator:
    """The evaluation of the system of this name. Raises HeadwaterError if unknown."""
    return partial(_stage(name, "stage_evaluate").evaluate_stage, name)


def training_inputs(name: str, params: Params, project: Path) -> dict[str, Any]:
    """Everything but data that the weights of a system depend on: its settings and its code."""
    settings = _stage(name, "settings").training_settings(name, params, project)
    return {**settings, **_code(name, "stage_train", "train_stage")}


def evaluation_inputs(name: str, params: Params, project: Path) -> dict[str, Any]:
    """Everything but data and weights that a system's figures on the benchmark depend on."""
    settings = _stage(name, "settings").answer_settings(name, params, project)
    return {**settings, **_code(name, "stage_evaluate", "evaluate_stage")}


def reconstruction_inputs(name: str, params: Params, project: Path) -> dict[str, Any]:
    """Everything but data and weights that a system's heads of the photos depend on."""
    settings = _stage(name, "settings").answer_settings(name, params, project)
    return {**settings, **_code(name, "stage_reconstruct", "reconstruct_stage")}


def _code(name: str, module: str, function: str) -> dict[str, Any]:
    return code_of(frozenset({Name(f"{PACKAGES[name]}.{module}", function)})).as_json()


def reconstructor(name: str) -> Evaluator:
    """The reconstruction of the photos by the system of this name. Raises HeadwaterError."""
    return partial(_stage(name, "stage_reconstruct").reconstruct_stage, name)


def _stage(name: str, module: str) -> Any:
    """A stage's module, imported now; its functions take the system's name first."""
    if name not in PACKAGES:
        nearest = difflib.get_close_matches(name, PACKAGES, n=1, cutoff=0.0)[0]
        raise HeadwaterError(f"unknown system {name!r}; the nearest known one is {nearest!r}")
    return cast("Any", import_module(f"{PACKAGES[name]}.{module}"))
