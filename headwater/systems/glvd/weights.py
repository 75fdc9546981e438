"""Trained GLVD and its weights file."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.canonical import to_head_frame
from headwater.data.scenes import Template
from headwater.networks.frozen_net import FrozenNet
from headwater.networks.localiser.points import LANDMARKS
from headwater.networks.vertex_descent.fields import Rows
from headwater.networks.vertex_descent.weights import load_descent, save_descent
from headwater.systems.glvd.config import GlvdConfig
from headwater.systems.glvd.heatmap_net import needed_net
from headwater.systems.glvd.model import Glvd
from headwater.training.device import chosen_device


@dataclass(frozen=True)
class TrainedGlvd:
    """A trained network with its template; the network is in evaluation mode.

    heatmap_net: source of its heatmaps, where they come from a network of the user's own.
    """

    network: Glvd
    config: GlvdConfig
    template: Template
    heatmap_net: FrozenNet | None = None

    @cached_property
    def vertex_rows(self) -> Rows:
        """Last-layer rows of all vertices, which no answer changes."""
        with torch.no_grad():
            return self.network.g_v.rows()

    @property
    def mean_head(self) -> NDArray[np.float32]:
        """(V, 3) mm, head frame: the mean of the training heads."""
        return to_head_frame(self.network.template.cpu().numpy(), self.template.nose_bridge)


def save_weights(path: Path, trained: TrainedGlvd) -> None:
    """Write the file; equal content gives equal bytes."""
    save_descent(path, "glvd", trained.config, trained.template, trained.network)


def load_weights(path: Path, heatmap_net: Path | None = None) -> TrainedGlvd:
    """Read a file of ``save_weights``. Raises HeadwaterError for any other file.

    heatmap_net: file of the network that the training took its heatmaps from, if from one; a
    missing or different one raises HeadwaterError.
    """
    config, template, network = load_descent(path, "glvd", GlvdConfig, _network)
    return TrainedGlvd(network, config, template, needed_net(path, config, heatmap_net))


def load(weights: Path, config: GlvdConfig, device: Literal["cpu", "cuda"]) -> TrainedGlvd:
    """The trained network of a file, with the settings for answers of ``config``."""
    place = chosen_device(device, "device")
    net = config.answer.heatmap_net
    trained = load_weights(weights, Path(net) if net else None)
    trained.network.to(place)
    return replace(trained, config=trained.config.model_copy(update={"answer": config.answer}))


def _network(config: GlvdConfig, state: dict[str, Tensor]) -> Glvd:
    """A network of the size of the file's tensors."""
    more = config.localiser.face_points if config.trains_localiser else 0
    landmarks = torch.zeros(LANDMARKS + more, 3)
    smoothing = state.get("g_v.smoothing")
    return Glvd(config, state["template"], state["keypoint_template"], landmarks, smoothing)
