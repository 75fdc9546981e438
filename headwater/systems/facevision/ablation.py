"""Networks trained without a term of eq. 1, to compare with the one trained with all of it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from headwater.systems.facevision.config import FaceVisionConfig
from headwater.systems.facevision.train import train_on_tables
from headwater.systems.facevision.weights import TrainedFaceVision, load
from headwater.training.ablation import trained_again

WHOLE, L1_ALONE, NO_GRADIENT = "all of eq. 1", "L1 alone", "no gradient term"
ABLATIONS: Final = {L1_ALONE: {"gan": 0.0, "gradient": 0.0}, NO_GRADIENT: {"gradient": 0.0}}

Progress = Callable[[int, int], None]


def ablated_config(config: FaceVisionConfig, name: str) -> FaceVisionConfig:
    """The settings of a training without some terms of eq. 1."""
    return config.model_copy(update=ABLATIONS[name])


def ablated(
    trained: TrainedFaceVision, data: Path, progress: Progress
) -> dict[str, TrainedFaceVision]:
    """A network for each of ``ABLATIONS``, trained on the same tables and with the same seed.

    They answer with the settings of ``trained``. data: folder of the build's tables.
    progress(trainings done, of all).
    """
    configs = {name: ablated_config(trained.config, name) for name in ABLATIONS}
    read = partial(load, config=trained.config, device="cpu")
    return trained_again(configs, train_on_tables, read, data, trained.seed, progress)
