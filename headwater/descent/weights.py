"""The self-contained weights file: network, settings, template and the mean head of training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.meshes import checked_mesh
from headwater.data.scenes import Template
from headwater.descent.canonical import to_head_frame
from headwater.descent.config import GlvdConfig
from headwater.descent.heatmap_net import HeatmapNet, needed_net
from headwater.descent.model import Glvd
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.heads.model import SurfacePoints
from headwater.training.checkpoint import read_safetensors, safetensors_bytes

FORMAT = 3
LANDMARKS = 478
MAX_REASON = 300


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
    notes = {"system": "glvd", "format": FORMAT, "config": trained.config.of_training()}
    write_bytes(path, safetensors_bytes(tensors, notes))


def load_weights(path: Path, heatmap_net: Path | None = None) -> TrainedGlvd:
    """Read a file of ``save_weights``. Raises HeadwaterError for any other file.

    heatmap_net: file of the network that the training took its heatmaps from, if from one; a
    missing or different one raises HeadwaterError.
    """
    try:
        tensors, notes = read_safetensors(path)
        if notes.get("system") != "glvd" or notes.get("format") != FORMAT:
            raise HeadwaterError(f"{path}: not GLVD weights of format {FORMAT}; train them again")
        config = GlvdConfig.model_validate(notes["config"])
        template = _template(tensors, path)
        network = _network(config, tensors, template)
    except (SafetensorError, *READER_ERRORS) as error:
        reason = " ".join(str(error).split())[:MAX_REASON] or type(error).__name__
        raise HeadwaterError(f"{path}: no readable weights ({reason})") from error
    return TrainedGlvd(network, config, template, needed_net(path, config, heatmap_net))


def _template(tensors: dict[str, Tensor], path: Path) -> Template:
    """The template of the file. Raises HeadwaterError where its arrays do not fit each other."""
    mean, faces = tensors["template.mean"].numpy(), tensors["template.faces"].numpy()
    checked_mesh(mean, faces, str(path))
    surface = tensors["template.surface"].numpy()
    triangles = tensors["template.landmark_triangles"].numpy()
    weights = tensors["template.landmark_weights"].numpy()
    if not (
        (mean.shape, mean.dtype) == ((len(mean), 3), np.float32)
        and (faces.shape, faces.dtype) == ((len(faces), 3), np.int32)
        and (surface.shape, surface.dtype) == ((len(faces),), np.uint8)
        and triangles.shape == weights.shape == (LANDMARKS, 3)
        and (triangles.dtype, weights.dtype) == (np.int32, np.float32)
        and 0 <= triangles.min() <= triangles.max() < len(mean)
        and np.isfinite(weights).all()
    ):
        raise HeadwaterError(f"{path}: its template is none; train the weights again")
    return Template(mean, faces, surface, SurfacePoints(triangles, weights))


def _network(config: GlvdConfig, tensors: dict[str, Tensor], template: Template) -> Glvd:
    """The trained network in evaluation mode; its size is that of the file's tensors.

    Raises ValueError or RuntimeError where the config asks for another network than they are.
    """
    state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    if odd := [k for k, v in state.items() if v.is_floating_point() and not v.isfinite().all()]:
        raise ValueError(f"tensor {odd[0]} has values that are not finite numbers")
    if state["template"].shape != template.mean.shape:
        raise ValueError("its network is for another template")
    heads = (
        state["template"],
        state["keypoint_template"],
        torch.from_numpy(template.landmarks_68(state["template"].numpy())),
    )
    shares = state.get("g_v.smoothing")
    # Without numbers first: what the config asks for must not take more memory than the file.
    with torch.device("meta"):
        mean, keypoints, landmarks = (points.to("meta") for points in heads)
        bare_shares = None if shares is None else shares.to("meta")
        bare = Glvd(config, mean, keypoints, landmarks, bare_shares)
    shapes = {name: value.shape for name, value in bare.state_dict().items()}
    if shapes != {name: value.shape for name, value in state.items()}:
        raise ValueError("its tensors are not those of its config")
    network = Glvd(config, heads[0], heads[1], heads[2], shares)
    network.load_state_dict(state)
    return network.eval()
