"""The self-contained weights file of PRDL: network, bases, settings and topology."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

from headwater.artifacts.atomic import write_bytes
from headwater.data.scenes import Template
from headwater.data.templates import template_among, template_arrays
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.systems.prdl.config import PrdlConfig
from headwater.systems.prdl.losses import Objective
from headwater.systems.prdl.model import Prdl
from headwater.systems.prdl.morphable import Bases
from headwater.training.checkpoint import read_safetensors, safetensors_bytes, unreadable
from headwater.training.device import chosen_device

FORMAT: Final = 1


@dataclass(frozen=True)
class TrainedPrdl:
    """A trained network, in evaluation mode, with its settings and topology.

    objective: the losses that coefficients are fitted by.
    """

    network: Prdl
    config: PrdlConfig
    template: Template
    objective: Objective


def save_weights(path: Path, config: PrdlConfig, network: Prdl, template: Template) -> None:
    """Write the file; equal content gives equal bytes."""
    tensors: dict[str, Any] = {f"model.{k}": v for k, v in network.state_dict().items()}
    tensors |= template_arrays(template)
    notes = {"system": "prdl", "format": FORMAT, "config": config.of_training()}
    write_bytes(path, safetensors_bytes(tensors, notes))


def load_weights(path: Path) -> TrainedPrdl:
    """Read a file of ``save_weights``. Raises HeadwaterError for any other file."""
    tensors, notes = read_safetensors(path)
    try:
        if notes.get("system") != "prdl" or notes.get("format") != FORMAT:
            raise HeadwaterError(f"{path}: not PRDL weights of format {FORMAT}; train them again")
        config = PrdlConfig.model_validate(notes["config"])
        template = template_among(tensors, str(path))
        state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        network = _network(config, template, state)
    except READER_ERRORS as error:
        raise unreadable(path, error) from error
    return TrainedPrdl(network, config, template, Objective(config, template))


def load(weights: Path, config: PrdlConfig, device: Literal["cpu", "cuda"]) -> TrainedPrdl:
    """The trained network of a file, with the settings for answers of ``config``."""
    place = chosen_device(device, "device")
    trained = load_weights(weights)
    trained.network.to(place)
    return replace(trained, config=trained.config.model_copy(update={"answer": config.answer}))


def _network(config: PrdlConfig, template: Template, state: dict[str, Tensor]) -> Prdl:
    """The network of a file's tensors. Raises ValueError where they are of another."""
    bases = Bases(**{name: state[name] for name in Bases.__dataclass_fields__})
    for name, values in state.items():
        if values.dtype.is_floating_point and not values.isfinite().all():
            raise ValueError(f"tensor {name} has values that are not finite numbers")
    vertices = template.mean.shape
    if bases.mean.shape != vertices or any(
        one.dtype != torch.float32 or one.shape[-2:] != vertices for one in bases.named().values()
    ):
        raise ValueError("its face model is of another template")
    # Without numbers first: a config's network must not take more memory than the file.
    with torch.device("meta"):
        bare = Prdl(config, Bases(*(one.to("meta") for one in bases.named().values())))
    shapes = {name: value.shape for name, value in bare.state_dict().items()}
    if shapes != {name: value.shape for name, value in state.items()}:
        raise ValueError("its tensors are not those of its config")
    network = Prdl(config, bases)
    network.load_state_dict(state)
    return network.eval()
