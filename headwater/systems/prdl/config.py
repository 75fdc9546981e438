"""Settings of PRDL and its sizes."""

from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from headwater.config import load_params
from headwater.training.run import Config, FilePlace, SettingGroup
from headwater.training.user_files import user_file

Positive = Annotated[float, Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Some = Annotated[int, Field(ge=0, le=1_000_000)]
Steps = Annotated[int, Field(ge=1, le=100_000_000)]
Tens = Annotated[int, Field(ge=10, le=1_000_000, multiple_of=10)]
TensOrNone = Annotated[int, Field(ge=0, le=100_000_000, multiple_of=10)]
Side = Annotated[int, Field(ge=32, le=1024, multiple_of=8)]
Stride = Annotated[int, Field(ge=1, le=32)]
Shrink = Literal[1, 2, 4]
Width = Annotated[int, Field(ge=4, le=1024, multiple_of=4)]
Depth = Annotated[int, Field(ge=1, le=64)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Share = Annotated[float, Field(ge=0, le=1)]

# Side of the published crop, px, in whose pixels losses are weighted, and what it spans.
PUBLISHED_PX: Final = 224
PUBLISHED_MM: Final = 220.0


class Weights(SettingGroup):
    """Weights of the loss, eq. 7; those of the paper where it prints them."""

    prdl: NotNegative = 0.8e-3
    """Part re-projection distance loss; 0 leaves it out."""
    landmarks: NotNegative = 1.6e-3
    """Mean squared distance of the landmarks, px² at 224 px."""
    photometric: NotNegative = 1.9
    """Colour difference where the face is seen."""
    regular: NotNegative = 3e-4
    """Sum of the squared coefficients."""
    identity: NotNegative = 1.0
    """Identity's share of that sum."""
    expression: NotNegative = 0.8
    """Expression's share of that sum."""
    texture: NotNegative = 1.7e-2
    """Texture's share of that sum."""
    pose: NotNegative = 1.0
    """Weight of the squared turn and shift from the given or estimated camera, in standard
    deviations of these, with camera crop."""
    light: NotNegative = 10.0
    """Spread of the light over red, green and blue, of Deep3D; not in the paper."""
    reflectance: NotNegative = 5.0
    """Spread of the texture over the skin, of Deep3D; not in the paper."""


class Fitting(SettingGroup):
    """Fitting of the coefficients to the parts and landmarks of the photos at hand."""

    steps: Count = 60
    """Steps of Adam, from the network's answer on."""
    learning_rate: Positive = 0.1
    """Adam's rate for identity and expression, standard deviations."""
    pose_rate: Positive = 0.002
    """Adam's rate for turn and shift, radians and canonical units of 100 mm."""
    landmarks: NotNegative = 1.6e-3
    """Weight of the landmarks; 0 fits to the parts alone."""
    image_px: Side = 112
    """Side of the crop that parts and landmarks are compared in, px."""
    anchor_stride: Stride = 8
    """Pixels between anchors of PRDL there."""


class Answering(SettingGroup):
    """Settings of answers alone, which train nothing anew."""

    fit: bool = False
    """Fit the network's answer to the photos at hand; headwater reconstruct --fit."""
    fitting: Fitting = Fitting()
    """Steps, rates and landmarks of that."""
    encoder_file: FilePlace = ""
    """Path of the encoder's first weights; set from encoder_weights."""


class PrdlConfig(Config):
    """Settings of PRDL."""

    TRAINED_FROM = ("encoder_weights",)

    encoder: Literal["resnet", "mobilenet"] = "resnet"
    """Image encoder: a ResNet of bottleneck blocks, or MobileNetV3-large."""
    width: Width = 64
    """Channels of the ResNet's first stage; 64 in ResNet-50."""
    depths: tuple[Depth, Depth, Depth, Depth] = (3, 4, 6, 3)
    """Blocks of the ResNet's four stages."""
    encoder_weights: Annotated[str, Field(pattern=r"^$|.\.(safetensors|pth|pt)$")] = ""
    """File of the encoder's first weights under torchvision's names, of safetensors or of torch;
    empty for random ones."""
    encoder_sha256: str = ""
    """SHA-256 of that file; computed."""
    image_px: Side = 112
    """Side of the square crop that the losses compare, px."""
    shrink: Shrink = 1
    """The network sees the crop so many times smaller, averaged."""
    crop_mm: Positive = 220.0
    """Length that the crop's side spans at the head's depth, mm."""
    camera: Literal["crop", "pinhole"] = "crop"
    """Camera of the crop: the given or estimated one, from which pose is a small difference, or the
    paper's fixed pinhole (focal length 1015 px at 224 px, 10 units away), with all of the pose."""

    identities: Count = 80
    """Components of identity."""
    expressions: Count = 64
    """Components of expression; as many as the head model has, where these are fewer."""
    textures: Some = 32
    """Components of texture, of the colours of the training frames."""
    people: Count = 400
    """Random adults of the head model's prior that the bases are components of."""

    parts: Literal["detected", "exact"] = "detected"
    """Parts of rendered training frames: what the build's parser finds, or the renderer's. Those of
    photos are detected."""
    parser: str = "landmarks"
    """The build's parser; set from parts.parser in params.yaml. With landmarks, parts are drawn
    between the landmarks, less the detector's mean errors."""
    given_views: bool = True
    """Learn from rendered frames with exact cameras, beside those that the pipeline estimates."""
    edited: bool = True
    """Learn from frames of other expressions, too (the step expressions)."""
    photos: bool = True
    """Learn from the user's photos of the training split, too."""
    anchor_stride: Stride = 4
    """Pixels between anchors of PRDL; 1 takes all, as the paper does."""
    skin_sampler: Literal["cell", "farthest"] = "cell"
    """Pixels of the skin that PRDL looks at: one in 2 x 2, or 3,000 by farthest point sampling."""
    landmark_set: Literal[68, 240] = 68
    """Landmarks of the loss: the 68 of iBUG, or the paper's 240 with dense eyes, brows and lips, in
    which those of eyes and lips have five times the weight."""
    marching: bool = False
    """Compare the jaw's landmarks with the face's edge in the image, as detectors of 2D contours
    find them; MediaPipe's stay on the jaw."""
    weights: Weights = Weights()
    """Weights of the loss."""

    steps: Steps = 400
    """Optimiser steps with all losses."""
    landmark_steps: TensOrNone = 0
    """Steps before these with landmarks and regularisers alone, which take a tenth of the time."""
    warp: NotNegative = 0.0
    """Images are warped to the landmarks of other identities: spread of that change, standard
    deviations."""
    disturbed: bool = False
    """Disturb the colours of training images."""
    batch: Count = 16
    """Images of a step."""
    learning_rate: Positive = 1e-4
    """Adam's rate."""
    schedule: Literal["drop", "cosine"] = "drop"
    """The rate over the steps: a fifth after drop_at, or half a cosine to 0 after a warm-up."""
    drop_at: Share = 0.5
    """Share of the steps after which the rate is a fifth."""
    flip: Share = 0.5
    """Share of images that are mirrored."""
    checkpoint_every: Tens = 100
    """Steps between two checkpoints."""
    threads: Threads = 1
    """Threads of the CPU that numbers are computed on; others give other bytes."""
    answer: Answering = Answering()
    """Settings of answers alone."""

    @property
    def of_fitting(self) -> "PrdlConfig":
        """These settings with the crop and the anchors of the fit of answers."""
        fitting = self.answer.fitting
        return self.model_copy(
            update={"image_px": fitting.image_px, "anchor_stride": fitting.anchor_stride}
        )

    @property
    def draws_parts(self) -> bool:
        """True where all parts are drawn between landmarks."""
        return self.parts == "detected" and self.parser == "landmarks"

    @property
    def cleans_parts(self) -> bool:
        """True where a parser finds parts, whose masks the paper cleans up."""
        return self.parser != "landmarks"


_SMOKE: Final[dict[str, Any]] = {
    "width": 4,
    "depths": (1, 1, 1, 1),
    "image_px": 64,
    "people": 60,
    "identities": 20,
    "expressions": 20,
    "textures": 4,
    "steps": 20,
    "batch": 4,
    "learning_rate": 1e-3,
    "checkpoint_every": 10,
}
_SMALL: Final[dict[str, Any]] = {
    "width": 16,
    "depths": (1, 1, 1, 1),
    "image_px": 128,
    "shrink": 2,
    "crop_mm": 200.0,
    "parts": "exact",
    "anchor_stride": 8,
    "landmark_steps": 1500,
    "steps": 100,
    "batch": 32,
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warp": 0.6,
    "disturbed": True,
}
_PAPER: Final[dict[str, Any]] = {
    "image_px": PUBLISHED_PX,
    "camera": "pinhole",
    "textures": 80,
    "landmark_set": 240,
    "anchor_stride": 1,
    "skin_sampler": "farthest",
    "steps": 375_000,
    "batch": 32,
    "checkpoint_every": 1000,
}

SIZES: Final = MappingProxyType(
    {
        "smoke": PrdlConfig(**_SMOKE),
        "small": PrdlConfig(**_SMALL),
        "medium": PrdlConfig(
            width=32, depths=(2, 2, 2, 2), steps=6000, learning_rate=5e-4, checkpoint_every=500
        ),
        "paper": PrdlConfig(**_PAPER),
    }
)


def steps(config: PrdlConfig) -> int:
    """Optimiser steps of a training."""
    return config.landmark_steps + config.steps


def reads_photos(config: PrdlConfig) -> bool:
    """True where a training learns from the user's photos."""
    return config.photos


def prepared(config: PrdlConfig, project: Path) -> PrdlConfig:
    """The config with the project's parser, and the encoder's first weights by name and hash.

    Raises HeadwaterError when there is no such file of weights.
    """
    params = project / "params.yaml"
    if params.is_file():
        parser = Path(load_params(params).parts.parser).name
        config = config.model_copy(update={"parser": parser})
    if not config.encoder_weights:
        return config
    setting = "systems.prdl.overrides.encoder_weights"
    file = user_file(config.encoder_weights, project, setting, "a file of torchvision's weights")
    answer = config.answer.model_copy(update={"encoder_file": str(file.path)})
    named = {"encoder_weights": file.path.name, "encoder_sha256": file.sha256}
    return config.model_copy(update={**named, "answer": answer})
