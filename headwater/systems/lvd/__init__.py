"""LVD: learned vertex descent without keypoints (Corona et al., ECCV 2022), on the same heads."""

from pathlib import Path
from typing import Any, Literal

from headwater.artifacts.columns import TableSchema
from headwater.systems.lvd.config import SIZES, LvdConfig, steps
from headwater.systems.system import System
from headwater.training.run import Curve, Run


def _reads(config: LvdConfig) -> tuple[TableSchema, ...]:
    from headwater.data.training_tables import tables_read

    return tables_read(samples=bool(config.sdf_steps), estimated=config.estimated_views)


def _train(config: LvdConfig, data: Path, run: Run, weights: Path) -> Curve:
    from headwater.systems.lvd.train import train_on_tables

    return train_on_tables(config, data, run, weights)


def _load(weights: Path, config: LvdConfig, device: Literal["cpu", "cuda"]) -> Any:
    from headwater.systems.lvd.answer import load

    return load(weights, config, device)


def _answer(trained: Any, question: Any) -> Any:
    from headwater.systems.lvd.answer import answer

    return answer(trained, question)


SYSTEM = System(
    name="lvd",
    title="LVD",
    reference="https://arxiv.org/abs/2205.06254",
    challenge="heads",
    sizes=SIZES,
    steps=steps,
    reads=_reads,
    train=_train,
    load=_load,
    answer=_answer,
)
