"""Training of LVD: f_v on signed distances where the config wants it, then the descent."""

from pathlib import Path

import torch
from torch import Tensor

from headwater.data.placement import canonical_samples
from headwater.data.scenes import Heads, SdfSamples, Template, Views
from headwater.data.training_tables import read_training_tables
from headwater.errors import HeadwaterError
from headwater.networks.vertex_descent.pretraining import pretrain
from headwater.networks.vertex_descent.training import (
    Part,
    TrainResult,
    counted_from,
    examples_of,
    fingerprint,
    fit_descent,
    sample_tensors,
    untrained,
    vertex_smoothing,
)
from headwater.systems.lvd.answer import TrainedLvd, save_weights
from headwater.systems.lvd.config import LvdConfig
from headwater.systems.lvd.losses import Objective
from headwater.systems.lvd.model import Lvd
from headwater.training.device import CPU, chosen_device
from headwater.training.loop import Progress, deterministic
from headwater.training.run import Curve, Run


def train_on_tables(config: LvdConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve.

    A device that is not there is refused before anything else.
    """
    device = chosen_device(run.device, "device")
    read = read_training_tables(data, samples=bool(config.sdf_steps))
    result = train(
        config,
        read.heads,
        read.views,
        read.template,
        weights.parent,
        run.checkpoints,
        samples=read.samples,
        device=device,
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
    device: torch.device = CPU,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainResult:
    """Train on the views whose split is "train" and write ``out_dir/weights.safetensors``.

    The same input gives the same bytes, also when the training was killed and resumed from
    ``checkpoint_dir``. samples: signed distances round the heads, mm, head frame; needed where
    config.sdf_steps is set. device: where the network is trained; another one than the CPU gives
    other bytes every time.
    """
    samples = samples if config.sdf_steps else None
    if config.sdf_steps and samples is None:
        raise HeadwaterError("LVD: pre-training needs signed distance samples")
    seen = examples_of(config, heads, views, template)
    network = build(config, seen.seen_targets, template, seed)
    curve: Curve = []
    with deterministic(config.threads, device):
        around = None if samples is None else canonical_samples(samples, heads, template)
        data = [*seen.tensors, *sample_tensors(around)]
        training = fingerprint(train, config, seed, device, data)
        part = Part(seed, training, checkpoint_dir, progress)
        batches = seen.batches(config)
        network.to(device)
        if around is not None:
            curve = pretrain(config, network.f_v, batches, around, part)
            curve = counted_from(curve, -config.sdf_steps)
        objective = Objective(config, network, seen, batches)
        part = part.after(config.sdf_steps)
        curve += fit_descent(config, network, network.f_v, objective.losses, part)
    path = out_dir / "weights.safetensors"
    save_weights(path, TrainedLvd(network.to(CPU), config, template))
    return TrainResult(path, curve, sum(p.numel() for p in network.parameters()))


def build(config: LvdConfig, targets: Tensor, template: Template, seed: int) -> Lvd:
    """An untrained network whose template is the mean of ``targets`` (h, V, 3)."""
    smoothing = vertex_smoothing(config, template)
    return untrained(lambda: Lvd(config, targets.mean(dim=0), smoothing), seed)
