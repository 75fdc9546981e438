"""The mean head, placed and scaled by landmarks: a system for the challenge ``heads``."""

from pathlib import Path
from typing import Any

from pydantic import Field

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.schemas import HEADS
from headwater.systems.system import System
from headwater.training.run import Config, Curve, Run, SettingGroup


class Answers(SettingGroup):
    """Settings of answers, which train nothing anew."""

    largest_change: float = Field(default=0.2, ge=0, lt=1)
    """Largest relative change of size."""


class ScaledMeanConfig(Config):
    """Settings of the mean head."""

    heads: int = Field(default=1000, ge=1)
    """Most training heads that enter the mean."""
    answer: Answers = Answers()
    """Settings of answers."""


def _steps(config: ScaledMeanConfig) -> int:
    return 1


def _reads(config: ScaledMeanConfig) -> tuple[TableSchema, ...]:
    return (HEADS,)


def _train(config: ScaledMeanConfig, data: Path, run: Run, weights: Path) -> Curve:
    from scaled_mean.method import train

    return train(config.heads, data, weights)


def _load(weights: Path, config: ScaledMeanConfig, device: str) -> Any:
    from scaled_mean.method import load

    return load(weights, config.answer.largest_change)


def _answer(trained: Any, question: Any) -> Any:
    from scaled_mean.method import answer

    return answer(trained, question)


SYSTEM = System(
    name="scaled_mean",
    title="Scaled mean head",
    reference="https://example.org/scaled-mean",
    challenge="heads",
    sizes={"smoke": ScaledMeanConfig(heads=8), "small": ScaledMeanConfig()},
    steps=_steps,
    reads=_reads,
    train=_train,
    load=_load,
    answer=_answer,
)
