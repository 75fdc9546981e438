"""Answers: from views to a head in their frame, coarse and with detail."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from headwater.data.canonical import to_canonical, to_head_frame
from headwater.data.crops import network_images
from headwater.data.placed_head import placed_head
from headwater.data.scenes import FloatArray, Views
from headwater.evaluation.heads.answer import HeadAnswer, HeadQuestion
from headwater.geometry.registration import umeyama
from headwater.systems.spiral_gcn.data import cameras_of
from headwater.systems.spiral_gcn.detail import displacement, look_at
from headwater.systems.spiral_gcn.weights import TrainedSpiral
from headwater.training.determinism import deterministic


@dataclass(frozen=True)
class Reconstructed:
    """coarse, detailed: (V, 3) mm, in the head frame of the views."""

    coarse: FloatArray
    detailed: FloatArray


def answer(trained: TrainedSpiral, question: HeadQuestion) -> HeadAnswer:
    """The head that a question's views show; its steps are the coarse mesh and the one with detail.

    Both are in the figures of a descent, and either is the answer, as the settings say.
    """
    with deterministic(trained.config.threads, trained.network.mean.device):
        found = reconstruct(trained, question.views)
    if not trained.config.answer.detail:
        return HeadAnswer(trained.template, found.coarse, found.coarse[None])
    return HeadAnswer(trained.template, found.detailed, np.stack([found.coarse, found.detailed]))


def reconstruct(trained: TrainedSpiral, views: Views) -> Reconstructed:
    """The one head that all ``views`` show: of several, the mean of what each alone tells."""
    config, network, template = trained.config, trained.network, trained.template
    placed = placed_head(views, template, config.image_px, config.crop_mm, "canonical")
    device = network.mean.device
    _, cameras = cameras_of(config, placed.cameras)
    faces = trained.surface.faces.to(device)
    with torch.no_grad():
        coarse = network(network_images(placed.crops.pixels)[:, :3].to(device))
        look = look_at(network, coarse, placed.crops.pixels.to(device), cameras.to(device), faces)
        moved = displacement(network, look, trained.edge).transpose(0, 1)
    meshes = coarse.vertices.cpu(), (coarse.vertices + moved).cpu()
    mean = torch.from_numpy(to_canonical(template.mean, template.nose_bridge))
    found = []
    for mesh in meshes:
        surface = _canonical(trained, meshes[0], mesh).mean(dim=0)
        head = trained.surface.whole(surface - mean[trained.surface.vertices], mean)
        in_mm = to_head_frame(head.numpy(), placed.origin_mm)
        found.append(placed.placement.inverse().apply(in_mm).astype(np.float32))
    return Reconstructed(*found)


def _canonical(trained: TrainedSpiral, coarse: Tensor, meshes: Tensor) -> Tensor:
    """Meshes (N, s, 3) in canonical axes; posed ones by the rigid motion of their coarse ones."""
    if trained.config.space == "canonical":
        return meshes
    mean = trained.network.mean.cpu().numpy()
    back = [
        umeyama(posed.numpy(), mean, with_scale=False).apply(mesh.numpy())
        for posed, mesh in zip(coarse, meshes, strict=True)
    ]
    return torch.from_numpy(np.stack(back).astype(np.float32))
