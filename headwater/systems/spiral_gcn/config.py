"""Settings of the spiral mesh decoder and its sizes."""

from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from headwater.artifacts.manifest import MANIFEST
from headwater.training.run import Config, FilePlace, SettingGroup
from headwater.training.user_files import user_file

Positive = Annotated[float, Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Some = Annotated[int, Field(ge=0, le=1_000_000)]
Steps = Annotated[int, Field(ge=1, le=100_000_000)]
Tens = Annotated[int, Field(ge=10, le=1_000_000, multiple_of=10)]
Side = Annotated[int, Field(ge=32, le=1024, multiple_of=8)]
Width = Annotated[int, Field(ge=4, le=1024, multiple_of=4)]
Depth = Annotated[int, Field(ge=1, le=64)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Share = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[int, Field(ge=2, le=64)]

_KEY: Final = "systems.spiral_gcn.overrides"


class FineWeights(SettingGroup):
    """Weights of the detail network's losses, and its smoothed albedo."""

    colour: NotNegative = 1.0
    """Difference of seen and shaded colours."""
    edges: NotNegative = 1.0
    """Difference of their differences along edges."""
    size: NotNegative = 0.01
    """Squared displacement, in squares of the mean edge."""
    roughness: NotNegative = 0.05
    """Laplacian of the displacement, in mean edges."""
    albedo_steps: Some = 20
    """Steps of the smoothing that makes an albedo of unshaded colours."""


class Answering(SettingGroup):
    """Settings of answers alone, which train nothing anew."""

    detail: bool = True
    """Add the detail network's displacement; without it the answer is the coarse mesh."""
    encoder_file: FilePlace = ""
    """Path of the encoder's first weights; set from encoder_weights."""
    fitted_folder: FilePlace = ""
    """Path of the imported photos; set from fitted_photos."""


class SpiralConfig(Config):
    """Settings of the system."""

    TRAINED_FROM = ("encoder_weights", "fitted_photos")

    encoder: Literal["resnet", "mobilenet"] = "resnet"
    """Image encoder: a ResNet of bottleneck blocks, or MobileNetV2."""
    width: Width = 64
    """Channels of the ResNet's first stage; 64 in ResNet-50."""
    depths: tuple[Depth, Depth, Depth, Depth] = (3, 4, 6, 3)
    """Blocks of the ResNet's four stages."""
    encoder_weights: Annotated[str, Field(pattern=r"^$|.\.(safetensors|pth|pt)$")] = ""
    """File of the encoder's first weights under torchvision's names, of safetensors or of torch;
    empty for random ones."""
    encoder_sha256: str = ""
    """SHA-256 of that file; computed."""
    image_px: Side = 256
    """Side of the square crop that the network sees, px."""
    crop_mm: Positive = 240.0
    """Length that the crop's side spans at the head's depth, mm."""
    space: Literal["canonical", "camera"] = "canonical"
    """Axes of the regressed mesh: the head's, whose pose is known from the crop's camera, or those
    of the camera as published, where pose is regressed with the shape."""
    code: Count = 256
    """Numbers between encoder and decoder."""
    long_spiral: Length = 19
    """Entries of spirals over two rings, on the three finest levels."""
    short_spiral: Length = 7
    """Entries of spirals over one ring, on the other levels."""
    scale_mm: Positive = 5.0
    """Unit of the decoder's output beside the mean mesh, mm."""

    fitted_photos: str = ""
    """Folder of photos with fitted heads, written by headwater import, that the coarse stage learns
    from besides the rendered views; empty for none."""
    fitted_sha256: str = ""
    """SHA-256 of that folder's manifest; computed."""
    mirror: bool = True
    """Learn from mirror images, too."""
    estimated_views: bool = True
    """Learn from every view once more, with mask and camera as the pipeline estimates them."""
    camera_noise_degrees: NotNegative = 0.1
    """Spread of the training cameras' turn about each axis, degrees."""
    camera_noise_px: NotNegative = 0.1
    """Spread of the training cameras' shift in the crop, px."""
    decoder_steps: Steps = 250
    """Optimiser steps of the decoder alone, from codes to heads, before the coarse stage; with
    ``space: canonical`` only."""
    code_steps: Steps = 800
    """Optimiser steps after these of the encoder alone, from images to codes."""
    code_batch: Count = 32
    """Images of a step of the encoder alone."""
    components: Count = 64
    """Principal components of the training heads in the codes of these steps."""
    first_rate: Positive = 1e-3
    """AdamW's rate in these steps."""
    steps: Steps = 600
    """Optimiser steps of the coarse stage, of encoder and decoder together."""
    batch: Count = 16
    """Images of a step."""
    learning_rate: Positive = 4e-4
    """Adam's rate of the decoder; from 1e-3 on its shared weights make short trainings unstable."""
    encoder_rate: Share = 1.0
    """Share of it that the encoder gets."""
    weight_decay: NotNegative = 0.02
    """Decoupled weight decay, per unit of learning rate."""
    constant_share: Share = 0.5
    """Share of the steps with the first rate; it falls linearly to zero in the rest."""
    validate_every: Tens = 100
    """Steps between two measurements of the vertex error on heads of the validation split, by which
    weights are selected."""
    validation_heads: Some = 12
    """Heads of the validation split that this is measured on; with 0 the last weights are kept."""
    detail_steps: Steps = 60
    """Optimiser steps of the fine stage."""
    detail_batch: Count = 4
    """Images of one of its steps."""
    detail_rate: Positive = 2e-3
    """Its rate of Adam."""
    fine: FineWeights = FineWeights()
    """Weights of its losses."""
    checkpoint_every: Tens = 100
    """Steps between two checkpoints."""
    threads: Threads = 1
    """Threads of the CPU that numbers are computed on; others give other bytes."""
    answer: Answering = Answering()
    """Settings of answers alone."""


_SMOKE: Final[dict[str, Any]] = {
    "width": 4,
    "depths": (1, 1, 1, 1),
    "image_px": 32,
    "steps": 20,
    "batch": 4,
    "decoder_steps": 10,
    "code_steps": 10,
    "code_batch": 4,
    "validate_every": 10,
    "validation_heads": 2,
    "detail_steps": 10,
    "detail_batch": 2,
    "checkpoint_every": 10,
}
_PAPER: Final[dict[str, Any]] = {
    "space": "camera",
    "learning_rate": 1e-3,
    "encoder_rate": 0.1,
    "weight_decay": 0.0,
    "steps": 190_000,
    "batch": 32,
    "validate_every": 2000,
    "detail_steps": 38_000,
    "detail_batch": 16,
    "detail_rate": 1e-3,
    "checkpoint_every": 1000,
    "threads": 8,
}

SIZES: Final = MappingProxyType(
    {
        "smoke": SpiralConfig(**_SMOKE),
        # In crops of 64 px the detail network finds nothing that the coarse mesh lacks.
        "small": SpiralConfig(
            width=16, depths=(1, 1, 1, 1), image_px=64, answer=Answering(detail=False)
        ),
        "medium": SpiralConfig(
            width=32,
            depths=(2, 2, 2, 2),
            image_px=128,
            code_steps=4000,
            steps=8000,
            detail_steps=500,
        ),
        "paper": SpiralConfig(**_PAPER),
    }
)


def first_steps(config: SpiralConfig) -> int:
    """Optimiser steps of decoder and encoder apart; 0 where the posed mesh is regressed."""
    return config.decoder_steps + config.code_steps if config.space == "canonical" else 0


def steps(config: SpiralConfig) -> int:
    """Optimiser steps of decoder and encoder apart, and of both stages."""
    return first_steps(config) + config.steps + config.detail_steps


def prepared(config: SpiralConfig, project: Path) -> SpiralConfig:
    """The config with names, hashes and paths of the user's encoder weights and imported photos.

    Raises HeadwaterError when one of them is named and not there.
    """
    named: dict[str, str] = {}
    places: dict[str, str] = {}
    if config.encoder_weights:
        wanted = "a file of torchvision's weights"
        file = user_file(config.encoder_weights, project, f"{_KEY}.encoder_weights", wanted)
        named |= {"encoder_weights": file.path.name, "encoder_sha256": file.sha256}
        places["encoder_file"] = str(file.path)
    if config.fitted_photos:
        manifest, wanted = f"{config.fitted_photos}/{MANIFEST}", "a folder of `headwater import`"
        file = user_file(manifest, project, f"{_KEY}.fitted_photos", wanted)
        named |= {"fitted_photos": file.path.parent.name, "fitted_sha256": file.sha256}
        places["fitted_folder"] = str(file.path.parent)
    answer = config.answer.model_copy(update=places)
    return config.model_copy(update={**named, "answer": answer})
