"""Networks trained without a part of the method, to compare with the one trained with all."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from headwater.systems.prdl.config import PrdlConfig
from headwater.systems.prdl.train import train_on_tables
from headwater.systems.prdl.weights import TrainedPrdl, load_weights
from headwater.training.ablation import trained_again

WITHOUT_PARTS, WITHOUT_EXPRESSIONS = "without PRDL", "without other expressions"
ABLATIONS: Final = (WITHOUT_PARTS, WITHOUT_EXPRESSIONS)

Progress = Callable[[int, int], None]


def ablated_config(config: PrdlConfig, name: str) -> PrdlConfig:
    """The settings of a training without a part of the method."""
    if name == WITHOUT_EXPRESSIONS:
        return config.model_copy(update={"edited": False})
    return config.model_copy(update={"weights": config.weights.model_copy(update={"prdl": 0.0})})


def ablated(trained: TrainedPrdl, data: Path, progress: Progress) -> dict[str, TrainedPrdl]:
    """A network for each of ``ABLATIONS``, trained on the same tables and with the same seed.

    data: folder of the build's tables. progress(trainings done, of all).
    """
    configs = {name: ablated_config(trained.config, name) for name in ABLATIONS}
    return trained_again(configs, train_on_tables, load_weights, data, trained.seed, progress)
