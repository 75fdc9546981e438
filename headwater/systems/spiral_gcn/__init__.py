"""Spiral mesh decoder: "Faster, Better and More Detailed" (Cheng and others, ACCV 2020)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from headwater.artifacts.columns import TableSchema
from headwater.evaluation.claims import Claim
from headwater.systems.spiral_gcn.config import SIZES, SpiralConfig, prepared, steps
from headwater.systems.system import Published, System
from headwater.training.run import Curve, Run

_PAPER = Published(
    unit="ms",
    data="Florence, 1080 GTX",
    about=(
        "Milliseconds an image, end to end (supplement; mean over Florence's test images on an "
        "i7-7820X with a GTX 1080). Its tables of accuracy could not be read by us."
    ),
    columns=("time",),
    rows=(
        ("this method, ResNet-50", (10.8,)),
        ("this method, MobileNetV2", (6.2,)),
        ("3DDFA", (6.7,)),
        ("PRNet", (19.4,)),
        ("DF2Net", (40.4,)),
        ("VRN", (236.6,)),
    ),
)


def _reads(config: SpiralConfig) -> tuple[TableSchema, ...]:
    from headwater.data.training_tables import tables_read

    return tables_read(samples=False, estimated=config.estimated_views)


def _train(config: SpiralConfig, data: Path, run: Run, weights: Path) -> Curve:
    from headwater.systems.spiral_gcn.train import train_on_tables

    return train_on_tables(config, data, run, weights)


def _load(weights: Path, config: SpiralConfig, device: Literal["cpu", "cuda"]) -> Any:
    from headwater.systems.spiral_gcn.weights import load

    return load(weights, config, device)


def _answer(trained: Any, question: Any) -> Any:
    from headwater.systems.spiral_gcn.answer import answer

    return answer(trained, question)


def _claims(
    trained: Any, data: Path, subjects: int | None, progress: Callable[[int, int], None]
) -> Sequence[Claim]:
    from headwater.systems.spiral_gcn.claims import claims

    return claims(trained, data, subjects, progress)


SYSTEM = System(
    name="spiral_gcn",
    title="Spiral GCN",
    reference="https://doi.org/10.1007/978-3-030-69541-5_12",
    challenge="heads",
    sizes=SIZES,
    steps=steps,
    reads=_reads,
    train=_train,
    load=_load,
    answer=_answer,
    prepared=prepared,
    paper=_PAPER,
    claims=_claims,
)
