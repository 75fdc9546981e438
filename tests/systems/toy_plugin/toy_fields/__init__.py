"""A toy system from outside the repository, and its challenge: distance fields of round parts.

A question is a part of 10 units, as its three half-axes, and points round it; the answer is a
number at every point. Nothing of it is a head, a mesh, or in millimetres.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from headwater.artifacts.columns import TableSchema
from headwater.evaluation.challenge import (
    Answerer,
    Challenge,
    Metric,
    Picture,
    Question,
    Scored,
    Stratum,
    Unanswered,
)
from headwater.systems.system import System
from headwater.training.run import Config, Curve, Run

PARTS = 6


class ToyConfig(Config):
    """Settings of the toy."""

    steps: int = Field(default=10, ge=10)
    """Steps from the sphere towards the part's distances."""


def _part(number: int) -> Any:
    from toy_fields.parts import part

    return part(number)


def _questions(data: Path) -> Iterator[Question]:
    from headwater.artifacts.ids import item_id

    for number in range(PARTS):
        part = _part(number)
        yield Question(
            "parts", item_id("toy part", number), "field", {"flatness": part.flatness}, part, True
        )


def _count(data: Path) -> int:
    return PARTS


def _score(question: Question, answer: Any) -> Scored:
    return Scored({"rmse": question.content.rmse(answer)})


def _baselines(data: Path) -> Mapping[str, Answerer]:
    return {"sphere": _sphere}


def _sphere(part: Any) -> Any:
    return part.of_sphere()


def _pictures(question: Question, answer: Any) -> list[Picture]:
    return [Picture(f"part {question.subject[:4]}", question.content.picture(answer))]


def _flatness(conditions: Mapping[str, Any]) -> float:
    return float(conditions["flatness"])


def _reads(config: ToyConfig) -> tuple[TableSchema, ...]:
    return ()


def _steps(config: ToyConfig) -> int:
    return config.steps


def _train(config: ToyConfig, data: Path, run: Run, weights: Path) -> Curve:
    from toy_fields.parts import train

    return train(config.steps, run.seed, weights)


def _load(weights: Path, config: ToyConfig, device: str) -> Any:
    from headwater.training.checkpoint import read_safetensors

    return float(read_safetensors(weights)[0]["share"])


def _answer(model: float, part: Any) -> Any:
    if part.flatness > 0.9:
        raise Unanswered("the part is too flat")
    return model * part.field + (1 - model) * part.of_sphere()


CHALLENGE = Challenge(
    name="fields",
    title="Distance fields",
    about="Points round a part, to the distance from it.",
    metrics=(Metric("rmse", "RMSE", "units"),),
    questions=_questions,
    count=_count,
    score=_score,
    baselines=_baselines,
    strata=(Stratum("flatness", "flatness", _flatness, (0.0, 0.5, 1.0)),),
    pictures=_pictures,
)

SYSTEM = System(
    name="toy",
    title="Toy fields",
    reference="https://example.org/toy",
    challenge="fields",
    sizes={"smoke": ToyConfig()},
    steps=_steps,
    reads=_reads,
    train=_train,
    load=_load,
    answer=_answer,
)
