"""Training of GLVD: its heatmap network, then f_v on signed distances, then the descent."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from headwater.artifacts.code import code_of_functions
from headwater.artifacts.ids import canonical_json
from headwater.data.scenes import Heads, SdfSamples, Template, Views
from headwater.descent.config import GlvdConfig
from headwater.descent.data import (
    Crops,
    canonical_heads,
    canonical_samples,
    crop_views,
    keypoint_indices,
    placed_views,
    smoothing_weights,
    with_true_peaks,
)
from headwater.descent.heatmap_net import HeatmapNet
from headwater.descent.localiser_training import train_localiser
from headwater.descent.mirror import with_mirrored
from headwater.descent.model import Glvd
from headwater.descent.objective import Objective, near_face
from headwater.descent.pretrain import pretrain
from headwater.descent.view_sets import ViewSets
from headwater.descent.weights import TrainedGlvd, save_weights
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.training.device import CPU
from headwater.training.loop import Progress, Schedule, deterministic, fit


@dataclass(frozen=True)
class TrainResult:
    """weights: the file written. curve: losses over the steps. parameters: their number."""

    weights: Path
    curve: list[dict[str, float]]
    parameters: int


def train(
    config: GlvdConfig,
    heads: Heads,
    views: Views,
    template: Template,
    out_dir: Path,
    checkpoint_dir: Path,
    *,
    samples: SdfSamples | None = None,
    heatmap_net: HeatmapNet | None = None,
    device: torch.device = CPU,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainResult:
    """Train on the views whose split is "train" and write ``out_dir/weights.safetensors``.

    The same input gives the same bytes, also when the training was killed and resumed from
    ``checkpoint_dir``. Views in which the detector found no face are trained on with empty
    heatmaps where these come from it.
    samples: signed distances round the heads, mm, head frame; needed where config.sdf_steps is set.
    heatmap_net: gives the heatmaps where config.heatmaps names it as their source. device: where
    the networks are trained; another one than the CPU gives other bytes every time.
    """
    views = views.choose(views.split == "train")
    if not len(views):
        raise HeadwaterError("GLVD: no view has the split 'train'; nothing to train on")
    if config.sdf_steps and samples is None:
        raise HeadwaterError("GLVD: pre-training needs signed distance samples")
    crops, targets = _seen(config, heads, views, template, heatmap_net)
    network = build(config, targets[torch.unique(crops.head)], template, seed)
    before = config.localiser.steps if config.trains_localiser else 0
    with deterministic(config.threads, device):
        fingerprint = _fingerprint(config, seed, device, crops, targets, samples)
        crops, curve = _localised(
            config, network, crops, checkpoint_dir, fingerprint, device, seed, progress
        )
        sets = ViewSets(views, crops, template)
        objective = Objective(config, network, sets, targets)
        _fit_landmarks(network, crops, torch.cat([targets, objective.keypoints], dim=1), seed)
        network.to(device)
        if samples is not None and config.sdf_steps:
            around = canonical_samples(samples, heads, template)
            folder, shown = checkpoint_dir / "sdf", _continued(progress, before)
            found = pretrain(config, network, sets, around, folder, fingerprint, seed, shown)
            curve += _counted_from(found, -config.sdf_steps)
        curve += fit(
            network,
            _optimizer(config, network),
            objective.losses,
            _schedule(config),
            seed=seed,
            fingerprint=fingerprint,
            checkpoint_dir=checkpoint_dir,
            progress=_continued(progress, before + config.sdf_steps),
        )
    path = out_dir / "weights.safetensors"
    save_weights(path, TrainedGlvd(network.to(CPU), config, template, heatmap_net))
    return TrainResult(path, curve, sum(p.numel() for p in network.parameters()))


def _localised(
    config: GlvdConfig,
    network: Glvd,
    crops: Crops,
    checkpoint_dir: Path,
    fingerprint: str,
    device: torch.device,
    seed: int,
    progress: Progress | None,
) -> tuple[Crops, list[dict[str, float]]]:
    """Train f_h, if there is one; the crops with the peaks that it finds, and the curve."""
    if network.f_h is None:
        return crops, []
    folder = checkpoint_dir / "localiser"
    network.f_h.to(device)
    found, curve = train_localiser(
        config.localiser, network.f_h, crops, folder, fingerprint, seed, progress
    )
    network.f_h.to(CPU)
    return found, _counted_from(curve, -config.localiser.steps - config.sdf_steps)


def _seen(
    config: GlvdConfig,
    heads: Heads,
    views: Views,
    template: Template,
    heatmap_net: HeatmapNet | None,
) -> tuple[Crops, Tensor]:
    """What is trained on: crops with all that the network sees, and targets (h, V, 3)."""
    if (config.heatmaps.source == "net") != (heatmap_net is not None):
        raise ValueError("a heatmap network is given exactly where the config names one")
    crops = crop_views(
        placed_views(views, template), template.nose_bridge, config.image_px, config.crop_mm
    )
    targets = canonical_heads(heads, template)
    if config.heatmaps.source == "oracle" or config.trains_localiser:
        true = np.stack([template.landmarks_68(head) for head in heads.vertices])
        crops = with_true_peaks(crops, views, true[views.head])
    if config.mirror:
        crops, targets = with_mirrored(crops, targets, template)
    if heatmap_net is not None:
        with torch.random.fork_rng(devices=[]), deterministic(config.threads):
            crops = replace(crops, heat=heatmap_net.heat(crops.pixels, config))
    return crops, targets


def _fit_landmarks(network: Glvd, crops: Crops, points: Tensor, seed: int) -> None:
    """Fit f_l, where there is one, to heads' points (h, V + K, 3)."""
    if network.f_l is None:
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        located = network.located(crops.landmarks, crops.peaks)
        network.f_l.fit(located, crops.projection, crops.head, points)


