"""Answers of trained GLVD: from views to a mesh in their head frame."""

from dataclasses import dataclass

import numpy as np
import torch

from headwater.data.camera_axes import turned_points
from headwater.data.crops import network_images, projected_points
from headwater.data.placed_head import PlacedHead, placed_head
from headwater.data.scenes import FloatArray, Views
from headwater.evaluation.heads.answer import HeadAnswer, HeadQuestion
from headwater.networks.vertex_descent.fields import starting_points
from headwater.systems.glvd.data import ViewBatch
from headwater.systems.glvd.heatmap_net import network_heat
from headwater.systems.glvd.weights import TrainedGlvd
from headwater.training.determinism import deterministic

START_SEED = 0


@dataclass(frozen=True)
class Reconstruction:
    """One head, mm, head frame.

    vertices: (V, 3) float32. steps: (T + 1, V, 3), the descent from the random ball.
    keypoints: (K, 3). suggested: (V, 3), the head that the landmarks suggest before any step.
    """

    vertices: FloatArray
    steps: FloatArray
    keypoints: FloatArray
    suggested: FloatArray


def answer(trained: TrainedGlvd, question: HeadQuestion) -> HeadAnswer:
    """The head that a question's views show."""
    with deterministic(trained.config.threads, trained.network.template.device):
        head = reconstruct(
            trained,
            question.views,
            iterations=trained.config.answer.iterations,
            true_landmarks_mm=question.true_landmarks_mm,
        )
    return HeadAnswer(trained.template, head.vertices, head.steps)


def reconstruct(
    trained: TrainedGlvd,
    views: Views,
    *,
    iterations: int | None = None,
    seed: int = START_SEED,
    guides: FloatArray | None = None,
    true_landmarks_mm: FloatArray | None = None,
) -> Reconstruction:
    """Mesh of the one head that all ``views`` show; ``seed`` draws the first points.

    guides: (K, 3) mm, head frame: keypoints that are known and held, instead of the branch's own.
    true_landmarks_mm: (68, 3) of the head in the frame of its cameras, where it is known; weights
    trained on the oracle's heatmaps see these, all others do not look at them.
    """
    config, network = trained.config, trained.network
    placed = placed_head(views, trained.template, config.image_px, config.crop_mm, config.space)
    batch = view_batch(trained, placed, views, true_landmarks_mm)
    device = network.template.device
    generator = torch.Generator().manual_seed(seed)
    keypoints = starting_points(network.keypoint_template, config, generator)[None]
    vertices = starting_points(network.template, config, generator)[None]
    if guides is not None:
        keypoints = placed.to_network(guides)
    with torch.no_grad():
        encoded = network.encode(batch.to(device))
        descent = network.descend(
            encoded,
            vertices.to(device),
            keypoints.to(device),
            iterations or config.iterations,
            held=guides is not None,
            rows=trained.vertex_rows,
        )
    steps = np.stack([placed.to_views(state) for state in descent.vertices])
    # Suggested in canonical axes: only with these does a network have a landmark encoder.
    suggested = turned_points(encoded.vertices.template.cpu(), placed.axes)
    return Reconstruction(
        steps[-1], steps, placed.to_views(descent.keypoints[-1]), placed.to_views(suggested)
    )


def view_batch(
    trained: TrainedGlvd,
    placed: PlacedHead,
    views: Views,
    true_landmarks_mm: FloatArray | None = None,
) -> ViewBatch:
    """The network's input for the placed ``views`` of one head."""
    crops, network, net = placed.crops, trained.network, trained.heatmap_net
    peaks = None
    if trained.config.heatmaps.source == "oracle" and true_landmarks_mm is not None:
        peaks = projected_points(crops, views, np.stack([true_landmarks_mm] * len(views)))
    if network.localiser is not None:
        peaks = network.localiser.localise(crops.pixels).places
    return ViewBatch(
        network_images(crops.pixels)[None],
        crops.landmarks[None],
        placed.projection,
        crops.projection[None],
        crops.estimated[None],
        None if peaks is None else peaks[None],
        None if net is None else network_heat(net, crops.pixels, trained.config)[None],
    )
