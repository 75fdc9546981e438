"""Training of GLVD: its localiser, then f_v on signed distances, then the descent."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from headwater.data.crops import projected_points
from headwater.data.head_batches import HeadBatches
from headwater.data.mirror import mirror_of, with_mirrored
from headwater.data.scenes import FloatArray, Heads, Template, Views
from headwater.data.training_tables import TrainingTables
from headwater.heads.contact import height_shares
from headwater.heads.model import SurfacePoints
from headwater.networks.frozen_net import FrozenNet
from headwater.networks.landmark_encoder import LandmarkViews
from headwater.networks.localiser.points import localised_points, point_partners
from headwater.networks.localiser.training import train_localiser
from headwater.networks.vertex_descent.course import Course, run_course, tables_for
from headwater.networks.vertex_descent.training import (
    Examples,
    TrainingPart,
    TrainResult,
    counted_from,
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
from headwater.training.run import Curve, Run
from headwater.training.turns import LossFunction


def train_on_tables(config: GlvdConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve.

    A heatmap network that cannot be used is refused before anything else.
    """
    config, net = with_net(config)
    return train(config, tables_for(config, data), run, weights, heatmap_net=net).curve


def train(
    config: GlvdConfig,
    tables: TrainingTables,
    run: Run,
    weights: Path,
    *,
    heatmap_net: FrozenNet | None = None,
) -> TrainResult:
    """Train as ``run_course`` does and write ``weights``.

    Views in which the detector found no face are trained on with empty heatmaps where these come
    from it. heatmap_net: draws the heatmaps where config.heatmaps names it as their source.
    """
    template = tables.template

    def course(seen: Examples) -> Course[Glvd]:
        guidance = guidance_of(config, tables.heads, seen, heatmap_net)
        network = build(config, seen.seen_targets, template, run.seed)

        def begin(part: TrainingPart, batches: HeadBatches) -> tuple[Curve, LossFunction]:
            own, curve = _localised(config, network, seen, guidance, part)
            _fit_landmarks(config, network, seen, own, run.seed)
            return curve, Objective(config, network, seen, batches, own, part.share).losses

        def predicted(network: Glvd, view: Views, landmarks: FloatArray) -> FloatArray:
            trained = TrainedGlvd(network, config, template, heatmap_net)
            return reconstruct(trained, view, true_landmarks_mm=landmarks).vertices

        earlier = config.localiser.steps if config.trains_localiser else 0
        beside = (guidance.peaks, guidance.heat)
        return Course(network, network.f_v, begin, predicted, beside, earlier)

    network, curve = run_course(train, config, tables, run, course)
    save_weights(weights, TrainedGlvd(network, config, template, heatmap_net))
    return TrainResult(weights, curve, sum(p.numel() for p in network.parameters()))


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
    oracle = config.heatmaps.source == "oracle"
    if oracle or config.trains_localiser:
        points = _localised_points(config, seen.template)
        true = np.stack([points.on(head) for head in heads.vertices])
        peaks = projected_points(seen.crops, seen.views, true[seen.views.head])
        # An estimated camera does not show the true points where the image does.
        detected = seen.crops.landmarks[: len(seen.views)]
        estimated = torch.from_numpy(seen.views.estimated)
        peaks[estimated] = detected[estimated] if oracle else torch.nan
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
) -> tuple[Guidance, Curve]:
    """Train the localiser, if there is one, on the true peaks; its own peaks, and the curve.

    It is trained on crops of given cameras alone: those of estimated ones show the same images.
    """
    if network.localiser is None or guidance.peaks is None:
        return guidance, []
    localiser, pixels = network.localiser.to(part.device), seen.crops.pixels
    given = ~seen.crops.estimated
    curve = train_localiser(config.localiser, localiser, pixels[given], guidance.peaks[given], part)
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
        network.landmark_encoder.fit(
            LandmarkViews(located, crops.projection, crops.estimated, crops.head, persons),
            points,
            _lip_heights(seen, points),
        )


def _lip_heights(seen: Examples, points: Tensor) -> Tensor:
    """Shares (P,) of the points (h, P, 3) in the height between the lips: the vertices' alone."""
    vertices = seen.targets.shape[1]
    shares = height_shares(seen.template.landmarks_478, vertices)
    return functional.pad(torch.from_numpy(shares), (0, points.shape[1] - vertices))