def _counted_from(curve: list[dict[str, float]], first: int) -> list[dict[str, float]]:
    """A curve whose steps begin at ``first``: what comes before the descent is below zero."""
    return [{**record, "step": record["step"] + first} for record in curve]


def _continued(progress: Progress | None, before: int) -> Progress | None:
    """Progress of a part of the training, counted on from the steps before it."""
    if progress is None:
        return None

    def shown(step: int, steps: int, record: dict[str, float]) -> None:
        progress(before + step, before + steps, record)

    return shown


def _optimizer(config: GlvdConfig, network: Glvd) -> torch.optim.Optimizer:
    share = config.encoder_rate if config.sdf_steps else 1.0
    encoder = set(network.f_v.parameters())
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    others = [parameter for parameter in learned if parameter not in encoder]
    return torch.optim.AdamW(
        [
            {"params": list(network.f_v.parameters()), "rate_share": share},
            {"params": others, "rate_share": 1.0},
        ],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=True,
    )


def _schedule(config: GlvdConfig) -> Schedule:
    return Schedule(
        config.steps,
        config.learning_rate,
        config.constant_share,
        config.gradient_norm,
        config.checkpoint_every,
    )


def build(config: GlvdConfig, targets: Tensor, template: Template, seed: int) -> Glvd:
    """An untrained network whose template is the mean of ``targets`` (h, V, 3)."""
    mean = targets.mean(dim=0)
    points = template.landmarks_478.on(mean.numpy())
    keypoints = torch.from_numpy(points[keypoint_indices(config.keypoints)])
    landmarks = torch.from_numpy(points[IBUG68_FROM_478])
    smoothing = None
    if config.anchors:
        dense = near_face(template)
        smoothing = torch.from_numpy(smoothing_weights(template.mean, config.anchors, dense))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Glvd(config, mean, keypoints, landmarks, smoothing)
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def _fingerprint(
    config: GlvdConfig,
    seed: int,
    device: torch.device,
    crops: Crops,
    targets: Tensor,
    samples: SdfSamples | None,
) -> str:
    """Everything that the weights depend on: settings, code with its packages, and the data."""
    code = code_of_functions([train]).as_json()
    notes = {"config": config.of_training(), "seed": seed, "device": device.type}
    total = hashlib.sha256(canonical_json({**notes, **code}).encode())
    seen = [crops.pixels, crops.landmarks, crops.projection, crops.head, crops.peaks, crops.heat]
    seen.append(targets)
    if samples is not None and config.sdf_steps:
        seen += [torch.from_numpy(samples.points), torch.from_numpy(samples.distances)]
    for tensor in seen:
        if tensor is None:
            total.update(b"none")
        else:
            total.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            total.update(tensor.contiguous().numpy().tobytes())
    return total.hexdigest()
