"""Settings of FaceVision-GAN and its sizes."""

from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from headwater.data.face_maps import MapSize
from headwater.training.run import Config, SettingGroup

Positive = Annotated[float, Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Some = Annotated[int, Field(ge=0, le=1_000_000)]
Steps = Annotated[int, Field(ge=1, le=100_000_000)]
Tens = Annotated[int, Field(ge=10, le=1_000_000, multiple_of=10)]
Width = Annotated[int, Field(ge=4, le=1024, multiple_of=4)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Share = Annotated[float, Field(ge=0, le=1)]


class Answering(SettingGroup):
    """Settings of answers alone, which train nothing anew."""

    form: Literal["probable", "laplacian"] = "probable"
    """The registered template: the most probable head given the maps, or the mean head bent to
    them by the Laplacian solve alone."""
    smoothing_steps: Some = 10
    """Iterations of Laplacian smoothing of the maps' mesh."""
    detail: NotNegative = 0.2
    """Relief taken from the photo, of a mesh's mean edge length; 0 leaves it out."""


class FaceVisionConfig(Config):
    """Settings of FaceVision-GAN."""

    image_px: Literal[32, 64, 128, 256] = 128
    """Side of the crop and of its maps, px; the generator has as many stages as halvings."""
    crop_mm: Positive = 240.0
    """Length of the crop's side at the head's depth, mm; at 240 the face fills 80 % of it."""
    width: Width = 64
    """Channels of the generator's first stage; 64 in the paper's lineage."""
    discriminator_width: Width = 64
    """Channels of the discriminators' first stage; 64 in the paper's lineage."""
    dropout: Share = 0.5
    """Share of features that the decoders' inner stages drop in training."""

    gan: NotNegative = 1.0
    """Weight of the adversarial terms of eq. 1; 0 trains without discriminators."""
    l1: NotNegative = 100.0
    """Weight lambda_1 of the maps' L1 distance."""
    gradient: NotNegative = 100.0
    """Weight lambda_g of the L1 distance of the maps' gradients."""

    estimated_views: bool = True
    """Train on every view once more, cropped as the pipeline places it by its image alone."""
    photos: bool = True
    """Train on the user's photos too, with maps of the head model fitted to their landmarks."""
    flip: Share = 0.5
    """Share of training images that are mirrored; the x of a code becomes 1 - x."""
    components: Count = 80
    """Principal components of heads that the registered template is made of."""
    anchors: Count = 120
    """Points of the template at which the maps are read for it."""

    steps: Steps = 400
    """Optimiser steps of the generator, and of the discriminators."""
    batch: Count = 16
    """Images of a step."""
    learning_rate: Positive = 2e-4
    """Adam's rate, of all networks."""
    constant_share: Share = 0.5
    """Share of the steps with that rate, before it falls to 0."""
    checkpoint_every: Tens = 100
    """Steps between two checkpoints."""
    threads: Threads = 1
    """Threads of the CPU that numbers are computed on; others give other bytes."""
    answer: Answering = Answering()
    """Settings of answers alone."""

    @property
    def pixel_mm(self) -> float:
        """Length of a crop's pixel at the head's depth, mm."""
        return self.crop_mm / self.image_px


_SMOKE: Final[dict[str, Any]] = {
    "image_px": 32,
    "width": 4,
    "discriminator_width": 4,
    "steps": 20,
    "batch": 4,
    "components": 10,
    "anchors": 30,
    "checkpoint_every": 10,
}

SIZES: Final = MappingProxyType(
    {
        "smoke": FaceVisionConfig(**_SMOKE),
        "small": FaceVisionConfig(
            image_px=64,
            width=16,
            discriminator_width=8,
            dropout=0.0,
            steps=1500,
            learning_rate=1e-3,
        ),
        "medium": FaceVisionConfig(
            width=32, discriminator_width=32, steps=6000, checkpoint_every=500
        ),
        "paper": FaceVisionConfig(steps=36_850, checkpoint_every=1000),
    }
)


def map_size(config: FaceVisionConfig) -> MapSize:
    """The size of the maps that a training reads."""
    return MapSize(config.image_px, config.crop_mm)


def reads_photos(config: FaceVisionConfig) -> bool:
    """True where a training learns from the user's photos."""
    return config.photos


def steps(config: FaceVisionConfig) -> int:
    """Optimiser steps of a training."""
    return config.steps
