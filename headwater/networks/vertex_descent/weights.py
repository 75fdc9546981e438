"""The self-contained weights file of a vertex descent: network, settings and template."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from headwater.artifacts.atomic import write_bytes
from headwater.data.scenes import Template
from headwater.data.templates import template_among, template_arrays
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.training.checkpoint import read_safetensors, safetensors_bytes, unreadable

FORMAT = 8

ConfigT = TypeVar("ConfigT", bound=DescentConfig)
NetworkT = TypeVar("NetworkT", bound=nn.Module)


def save_descent(
    path: Path, system: str, config: DescentConfig, template: Template, network: nn.Module
) -> None:
    """Write the file; equal content gives equal bytes."""
    tensors: dict[str, Any] = {f"model.{k}": v for k, v in network.state_dict().items()}
    tensors |= template_arrays(template)
    notes = {"system": system, "format": FORMAT, "config": config.of_training()}
    write_bytes(path, safetensors_bytes(tensors, notes))


def load_descent(
    path: Path,
    system: str,
    kind: type[ConfigT],
    build: Callable[[ConfigT, dict[str, Tensor]], NetworkT],
) -> tuple[ConfigT, Template, NetworkT]:
    """Read a file of ``save_descent``: settings, template and the network in evaluation mode.

    build(config, state): a network of the size of the file's tensors ``state``, on their
    device. Raises HeadwaterError for any other file.
    """
    tensors, notes = read_safetensors(path)
    try:
        if notes.get("system") != system or notes.get("format") != FORMAT:
            raise HeadwaterError(
                f"{path}: not {system.upper()} weights of format {FORMAT}; train them again"
            )
        config = kind.model_validate(notes["config"])
        template = template_among(tensors, str(path))
        state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        network = _network(config, template, state, build)
    except READER_ERRORS as error:
        raise unreadable(path, error) from error
    return config, template, network


class _ShapesAlone(TorchFunctionMode):
    """Building a network on the meta device without torch's compiler.

    Torch imports it, which takes longer than an answer, for the shapes of these two functions.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """The function's value; of these two, a tensor of its shape."""
        if func is torch.Tensor.normal_:
            return args[0]
        if func is torch.norm_except_dim:
            weight, _, kept = args
            return weight.new_empty(
                [size if axis == kept else 1 for axis, size in enumerate(weight.shape)]
            )
        return func(*args, **(kwargs or {}))


def _network(
    config: ConfigT,
    template: Template,
    state: dict[str, Tensor],
    build: Callable[[ConfigT, dict[str, Tensor]], NetworkT],
) -> NetworkT:
    """The trained network in evaluation mode; its size is that of the file's tensors.

    Raises ValueError or RuntimeError where the config is of another network than they are.
    """
    for name, value in state.items():
        if value.dtype != torch.float32:
            raise ValueError(f"tensor {name} is of {value.dtype} instead of float32")
        if not value.isfinite().all():
            raise ValueError(f"tensor {name} has values that are not finite numbers")
    if state["template"].shape != template.mean.shape:
        raise ValueError("its network is for another template")
    # Without numbers first: a config's network must not take more memory than the file.
    with torch.device("meta"), _ShapesAlone():
        bare = build(config, {name: value.to("meta") for name, value in state.items()})
    shapes = {name: value.shape for name, value in bare.state_dict().items()}
    if shapes != {name: value.shape for name, value in state.items()}:
        raise ValueError("its tensors are not those of its config")
    network = build(config, state)
    network.load_state_dict(state)
    return network.eval()
