"""Training of LVD: f_v on signed distances where the config wants it, then the descent."""

from pathlib import Path
from typing import cast

from lightning.fabric import Fabric
from torch import Tensor, nn

from headwater.data.placement import canonical_samples
from headwater.data.scenes import FloatArray, Heads, SdfSamples, Template, Views
from headwater.data.training_tables import ValidationHeads, read_training_tables
from headwater.errors import HeadwaterError
from headwater.networks.vertex_descent.pretraining import pretrain
from headwater.networks.vertex_descent.selection import validation_on, validation_tensors
from headwater.networks.vertex_descent.training import (
    TrainingPart,
    TrainResult,
    counted_from,
    examples_of,
    fingerprint,
    fit_descent,
    sample_tensors,
    untrained,
    vertex_smoothing,
)
from headwater.systems.lvd.answer import TrainedLvd, reconstruct, save_weights
from headwater.systems.lvd.config import LvdConfig
from headwater.systems.lvd.losses import Objective
from headwater.systems.lvd.model import Lvd
from headwater.training.determinism import deterministic
from headwater.training.device import CPU
from headwater.training.loop import Progress
from headwater.training.run import Curve, Run
from headwater.training.selection import Validation


def train_on_tables(config: LvdConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve."""
    read = read_training_tables(
        data, samples=bool(config.sdf_steps), validation=config.validation_heads
    )
    result = train(
        config,
        read.heads,
        read.views,
        read.template,
        weights.parent,
        run.checkpoints,
        samples=read.samples,
        validation=read.validation,
        fabric=run.fabric,
        seed=run.seed,
        progress=run.progress,
    )
    return result.curve


def train(
    config: LvdConfig,
    heads: Heads,
    views: Views,
    template: Template,
    out_dir: Path,
    checkpoint_dir: Path,
    *,
    samples: SdfSamples | None = None,
    validation: ValidationHeads | None = None,
    fabric: Fabric | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainResult:
    """Train on the views whose split is "train" and write ``out_dir/weights.safetensors``.

    The same input gives the same bytes, also when the training was killed and resumed from
    ``checkpoint_dir``. validation: heads that the weights are selected by, else they are the last.
    samples: signed distances round the heads, mm, head frame; needed where
    config.sdf_steps is set. fabric: the devices that share every batch, else the CPU; others than
    the CPU give other bytes every time.
    """
    device = CPU if fabric is None else fabric.device
    samples = samples if config.sdf_steps else None
    if config.sdf_steps and samples is None:
        raise HeadwaterError("LVD: pre-training needs signed distance samples")
    seen = examples_of(config, heads, views, template)
    network = build(config, seen.seen_targets, template, seed)
    curve: Curve = []
    with deterministic(config.threads, device):
        around = None if samples is None else canonical_samples(samples, heads, template)
        data = [*seen.tensors, *sample_tensors(around), *validation_tensors(validation)]
        training = fingerprint(train, config, seed, device, data)
        part = TrainingPart(seed, training, checkpoint_dir, progress, fabric)
        batches = seen.batches(config)
        network.to(device)
        if around is not None:
            curve = pretrain(config, network.f_v, batches, around, part)
            curve = counted_from(curve, -config.sdf_steps)
        objective = Objective(config, network, seen, batches, part.share)
        part = part.after(config.sdf_steps)
        selection = _selection(config, template, validation)
        curve += fit_descent(config, network, network.f_v, objective.losses, part, selection)
    path = out_dir / "weights.safetensors"
    save_weights(path, TrainedLvd(network.to(CPU), config, template))
    return TrainResult(path, curve, sum(p.numel() for p in network.parameters()))


def build(config: LvdConfig, targets: Tensor, template: Template, seed: int) -> Lvd:
    """An untrained network whose template is the mean of ``targets`` (h, V, 3)."""
    smoothing = vertex_smoothing(config, template)
    return untrained(lambda: Lvd(config, targets.mean(dim=0), smoothing), seed)


def _selection(
    config: LvdConfig, template: Template, heads: ValidationHeads | None
) -> Validation | None:
    def predicted(network: nn.Module, view: Views, landmarks: FloatArray) -> FloatArray:
        return reconstruct(TrainedLvd(cast("Lvd", network), config, template), view)[-1]

    return validation_on(heads, config, template, predicted)
