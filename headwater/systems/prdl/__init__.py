"""PRDL: a 3DMM regressed and fitted by the parts of a face, 3DDFA-V3 (arXiv 2312.00311)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from headwater.artifacts.columns import TableSchema
from headwater.evaluation.claims import Claim
from headwater.systems.prdl.config import SIZES, PrdlConfig, prepared, reads_photos, steps
from headwater.systems.system import Published, System
from headwater.training.run import Curve, Run

_PAPER = Published(
    unit="%",
    data="MEAD",
    about=(
        "Part IoU (table 1), mean of seven parts over 500 frames of 10 people: a parser on the "
        "photo against a parser on the render. The build's Part IoU rasterises parts of both "
        "heads instead, on its own held-out renders; the two are not comparable."
    ),
    columns=("Part IoU",),
    rows=(
        ("3DDFA-V3", (73.82,)),
        ("3DDFA-V3 without PRDL", (72.08,)),
        ("3DDFA-V3 without synthetic data", (72.22,)),
        ("HRN", (71.69,)),
        ("Deep3D", (69.51,)),
        ("PRNet", (63.66,)),
        ("MGCNet", (62.94,)),
        ("DECA", (61.93,)),
        ("3DDFA-v2", (55.88,)),
    ),
)


def _reads(config: PrdlConfig) -> tuple[TableSchema, ...]:
    from headwater.systems.prdl.data import tables_read

    return tables_read(config)


def _train(config: PrdlConfig, data: Path, run: Run, weights: Path) -> Curve:
    from headwater.systems.prdl.train import train_on_tables

    return train_on_tables(config, data, run, weights)


def _load(weights: Path, config: PrdlConfig, device: Literal["cpu", "cuda"]) -> Any:
    from headwater.systems.prdl.weights import load

    return load(weights, config, device)


def _answer(trained: Any, question: Any) -> Any:
    from headwater.systems.prdl.answer import answer

    return answer(trained, question)


def _claims(
    trained: Any, data: Path, subjects: int | None, progress: Callable[[int, int], None]
) -> Sequence[Claim]:
    from headwater.systems.prdl.claims import claims

    return claims(trained, data, subjects, progress)


SYSTEM = System(
    name="prdl",
    title="3DDFA-V3 (PRDL)",
    reference="https://arxiv.org/abs/2312.00311",
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
    photos=reads_photos,
)
