"""FaceVision-GAN: one photo to depth and correspondence maps to a face mesh (SCITEPRESS 2024)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from headwater.artifacts.columns import TableSchema
from headwater.evaluation.claims import Claim
from headwater.systems.facevision.config import (
    SIZES,
    FaceVisionConfig,
    map_size,
    reads_photos,
    steps,
)
from headwater.systems.system import System
from headwater.training.run import Curve, Run


def _reads(config: FaceVisionConfig) -> tuple[TableSchema, ...]:
    from headwater.systems.facevision.data import reads

    return reads(config)


def _train(config: FaceVisionConfig, data: Path, run: Run, weights: Path) -> Curve:
    from headwater.systems.facevision.train import train_on_tables

    return train_on_tables(config, data, run, weights)


def _load(weights: Path, config: FaceVisionConfig, device: Literal["cpu", "cuda"]) -> Any:
    from headwater.systems.facevision.weights import load

    return load(weights, config, device)


def _answer(trained: Any, question: Any) -> Any:
    from headwater.systems.facevision.answer import answer

    return answer(trained, question)


def _claims(
    trained: Any, data: Path, subjects: int | None, progress: Callable[[int, int], None]
) -> Sequence[Claim]:
    from headwater.systems.facevision.claims import claims

    return claims(trained, data, subjects, progress)


def _sources(trained: Any, question: Any) -> Any:
    from headwater.systems.facevision.sources import sources

    return sources(trained, question)


SYSTEM = System(
    name="facevision",
    title="FaceVision-GAN",
    reference="https://www.scitepress.org/publishedPapers/2024/123062/pdf/index.html",
    challenge="heads",
    sizes=SIZES,
    steps=steps,
    reads=_reads,
    train=_train,
    load=_load,
    answer=_answer,
    claims=_claims,
    photos=reads_photos,
    map_size=map_size,
    sources=_sources,
)
