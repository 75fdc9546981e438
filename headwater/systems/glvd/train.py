"""Training of GLVD: its localiser, then f_v on signed distances, then the descent."""

from pathlib import Path
from typing import cast

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from headwater.data.crops import projected_points
from headwater.data.mirror import mirror_of, with_mirrored
from headwater.data.placement import canonical_samples
from headwater.data.scenes import FloatArray, Heads, SdfSamples, Template, Views
from headwater.data.training_tables import ValidationHeads, read_training_tables
from headwater.errors import HeadwaterError
from headwater.heads.model import SurfacePoints
from headwater.networks.frozen_net import FrozenNet
from headwater.networks.localiser.points import localised_points, point_partners
from headwater.networks.localiser.training import train_localiser
from headwater.networks.vertex_descent.pretraining import pretrain
from headwater.networks.vertex_descent.selection import validation_on, validation_tensors
from headwater.networks.vertex_descent.training import (
    Examples,
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
from headwater.systems.glvd.answer import reconstruct
from headwater.systems.glvd.config import GlvdConfig
from headwater.systems.glvd.data import Guidance, keypoint_indices, keypoints_of
from headwater.systems.glvd.heatmap_net import network_heat, with_net
from headwater.systems.glvd.losses import Objective
from headwater.systems.glvd.model import Glvd
from headwater.systems.glvd.weights import TrainedGlvd, save_weights
from headwater.training.determinism import deterministic
from headwater.training.device import CPU
from headwater.training.loop import Progress
from headwater.training.run import Curve, Run
from headwater.training.selection import Validation


def train_on_tables(config: GlvdConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve.

    A heatmap network that cannot be used is refused before anything else.
    """
    config, net = with_net(config)
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
        heatmap_net=net,
        fabric=run.fabric,
        seed=run.seed,
        progress=run.progress,
    )
    return result.curve


def train(
    config: GlvdConfig,
    heads: Heads,
    views: Views,
    template: Template,
    out_dir: Path,
    checkpoint_dir: Path,
    *,
    samples: SdfSamples | None = None,
    validation: ValidationHeads | None = None,
    heatmap_net: FrozenNet | None = None,
    fabric: Fabric | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainResult:
    """Train on the views whose split is "train" and write ``out_dir/weights.safetensors``.

    The same input gives the same bytes, also when the training was killed and resumed from
    ``checkpoint_dir``. Views in which the detector found no face are trained on with empty
    heatmaps where these come from it.
    validation: heads that the weights are selected by, else they are those of the last step.
    samples: signed distances round the heads, mm, head frame; needed where config.sdf_steps is set.
    heatmap_net: draws the heatmaps where config.heatmaps names it as their source. fabric: the
    devices that share every batch, else the CPU; others than the CPU give other bytes every time.
    """
    device = CPU if fabric is None else fabric.device
    samples = samples if config.sdf_steps else None
    if config.sdf_steps and samples is None:
        raise HeadwaterError("GLVD: pre-training needs signed distance samples")
    seen = examples_of(config, heads, views, template)
    guidance = guidance_of(config, heads, seen, heatmap_net)
    network = build(config, seen.seen_targets, template, seed)
    with deterministic(config.threads, device):
        around = None if samples is None else canonical_samples(samples, heads, template)
        data = [
            *seen.tensors,
            guidance.peaks,
            guidance.heat,
            *sample_tensors(around),
            *validation_tensors(validation),
        ]
        training = fingerprint(train, config, seed, device, data)
        part = TrainingPart(seed, training, checkpoint_dir, progress, fabric)
        guidance, curve = _localised(config, network, seen, guidance, part, device)
        batches = seen.batches(config)
        _fit_landmarks(config, network, seen, guidance, seed)
        objective = Objective(config, network, seen, batches, guidance, part.share)
        network.to(device)
        part = part.after(config.localiser.steps if config.trains_localiser else 0)
        if around is not None:
            first = pretrain(config, network.f_v, batches, around, part)
            curve += counted_from(first, -config.sdf_steps)
        part = part.after(config.sdf_steps)
        selection = _selection(config, template, heatmap_net, validation)
        curve += fit_descent(config, network, network.f_v, objective.losses, part, selection)
    path = out_dir / "weights.safetensors"
    save_weights(path, TrainedGlvd(network.to(CPU), config, template, heatmap_net))
    return TrainResult(path, curve, sum(p.numel() for p in network.parameters()))


def build(config: GlvdConfig, targets: Tensor, template: Template, seed: int) -> Glvd:
    """An untrained network whose template is the mean of ``targets`` (h, V, 3)."""
    mean = targets.mean(dim=0)
    points = template.landmarks_478.on(mean.numpy())
    keypoints = torch.from_numpy(points[keypoint_indices(config.keypoints)])
    landmarks = torch.from_numpy(_localised_points(config, template).on(mean.numpy()))
    smoothing = vertex_smoothing(config, template)
    return untrained(lambda: Glvd(config, mean, keypoints, landmarks, smoothing), seed)


def guidance_of(
    config: GlvdConfig, heads: Heads, seen: Examples, heatmap_net: FrozenNet | None
) -> Guidance:
    """Heatmaps of the examples' crops: at true points, or of the user's network."""
    if (config.heatmaps.source == "net") != (heatmap_net is not None):
        raise ValueError("a heatmap network is given exactly where the config names one")
    peaks = heat = None
    if config.heatmaps.source in ("oracle", "trained"):
        points = _localised_points(config, seen.template)
        true = np.stack([points.on(head) for head in heads.vertices])
        peaks = projected_points(seen.crops, seen.views, true[seen.views.head])
        if seen.mirror is not None:
            partners = point_partners(seen.mirror, points)
            peaks = with_mirrored(peaks, partners, config.image_px)
    if heatmap_net is not None:
        # Of the mirror images, too: nothing says that the network is symmetric.
        with torch.random.fork_rng(devices=[]), deterministic(config.threads):
            heat = network_heat(heatmap_net, seen.crops.pixels, config)
    return Guidance(peaks, heat)


def _localised_points(config: GlvdConfig, template: Template) -> SurfacePoints:
    """The points that the localiser looks for; the 68 landmarks where there is none."""
    count = config.localiser.face_points if config.trains_localiser else 0
    return localised_points(template, count, mirror_of(template))


def _localised(
    config: GlvdConfig,
    network: Glvd,
    seen: Examples,
    guidance: Guidance,
    part: TrainingPart,
    device: torch.device,
) -> tuple[Guidance, Curve]:
    """Train the localiser, if there is one, on the true peaks; its own peaks, and the curve."""
    if network.localiser is None or guidance.peaks is None:
        return guidance, []
    localiser, pixels = network.localiser.to(device), seen.crops.pixels
    curve = train_localiser(config.localiser, localiser, pixels, guidance.peaks, part)
    peaks = localiser.localise(pixels).places
    localiser.to(CPU)
    return Guidance(peaks), counted_from(curve, -config.localiser.steps - config.sdf_steps)


def _fit_landmarks(
    config: GlvdConfig, network: Glvd, seen: Examples, guidance: Guidance, seed: int
) -> None:
    """Fit the landmark encoder, where there is one, to the heads' vertices and keypoints."""
    if network.landmark_encoder is None:
        return
    keypoints = keypoints_of(seen.targets, seen.template, config.keypoints)
    crops, points = seen.crops, torch.cat([seen.targets, keypoints], dim=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        located = network.located(crops.landmarks, guidance.peaks)
        persons = seen.persons(crops.head)
        network.landmark_encoder.fit(located, crops.projection, crops.head, points, persons)


def _selection(
    config: GlvdConfig,
    template: Template,
    heatmap_net: FrozenNet | None,
    heads: ValidationHeads | None,
) -> Validation | None:
    def predicted(network: nn.Module, view: Views, landmarks: FloatArray) -> FloatArray:
        trained = TrainedGlvd(cast("Glvd", network), config, template, heatmap_net)
        return reconstruct(trained, view, true_landmarks_mm=landmarks).vertices

    return validation_on(heads, config, template, predicted)
