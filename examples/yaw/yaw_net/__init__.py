"""The yaw of a head in one picture of it: a challenge, and a small network that answers it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.schemas import SYNTHETIC_FRAMES, TRUTH
from headwater.evaluation.challenge import (
    Answerer,
    Challenge,
    Metric,
    Picture,
    Question,
    Scored,
    Stratum,
)
from headwater.systems.system import System
from headwater.training.run import Config, Curve, Run

_TABLES = (SYNTHETIC_FRAMES, TRUTH)


class YawConfig(Config):
    """Settings of the network."""

    steps: int = Field(default=600, ge=10, multiple_of=10)
    """Optimiser steps."""
    batch: int = Field(default=32, ge=1)
    """Views of a step."""
    width: int = Field(default=16, ge=1)
    """Channels of the first layer."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """First learning rate of Adam, which falls to 0 as half a cosine."""


def _questions(data: Path) -> Iterator[Question]:
    from yaw_net.views import rendered_views

    for view in rendered_views(data, "test"):
        yield Question(
            test_set="held_out",
            subject=view.subject,
            key=f"view {view.number}",
            conditions={"yaw_degrees": view.yaw_degrees},
            content=view,
            looked_at=view.number < 2,
        )


def _count(data: Path) -> int:
    from yaw_net.views import count_views

    return count_views(data, "test")


def _score(question: Question, answer: float) -> Scored:
    error = abs(answer - question.content.yaw_degrees)
    return Scored({"yaw_error": error, "within_5_degrees": float(error <= 5)})


def _baselines(data: Path) -> Mapping[str, Answerer]:
    from yaw_net.views import rendered_views

    yaws = [view.yaw_degrees for view in rendered_views(data, "train")]
    mean = sum(yaws) / len(yaws)
    return {"mean_yaw": lambda view: mean}


def _pictures(question: Question, answer: float) -> list[Picture]:
    from yaw_net.views import picture

    return [Picture("true yaw green, predicted red", picture(question.content, answer))]


def _turn(conditions: Mapping[str, Any]) -> float:
    return abs(float(conditions["yaw_degrees"]))


def _steps(config: YawConfig) -> int:
    return config.steps


def _reads(config: YawConfig) -> tuple[TableSchema, ...]:
    return _TABLES


def _train(config: YawConfig, data: Path, run: Run, weights: Path) -> Curve:
    from yaw_net.network import train

    return train(config, data, run, weights)


def _load(weights: Path, config: YawConfig, device: str) -> Any:
    from yaw_net.network import load

    return load(weights, config, device)


def _answer(trained: Any, view: Any) -> float:
    from yaw_net.network import answer

    return answer(trained, view)


CHALLENGE = Challenge(
    name="yaw",
    title="Head yaw",
    about="A rendered view of a held-out head, to its turn about the vertical axis.",
    metrics=(
        Metric("yaw_error", "yaw error", "degrees"),
        Metric("within_5_degrees", "share within 5 degrees", "", lower_is_better=False),
    ),
    questions=_questions,
    count=_count,
    score=_score,
    baselines=_baselines,
    learns=_TABLES,
    reads=_TABLES,
    strata=(Stratum("yaw", "yaw, degrees", _turn, (0.0, 15.0, 30.0, 180.0)),),
    pictures=_pictures,
)

SYSTEM = System(
    name="yaw_net",
    title="Yaw network",
    reference="https://example.org/yaw-net",
    challenge="yaw",
    sizes={"smoke": YawConfig(steps=40, width=8), "small": YawConfig()},
    steps=_steps,
    reads=_reads,
    train=_train,
    load=_load,
    answer=_answer,
)
