"""Settings of every learned vertex descent, and the sizes that they come in."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from headwater.data.canonical import UNIT_MM
from headwater.training.run import Config, SettingGroup

Positive = Annotated[float, Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=8, le=65_536, multiple_of=8)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Some = Annotated[int, Field(ge=0, le=1_000_000)]
Steps = Annotated[int, Field(ge=1, le=100_000_000)]
Tens = Annotated[int, Field(ge=10, le=1_000_000, multiple_of=10)]
Descent = Annotated[int, Field(ge=1, le=100)]
Level = Annotated[int, Field(ge=1, le=64)]
Side = Annotated[int, Field(ge=16, le=2048)]
Share = Annotated[float, Field(ge=0, le=1)]


def refuse_odd_maps(image_px: int, stride: int, name: str, depth: int) -> None:
    """Raise ValueError where maps of a crop cannot be halved ``depth`` times, a setting's value."""
    least = stride * 2**depth
    if image_px % least:
        raise ValueError(
            f"image_px {image_px} is no multiple of {least}, stride {stride} times 2 to the power "
            f"of {name} {depth}"
        )


class Answering(SettingGroup):
    """Settings of answers alone, which train nothing anew."""

    iterations: Descent | None = None
    """Steps of a descent; as many as in training when left out."""


class DescentConfig(Config):
    """Settings of a learned vertex descent."""

    image_px: Side = 128
    """Side of the square crop that the network sees, px."""
    crop_mm: Positive = 280.0
    """Length that the crop's side spans at the head's depth, mm."""
    stride: Literal[2, 4] = 4
    """Crop pixels per cell of the feature maps: 2 as published, or 4."""
    width: Width = 64
    """Channels inside the hourglasses, a multiple of 8."""
    stacks: Level = 1
    """Hourglasses of the image encoder f_v, one after the other."""
    depth: Level = 3
    """Halvings inside each hourglass of f_v."""
    upsampling: Literal["bicubic", "bilinear"] = "bilinear"
    """Interpolation of the hourglasses' doublings."""
    outputs: Count = 64
    """Channels of the feature maps."""
    hidden: Count = 128
    """Hidden units of the step decoders."""
    fusion: Literal["features", "hidden"] = "features"
    """Values averaged over the views: sampled features, or hidden units after a decoder's first
    layer (PIFu)."""
    anchors: Some = 128
    """Last-layer weights spread over the template and shared by the vertices round them; 0 for free
    rows, as in LVD."""
    template_prior: bool = True
    """Predict the difference from a head that is known before: its clamped step is added to every
    predicted one."""
    residual_mm: Positive = 5.0
    """Unit of the predicted difference from the known head, mm; with template_prior."""
    space: Literal["canonical", "camera"] = "canonical"
    """Axes of the head: canonical, or those of the first view's camera as in LVD, where no head is
    known before."""

    clamp_mm: Positive = 25.0
    """Lambda: the longest step of a vertex along each axis, mm."""
    start: Literal["ball", "zero", "template"] = "ball"
    """Place of the first points: in a ball, all at the origin (as in LVD), or on the template."""
    start_radius_mm: Positive = 42.0
    """Radius of that ball, mm."""
    iterations: Descent = 10
    """Steps of a descent."""

    threads: Threads = 1
    """CPU threads of training and answers; fixed, because sums of floats depend on it."""
    steps: Steps = 400
    """Optimiser steps of the descent's training."""
    batch: Count = 8
    """Heads per optimiser step."""
    most_views: Count = 1
    """Views of a head in training: 1 to this many, drawn for each batch."""
    supervision: Literal["own", "all"] = "own"
    """Training of a query point: the vertex that it stands for, on a perfect descent's path; or all
    vertices, from points drawn as in LVD."""
    points: Count = 512
    """Query points per head and step."""
    laplacian_weight: NotNegative = 0.0
    """Weight of the difference in umbrella Laplacian of predicted and true vertices; with
    supervision own."""
    face_share: Share = 0.7
    """Share of the query points that stand for vertices of the face; with supervision own."""
    learning_rate: Positive = 1e-3
    """First learning rate of Adam with decoupled weight decay."""
    own_rate: Share = 1.0
    """Share of the learning rate that each vertex's own last-layer weights get beside those of the
    anchors."""
    beta1: Decay = 0.9
    """Decay of Adam's mean of gradients."""
    beta2: Decay = 0.999
    """Decay of Adam's mean of squared gradients."""
    constant_share: Share = 0.5
    """Share of the steps with the first learning rate; it falls linearly to zero in the rest."""
    weight_decay: NotNegative = 0.02
    """Decoupled weight decay, per unit of learning rate."""
    gradient_norm: Positive = 1.0
    """Norm to which longer gradients are cut."""
    near_share: Share = 0.9
    """Share of the samples that show the end of a descent, with template_prior between the known
    head and the true one; the rest show a moment on its way."""
    near_sigmas_mm: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.3, 1.0, 3.0)
    """Standard deviations of the query points' noise, mm, each as often as the others."""
    box_mm: Positive = 150.0
    """Half the side of the box of uniform query points, mm; with supervision all."""
    camera_noise_degrees: NotNegative = 0.1
    """Standard deviation of the training cameras' turn about each axis, degrees."""
    camera_noise_px: NotNegative = 0.1
    """Standard deviation of the training cameras' shift in the crop, px."""
    estimated_views: bool = True
    """Train on every view once more, with mask and camera as the pipeline estimates them from its
    image alone."""
    mirror: bool = True
    """Train on every view and head seen left for right, too."""
    sdf_steps: Some = 0
    """Optimiser steps of f_v's pre-training on signed distances; 0 for none."""
    sdf_points: Count = 1024
    """Signed distance samples per head and step of the pre-training."""
    encoder_rate: Share = 0.2
    """Share of the learning rate that a pre-trained f_v gets afterwards."""
    checkpoint_every: Tens = 200
    """Optimiser steps between checkpoints, a multiple of 10."""
    validate_every: Tens = 100
    """Optimiser steps between two measurements of the vertex error, mm, on heads of the validation
    split; the weights of the least are kept. A multiple of 10."""
    validation_heads: Some = 8
    """Heads of the validation split that this is measured on, each in one view; with 0, or where
    the split is empty, the weights of the last step are kept."""

    answer: Answering = Answering()
    """Settings of answers alone, which train nothing anew."""

    @model_validator(mode="after")
    def _no_head_is_known_in_camera_axes(self) -> "DescentConfig":
        if self.space == "camera" and (self.template_prior or self.start == "template"):
            raise ValueError("space camera goes without template_prior and start template")
        return self

    @model_validator(mode="after")
    def _maps_can_be_halved(self) -> "DescentConfig":
        refuse_odd_maps(self.image_px, self.stride, "depth", self.depth)
        return self

    @property
    def clamp(self) -> float:
        """Lambda in canonical units."""
        return self.clamp_mm / UNIT_MM


