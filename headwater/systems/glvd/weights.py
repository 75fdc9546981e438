"""The self-contained weights file: network, settings, template and the mean head of training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from headwater.artifacts.atomic import write_bytes
from headwater.datasets.scenes import Template
from headwater.errors import HeadwaterError
from headwater.heads.model import SurfacePoints
from headwater.systems.glvd.canonical import to_head_frame
from headwater.systems.glvd.config import GlvdConfig
from headwater.systems.glvd.heatmap_net import HeatmapNet, needed_net
from headwater.systems.glvd.model import Glvd
from headwater.training.checkpoint import read_safetensors, safetensors_bytes

FORMAT = 3


@dataclass(frozen=True)
class TrainedGlvd:
    """A trained network with its template; the network is in evaluation mode.

    heatmap_net: what gives its heatmaps, where they come from a network of the user's own.
    """

    network: Glvd
    config: GlvdConfig
    template: Template
    heatmap_net: HeatmapNet | None = None

    @property
    def mean_head(self) -> NDArray[np.float32]:
        """(V, 3) mm, head frame: the mean of the training heads."""
        return to_head_frame(self.network.template.cpu().numpy(), self.template.nose_bridge)


def save_weights(path: Path, trained: TrainedGlvd) -> None:
    """Write the file; equal content gives equal bytes."""
    template = trained.template
    tensors = {f"model.{k}": v for k, v in trained.network.state_dict().items()}
    tensors |= {
        "template.mean": torch.from_numpy(template.mean),
        "template.faces": torch.from_numpy(template.faces),
        "template.surface": torch.from_numpy(template.surface),
        "template.landmark_triangles": torch.from_numpy(template.landmarks_478.triangles),
        "template.landmark_weights": torch.from_numpy(template.landmarks_478.weights),
    }
    notes = {"system": "glvd", "format": FORMAT, "config": trained.config.model_dump(mode="json")}
    write_bytes(path, safetensors_bytes(tensors, notes))


def load_weights(path: Path, heatmap_net: Path | None = None) -> TrainedGlvd:
    """Read a file of ``save_weights``. Raises HeadwaterError for any other file.

    heatmap_net: file of the network that the training took its heatmaps from, if from one; a
    missing or different one raises HeadwaterError.
    """
    tensors, notes = read_safetensors(path)
    if notes.get("system") != "glvd" or notes.get("format") != FORMAT:
        raise HeadwaterError(f"{path}: not GLVD weights of format {FORMAT}; train them again")
    config = GlvdConfig.model_validate(notes["config"])
    net = needed_net(path, config, heatmap_net)
    template = Template(
        tensors["template.mean"].numpy(),
        tensors["template.faces"].numpy(),
        tensors["template.surface"].numpy(),
        SurfacePoints(
            tensors["template.landmark_triangles"].numpy(),
            tensors["template.landmark_weights"].numpy(),
        ),
    )
    state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    network = Glvd(
        config,
        state["template"],
        state["keypoint_template"],
        torch.from_numpy(template.landmarks_68(state["template"].numpy())),
        state.get("g_v.smoothing"),
    )
    network.load_state_dict(state)
    return TrainedGlvd(network.eval(), config, template, net)
