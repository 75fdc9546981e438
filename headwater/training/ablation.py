"""Ablations: a system trained again with other settings, to compare it with the whole one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from headwater.training.run import Config, Curve, Run

AnyConfig = TypeVar("AnyConfig", bound=Config)
Trained = TypeVar("Trained")


def trained_again(
    configs: Mapping[str, AnyConfig],
    train: Callable[[AnyConfig, Path, Run, Path], Curve],
    load: Callable[[Path], Trained],
    data: Path,
    seed: int,
    progress: Callable[[int, int], None],
) -> dict[str, Trained]:
    """A model for each of the settings, by name, all trained with one seed on one build.

    train(config, data, run, weights) writes a file of weights, which load(weights) reads. data:
    folder of the build's tables. progress(trainings done, of all).
    """
    found = {}
    for number, (name, config) in enumerate(configs.items(), start=1):
        with TemporaryDirectory() as folder:
            weights = Path(folder) / "weights.safetensors"
            train(config, data, Run(seed, Path(folder) / "checkpoints"), weights)
            found[name] = load(weights)
        progress(number, len(configs))
    return found
