"""GLVD: guided learned vertex descent, from images of a face to a head mesh (arXiv 2510.06046)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from headwater.artifacts.columns import TableSchema
from headwater.evaluation.claims import Claim
from headwater.systems.glvd.config import SIZES, GlvdConfig, prepared, steps
from headwater.systems.system import Published, System
from headwater.training.run import Curve, Run

_PAPER = Published(
    unit="mm",
    data="H3DS",
    about=(
        "Face error on H3DS, real scans of real people, as read off the paper's runtime plot "
        "(± 0.01 mm). The plot names no data set; that it is H3DS is inferred from its rows. The "
        "paper trained on other data, at full size, and measured with that benchmark's scaled "
        "alignment."
    ),
    columns=("1 view", "3 views", "6 views"),
    rows=(
        ("GLVD", (1.36, 1.32, 1.32)),
        ("SIRA++", (1.57, 1.18, 1.04)),
        ("H3D-Net", (1.97, 1.48, 1.25)),
        ("JIFF", (1.87, 1.80, 1.76)),
        ("PIFu", (1.98, 1.70, 2.03)),
        ("HRN", (1.74, None, None)),
        ("3DDFA-v3", (1.65, None, None)),
    ),
)


def _reads(config: GlvdConfig) -> tuple[TableSchema, ...]:
    from headwater.data.training_tables import tables_read

    return tables_read(samples=bool(config.sdf_steps), estimated=config.estimated_views)


def _train(config: GlvdConfig, data: Path, run: Run, weights: Path) -> Curve:
    from headwater.systems.glvd.train import train_on_tables

    return train_on_tables(config, data, run, weights)


def _load(weights: Path, config: GlvdConfig, device: Literal["cpu", "cuda"]) -> Any:
    from headwater.systems.glvd.weights import load

    return load(weights, config, device)


def _answer(trained: Any, question: Any) -> Any:
    from headwater.systems.glvd.answer import answer

    return answer(trained, question)


def _claims(
    trained: Any, data: Path, subjects: int | None, progress: Callable[[int, int], None]
) -> Sequence[Claim]:
    from headwater.systems.glvd.claims import claims

    return claims(trained, data, subjects, progress)


SYSTEM = System(
    name="glvd",
    title="GLVD",
    reference="https://arxiv.org/abs/2510.06046",
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