# Settings of each size that differ from the defaults, which are those of "small".
DESCENT_SIZES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "smoke": {
            "image_px": 64,
            "width": 16,
            "outputs": 16,
            "depth": 2,
            "hidden": 32,
            "anchors": 16,
            "points": 64,
            "batch": 4,
            "steps": 20,
            "checkpoint_every": 10,
            "validate_every": 10,
        },
        "small": {},
        # An hour on two cores.
        "medium": {
            "width": 96,
            "outputs": 96,
            "hidden": 384,
            "most_views": 3,
            "points": 768,
            "sdf_steps": 600,
            "encoder_rate": 0.5,
            "steps": 2400,
        },
        # As published, or chosen where the paper is silent; for a GPU.
        "paper": {
            "image_px": 256,
            "stride": 2,
            "width": 256,
            "stacks": 4,
            "depth": 2,
            "upsampling": "bicubic",
            "outputs": 256,
            "hidden": 512,
            "anchors": 0,
            "template_prior": False,
            "threads": 8,
            "steps": 200_000,
            "batch": 4,
            "most_views": 6,
            "supervision": "all",
            "points": 2000,
            "beta1": 0.5,
            "weight_decay": 0.0,
            "near_share": 0.5,
            "near_sigmas_mm": (0.5, 2.5, 8.0),
            "camera_noise_degrees": 0.5,
            "camera_noise_px": 2.0,
            "estimated_views": False,
            "mirror": False,
            "sdf_steps": 20_000,
            "sdf_points": 4096,
            "checkpoint_every": 1000,
            "validate_every": 2000,
        },
    }
)
