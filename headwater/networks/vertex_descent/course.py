"""The whole training of a vertex descent, whichever system's it is.

What a system does before, its losses and how it answers are its own: its ``Course``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from torch import Tensor, nn

from headwater.data.head_batches import HeadBatches
from headwater.data.placement import canonical_samples
from headwater.data.scenes import FloatArray, Views
from headwater.data.training_tables import TrainingTables, read_training_tables
from headwater.errors import HeadwaterError
from headwater.networks.hourglass import StackedHourglass
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.pretraining import pretrain
from headwater.networks.vertex_descent.selection import (
    Reconstruct,
    validation_on,
    validation_tensors,
)
from headwater.networks.vertex_descent.training import (
    Examples,
    TrainingPart,
    counted_from,
    examples_of,
    fit_descent,
    sample_tensors,
)
from headwater.training.determinism import deterministic
from headwater.training.device import CPU
from headwater.training.fingerprints import fingerprint
from headwater.training.run import Curve, Run
from headwater.training.turns import LossFunction

NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True)
class Course(Generic[NetworkT]):
    """A system's part of its training.

    network: untrained, on the CPU; f_v: its image encoder. begin(part, batches): trains what is
    trained before all else, in ``earlier_steps``; the curve of that, and the descent's losses.
    reconstruct: as ``validation_on`` takes it. beside: data that is learned from beside examples
    and samples.
    """

    network: NetworkT
    f_v: StackedHourglass
    begin: Callable[[TrainingPart, HeadBatches], tuple[Curve, LossFunction]]
    reconstruct: Callable[[NetworkT, Views, FloatArray], FloatArray]
    beside: tuple[Tensor | None, ...] = ()
    earlier_steps: int = 0


def tables_for(config: DescentConfig, data: Path) -> TrainingTables:
    """The tables below ``data`` that a training with these settings takes."""
    return read_training_tables(
        data,
        samples=bool(config.sdf_steps),
        validation=config.validation_heads,
        estimated=config.estimated_views,
    )


def run_course(
    train: Callable[..., Any],
    config: DescentConfig,
    tables: TrainingTables,
    run: Run,
    course_of: Callable[[Examples], Course[NetworkT]],
) -> tuple[NetworkT, Curve]:
    """The network, on the CPU, trained on the views whose split is "train"; and the curve.

    The same input gives the same bytes, also when the training was killed and resumed from
    ``run.checkpoints``; other devices than the CPU give other bytes every time. train: the system's
    function, whose code checkpoints belong to. Weights are those of least error on the heads of the
    validation split, where there are any, else the last. Raises HeadwaterError where signed
    distances are wanted and missing, or no view is of that split.
    """
    device = CPU if run.fabric is None else run.fabric.device
    samples = tables.samples if config.sdf_steps else None
    if config.sdf_steps and samples is None:
        raise HeadwaterError("pre-training needs signed distance samples")
    seen = examples_of(config, tables.heads, tables.views, tables.template)
    course = course_of(seen)
    with deterministic(config.threads, device):
        around = None
        if samples is not None:
            around = canonical_samples(samples, tables.heads, tables.template)
        data = [
            *seen.tensors,
            *course.beside,
            *sample_tensors(around),
            *validation_tensors(tables.validation),
        ]
        settings = {"config": config.of_training(), "seed": run.seed, "device": device.type}
        key = fingerprint(train, settings, data)
        part = TrainingPart(run.seed, run.checkpoints, run.progress, run.fabric, fingerprint=key)
        batches = seen.batches(config, device)
        curve, losses = course.begin(part, batches)
        course.network.to(device)
        part = part.after(course.earlier_steps)
        if around is not None:
            first = pretrain(config, course.f_v, batches, around, part)
            curve = curve + counted_from(first, -config.sdf_steps)
        part = part.after(config.sdf_steps)
        selection = validation_on(
            tables.validation, config, tables.template, cast("Reconstruct", course.reconstruct)
        )
        curve = curve + fit_descent(config, course.network, course.f_v, losses, part, selection)
    return course.network.to(CPU), curve
