"""The self-contained weights file of FaceVision-GAN: generator, heads, noise and topology."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.artifacts.atomic import write_bytes
from headwater.data.face_codes import FaceCut, face_cut
from headwater.data.scenes import Template
from headwater.data.templates import template_among, template_arrays
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.systems.facevision.config import FaceVisionConfig
from headwater.systems.facevision.evidence import Noise, Prior
from headwater.systems.facevision.model import Generator
from headwater.systems.facevision.registration import Registration
from headwater.training.checkpoint import read_safetensors, safetensors_bytes, unreadable
from headwater.training.device import chosen_device

FORMAT: Final = 2


@dataclass(frozen=True)
class TrainedFaceVision:
    """A trained generator, in evaluation mode, with all that answers need.

    prior: of heads. noise: errors of anchors read off the generator's maps. seed: of the training.
    """

    generator: Generator
    config: FaceVisionConfig
    template: Template
    prior: Prior
    noise: Noise
    seed: int = 0

    @cached_property
    def cut(self) -> FaceCut:
        """The part of the template that maps show."""
        return face_cut(self.template)

    @cached_property
    def anchors(self) -> NDArray[np.intp]:
        """Numbers of the cut's vertices at which maps are read."""
        return self.cut.anchors(self.config.anchors)

    @cached_property
    def registration(self) -> Registration:
        """Bends the template to the mesh of a map."""
        return Registration(self.template, self.cut)


def save_weights(path: Path, trained: TrainedFaceVision) -> None:
    """Write the file; equal content gives equal bytes."""
    tensors: dict[str, Any] = {f"model.{k}": v for k, v in trained.generator.state_dict().items()}
    tensors |= template_arrays(trained.template)
    tensors |= {
        "prior.mean": trained.prior.mean,
        "prior.components": trained.prior.components,
        "noise.mean": trained.noise.mean,
        "noise.slope": trained.noise.slope,
        "noise.covariance": trained.noise.covariance,
    }
    notes = {
        "system": "facevision",
        "format": FORMAT,
        "seed": trained.seed,
        "config": trained.config.of_training(),
        "codes_sha256": trained.cut.digest,
    }
    write_bytes(path, safetensors_bytes(tensors, notes))


def load_weights(path: Path) -> TrainedFaceVision:
    """Read a file of ``save_weights``. Raises HeadwaterError for any other file."""
    tensors, notes = read_safetensors(path)
    try:
        if notes.get("system") != "facevision" or notes.get("format") != FORMAT:
            raise HeadwaterError(
                f"{path}: not FaceVision-GAN weights of format {FORMAT}; train them again"
            )
        config = FaceVisionConfig.model_validate(notes["config"])
        template = template_among(tensors, str(path))
        state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        arrays = {name: np.asarray(tensors[name]) for name in tensors if name not in state}
        trained = TrainedFaceVision(
            _generator(config, state),
            config,
            template,
            Prior(arrays["prior.mean"], arrays["prior.components"]),
            Noise(arrays["noise.mean"], arrays["noise.slope"], arrays["noise.covariance"]),
            seed=int(notes["seed"]),
        )
        _check(trained, notes["codes_sha256"])
    except READER_ERRORS as error:
        raise unreadable(path, error) from error
    return trained


def load(
    weights: Path, config: FaceVisionConfig, device: Literal["cpu", "cuda"]
) -> TrainedFaceVision:
    """The trained model of a file, with the settings for answers of ``config``."""
    place = chosen_device(device, "device")
    trained = load_weights(weights)
    trained.generator.to(place)
    return replace(trained, config=trained.config.model_copy(update={"answer": config.answer}))


def _generator(config: FaceVisionConfig, state: dict[str, Tensor]) -> Generator:
    """The generator of a file's tensors. Raises ValueError where they do not fit its config."""
    for name, values in state.items():
        if values.dtype.is_floating_point and not values.isfinite().all():
            raise ValueError(f"tensor {name} has values that are not finite numbers")
    # Shapes first, without memory: a config may name a network far larger than the file.
    with torch.device("meta"):
        bare = Generator(config)
    shapes = {name: value.shape for name, value in bare.state_dict().items()}
    if shapes != {name: value.shape for name, value in state.items()}:
        raise ValueError("its tensors are not those of its config")
    generator = Generator(config)
    generator.load_state_dict(state)
    return generator.eval()


def _check(trained: TrainedFaceVision, digest: object) -> None:
    """Raise ValueError where heads, noise or codes are not of the template."""
    prior, noise, count = trained.prior, trained.noise, 3 * len(trained.anchors)
    shapes = (
        prior.mean.shape,
        prior.components.shape[1:],
        noise.mean.shape,
        noise.slope.shape,
        noise.covariance.shape,
    )
    vertices = trained.template.mean.shape
    slopes = (2, count, len(prior.components))
    if shapes != (vertices, vertices, (2, count), slopes, (2, count, count)):
        raise ValueError("its heads or errors are of another template")
    for array in (prior.mean, prior.components, noise.mean, noise.slope, noise.covariance):
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError("its heads or errors have values that are not finite numbers")
    if trained.cut.digest != digest:
        raise ValueError("its code table is not that of its template")
