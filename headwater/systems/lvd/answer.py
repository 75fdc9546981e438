"""Trained LVD: its weights file, and the head that views show."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from headwater.data.crops import network_images
from headwater.data.placed_head import placed_head
from headwater.data.scenes import FloatArray, Template, Views
from headwater.evaluation.heads.answer import HeadAnswer, HeadQuestion
from headwater.networks.vertex_descent.fields import Rows, starting_points
from headwater.networks.vertex_descent.weights import load_descent, save_descent
from headwater.systems.lvd.config import LvdConfig
from headwater.systems.lvd.model import Lvd
from headwater.training.determinism import deterministic
from headwater.training.device import chosen_device

START_SEED = 0


@dataclass(frozen=True)
class TrainedLvd:
    """A trained network with its template; the network is in evaluation mode."""

    network: Lvd
    config: LvdConfig
    template: Template

    @cached_property
    def vertex_rows(self) -> Rows:
        """Last-layer rows of all vertices, which no answer changes."""
        with torch.no_grad():
            return self.network.g_v.rows()


def save_weights(path: Path, trained: TrainedLvd) -> None:
    """Write the file; equal content gives equal bytes."""
    save_descent(path, "lvd", trained.config, trained.template, trained.network)


def load_weights(path: Path) -> TrainedLvd:
    """Read a file of ``save_weights``. Raises HeadwaterError for any other file."""
    config, template, network = load_descent(path, "lvd", LvdConfig, _network)
    return TrainedLvd(network, config, template)


def load(weights: Path, config: LvdConfig, device: Literal["cpu", "cuda"]) -> TrainedLvd:
    """The trained network of a file, with the settings for answers of ``config``."""
    place = chosen_device(device, "device")
    trained = load_weights(weights)
    trained.network.to(place)
    return replace(trained, config=trained.config.model_copy(update={"answer": config.answer}))


def answer(trained: TrainedLvd, question: HeadQuestion) -> HeadAnswer:
    """The head that a question's views show."""
    with deterministic(trained.config.threads, trained.network.template.device):
        steps = reconstruct(trained, question.views)
    return HeadAnswer(trained.template, steps[-1], steps)


def reconstruct(trained: TrainedLvd, views: Views, *, seed: int = START_SEED) -> FloatArray:
    """(T + 1, V, 3) mm, head frame: the descent to the one head that all ``views`` show.

    seed: of the first points.
    """
    config, network = trained.config, trained.network
    placed = placed_head(views, trained.template, config.image_px, config.crop_mm, config.space)
    generator = torch.Generator().manual_seed(seed)
    vertices = starting_points(network.template, config, generator)[None]
    device = network.template.device
    with torch.no_grad():
        encoded = network.encode(
            network_images(placed.crops.pixels)[None].to(device), placed.projection.to(device)
        )
        iterations = config.answer.iterations or config.iterations
        states = network.descend(encoded, vertices.to(device), iterations, trained.vertex_rows)
    return np.stack([placed.to_views(state) for state in states])


def _network(config: LvdConfig, state: dict[str, Tensor]) -> Lvd:
    """A network of the size of the file's tensors."""
    return Lvd(config, state["template"], state.get("g_v.smoothing"))
