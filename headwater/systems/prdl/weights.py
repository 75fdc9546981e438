"""The self-contained weights file of PRDL: network, bases, settings and topology."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

from headwater.artifacts.atomic import write_bytes
from headwater.data.scenes import Template
from headwater.data.templates import template_among, template_arrays
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.parsing.frame_parser import FrameParser
from headwater.systems.prdl.config import PrdlConfig
from headwater.systems.prdl.detector_errors import MeanErrors
from headwater.systems.prdl.losses import Objective
from headwater.systems.prdl.model import Prdl
from headwater.systems.prdl.morphable import Bases
from headwater.training.checkpoint import read_safetensors, safetensors_bytes, unreadable
from headwater.training.device import chosen_device

FORMAT: Final = 2
_ERRORS: Final = "detector.mean_errors"


@dataclass(frozen=True)
class TrainedPrdl:
    """A trained network, in evaluation mode, with its settings and topology.

    errors: of the detector of landmarks, which are taken off. parser: finds the parts that answers
    are fitted to; None where they are drawn between landmarks. seed: of
    the training.
    """

    network: Prdl
    config: PrdlConfig
    template: Template
    errors: MeanErrors
    parser: FrameParser | None = None
    seed: int = 0

    @cached_property
    def objective(self) -> Objective:
        """The losses that coefficients are fitted by."""
        return Objective(self.config.of_fitting, self.template)

    def with_parser(self, parser: FrameParser | None) -> "TrainedPrdl":
        """The same network; its answers are fitted to the parts that this parser finds."""
        return replace(self, parser=parser)


def save_weights(
    path: Path, network: Prdl, template: Template, errors: MeanErrors, seed: int
) -> None:
    """Write the file; equal content gives equal bytes. seed: of the training."""
    tensors: dict[str, Any] = {f"model.{k}": v for k, v in network.state_dict().items()}
    tensors[_ERRORS] = errors.shares
    tensors |= template_arrays(template)
    notes: dict[str, Any] = {"system": "prdl", "format": FORMAT, "seed": seed}
    notes["config"] = network.config.of_training()
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
        errors = _errors(tensors[_ERRORS])
    except READER_ERRORS as error:
        raise unreadable(path, error) from error
    return TrainedPrdl(network, config, template, errors, seed=int(notes["seed"]))


def load(weights: Path, config: PrdlConfig, device: Literal["cpu", "cuda"]) -> TrainedPrdl:
    """The trained network of a file, with the settings for answers of ``config``."""
    place = chosen_device(device, "device")
    trained = load_weights(weights)
    trained.network.to(place)
    return replace(trained, config=trained.config.model_copy(update={"answer": config.answer}))


def _errors(shares: Tensor) -> MeanErrors:
    """The detector's errors of a file. Raises ValueError where they are none."""
    if shares.shape != MeanErrors.none().shares.shape or not shares.isfinite().all():
        raise ValueError("its mean errors of landmarks are not finite numbers of 478 landmarks")
    return MeanErrors(shares.float())


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
