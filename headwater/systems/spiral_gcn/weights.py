"""The self-contained weights file: networks, mesh levels, settings and topology."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

from headwater.artifacts.atomic import write_bytes
from headwater.data.scenes import Template
from headwater.data.templates import template_among, template_arrays
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.systems.spiral_gcn.config import SpiralConfig
from headwater.systems.spiral_gcn.model import SpiralGcn
from headwater.systems.spiral_gcn.surface import Surface, mean_edge, surface_among
from headwater.training.checkpoint import read_safetensors, safetensors_bytes, unreadable
from headwater.training.device import chosen_device

FORMAT: Final = 2


@dataclass(frozen=True)
class TrainedSpiral:
    """A trained network, in evaluation mode, with its settings, topology and surface."""

    network: SpiralGcn
    config: SpiralConfig
    template: Template
    surface: Surface

    @property
    def edge(self) -> float:
        """Mean edge of the mean surface, canonical units."""
        return mean_edge(self.network.mean, self.surface.faces.to(self.network.mean.device))


def save_weights(path: Path, trained: TrainedSpiral) -> None:
    """Write the file; equal content gives equal bytes."""
    tensors: dict[str, Any] = {f"model.{k}": v for k, v in trained.network.state_dict().items()}
    tensors |= trained.surface.named() | template_arrays(trained.template)
    notes = {"system": "spiral_gcn", "format": FORMAT, "config": trained.config.of_training()}
    write_bytes(path, safetensors_bytes(tensors, notes))


def load_weights(path: Path) -> TrainedSpiral:
    """Read a file of ``save_weights``. Raises HeadwaterError for any other file."""
    tensors, notes = read_safetensors(path)
    try:
        if notes.get("system") != "spiral_gcn" or notes.get("format") != FORMAT:
            raise HeadwaterError(
                f"{path}: not weights of spiral_gcn of format {FORMAT}; train them again"
            )
        config = SpiralConfig.model_validate(notes["config"])
        template = template_among(tensors, str(path))
        state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        tables = {k.removeprefix("levels."): v for k, v in state.items() if k.startswith("levels.")}
        surface = surface_among(tensors, tables, template, config)
        network = _network(config, surface, state)
    except READER_ERRORS as error:
        raise unreadable(path, error) from error
    return TrainedSpiral(network, config, template, surface)


def load(weights: Path, config: SpiralConfig, device: Literal["cpu", "cuda"]) -> TrainedSpiral:
    """The trained network of a file, with the settings for answers of ``config``."""
    place = chosen_device(device, "device")
    trained = load_weights(weights)
    trained.network.to(place)
    return replace(trained, config=trained.config.model_copy(update={"answer": config.answer}))


def _network(config: SpiralConfig, surface: Surface, state: dict[str, Tensor]) -> SpiralGcn:
    """The network of a file's tensors. Raises ValueError where they are of another."""
    for name, value in state.items():
        if value.dtype.is_floating_point and not value.isfinite().all():
            raise ValueError(f"tensor {name} has values that are not finite numbers")
    mean = state["mean"]
    if mean.shape != (surface.sizes[0], 3) or mean.dtype != torch.float32:
        raise ValueError("its mean surface is of another template")
    # Without numbers first: a config's network must not take more memory than the file.
    with torch.device("meta"):
        bare = SpiralGcn(config, surface, mean)
    shapes = {name: value.shape for name, value in bare.state_dict().items()}
    if shapes != {name: value.shape for name, value in state.items()}:
        raise ValueError("its tensors are not those of its config")
    network = SpiralGcn(config, surface, mean)
    network.load_state_dict(state)
    return network.eval()
