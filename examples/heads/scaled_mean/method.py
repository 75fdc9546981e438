"""The mean of the training heads, and its place and size in views of another head."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headwater.artifacts.atomic import write_bytes
from headwater.data.placement import place_views
from headwater.data.scenes import FloatArray, Template
from headwater.data.tables import read_heads, read_model, template_of
from headwater.data.templates import template_among, template_arrays
from headwater.evaluation.challenge import Unanswered
from headwater.evaluation.heads.answer import HeadAnswer, HeadQuestion
from headwater.faces.vocabulary import ibug68
from headwater.geometry.cameras import project
from headwater.training.checkpoint import read_safetensors, safetensors_bytes
from headwater.training.run import Curve


@dataclass(frozen=True)
class ScaledMean:
    """mean: (V, 3) float32 mm. largest_change: of its size, relative."""

    template: Template
    mean: FloatArray
    largest_change: float


def train(most: int, data: Path, weights: Path) -> Curve:
    """Write the mean of ``most`` training heads, and the template, to ``weights``."""
    heads = read_heads(data, ("train",)).vertices[:most]
    mean = heads.mean(axis=0)
    arrays = {"mean": mean, **template_arrays(template_of(read_model(data)))}
    write_bytes(weights, safetensors_bytes(arrays, {"system": "scaled_mean"}))
    distance_mm = float(np.linalg.norm(heads - mean, axis=2).mean())
    return [{"step": 1, "learning_rate": 0.0, "distance_loss": distance_mm}]


def load(weights: Path, largest_change: float) -> ScaledMean:
    """The mean head of a file of ``train``."""
    arrays, _ = read_safetensors(weights)
    template = template_among(arrays, str(weights))
    return ScaledMean(template, arrays["mean"].numpy(), largest_change)


def answer(trained: ScaledMean, question: HeadQuestion) -> HeadAnswer:
    """The mean head, placed by the landmarks of all views and scaled to their extent."""
    views, template = question.views, trained.template
    detected = np.flatnonzero(np.isfinite(views.landmarks_478_px).all(axis=(1, 2)))
    if not len(detected):
        raise Unanswered("no view has landmarks")
    placed = place_views(views, template).inverse().apply(trained.mean).astype(np.float32)
    landmarks = template.landmarks_68(placed)
    ratios = [
        _extent(ibug68(views.landmarks_478_px[i])) / _extent(project(views.camera(i), landmarks)[0])
        for i in detected
    ]
    scale = np.clip(np.mean(ratios), 1 - trained.largest_change, 1 + trained.largest_change)
    centre = landmarks.mean(axis=0)
    return HeadAnswer(template, (centre + scale * (placed - centre)).astype(np.float32))


def _extent(pixels: np.ndarray) -> float:
    """Root mean square distance of points (n, 2) from their mean, px."""
    return float(np.sqrt(pixels.var(axis=0).sum()))
