"""Training of LVD: f_v on signed distances where the config wants it, then the descent."""

from pathlib import Path

from torch import Tensor

from headwater.data.head_batches import HeadBatches
from headwater.data.scenes import FloatArray, Template, Views
from headwater.data.training_tables import TrainingTables
from headwater.networks.vertex_descent.course import Course, run_course, tables_for
from headwater.networks.vertex_descent.training import (
    Examples,
    TrainingPart,
    TrainResult,
    untrained,
    vertex_smoothing,
)
from headwater.systems.lvd.answer import TrainedLvd, reconstruct, save_weights
from headwater.systems.lvd.config import LvdConfig
from headwater.systems.lvd.losses import Objective
from headwater.systems.lvd.model import Lvd
from headwater.training.run import Curve, Run
from headwater.training.turns import LossFunction


def train_on_tables(config: LvdConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve."""
    return train(config, tables_for(config, data), run, weights).curve


def train(config: LvdConfig, tables: TrainingTables, run: Run, weights: Path) -> TrainResult:
    """Train as ``run_course`` does and write ``weights``."""
    template = tables.template

    def course(seen: Examples) -> Course[Lvd]:
        network = build(config, seen.seen_targets, template, run.seed)

        def begin(part: TrainingPart, batches: HeadBatches) -> tuple[Curve, LossFunction]:
            return [], Objective(config, network, seen, batches, part.share).losses

        def predicted(network: Lvd, view: Views, landmarks: FloatArray) -> FloatArray:
            return reconstruct(TrainedLvd(network, config, template), view)[-1]

        return Course(network, network.f_v, begin, predicted)

    network, curve = run_course(train, config, tables, run, course)
    save_weights(weights, TrainedLvd(network, config, template))
    return TrainResult(weights, curve, sum(p.numel() for p in network.parameters()))


def build(config: LvdConfig, targets: Tensor, template: Template, seed: int) -> Lvd:
    """An untrained network whose template is the mean of ``targets`` (h, V, 3)."""
    smoothing = vertex_smoothing(config, template)
    return untrained(lambda: Lvd(config, targets.mean(dim=0), smoothing), seed)
