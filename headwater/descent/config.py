"""Settings of GLVD and its sizes."""

from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headwater.training.run import Config

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Level = Annotated[int, Field(ge=1, le=64)]
Side = Annotated[int, Field(ge=16, le=2048)]
Upsampling = Literal["bicubic", "bilinear"]
Relative = Literal["dist", "dist_pe", "gauss", "offset", "kpnerf"]
Share = Annotated[float, Field(ge=0, le=1)]

BUILT_IN: Final = ("trained", "mediapipe", "oracle")


class HeatmapInput(BaseModel):
    """Where f_k's heatmaps come from, and how many there are.

    source: Gaussians at the landmarks that a network trained on the same heads finds, at those of
    the detector, or at the projected true ones of heads whose truth is known; or the heatmaps of a
    network of the user's own: its file's name and sha256. A source's name or the path of an .onnx
    file alone stands for all of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["trained", "mediapipe", "oracle", "net"] = "mediapipe"
    maps: Count = 68
    net: Annotated[str, Field(pattern=r"^$|.\.onnx$")] = ""
    sha256: str = ""

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return {"source": value} if value in BUILT_IN else {"source": "net", "net": value}


class Answering(BaseModel):
    """Settings of answers alone. iterations: steps of a descent, as many as in training for None.

    heatmap_net: file of the user's heatmap network, where the weights were trained with one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    iterations: Annotated[int, Field(ge=1, le=100)] | None = None
    heatmap_net: Annotated[str, Field(exclude=True)] = ""


class LocaliserConfig(BaseModel):
    """The heatmap network that is trained on the same heads, and its training.

    middle: share of the crop's side that it sees; stride, width and depth of its hourglass;
    sigma_cells of the Gaussians that it learns from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    middle: Positive = 0.75
    stride: Literal[2, 4] = 4
    width: Count = 64
    depth: Level = 3
    sigma_cells: Positive = 1.0
    steps: Count = 1000
    batch: Count = 16
    learning_rate: Positive = 1e-3
    checkpoint_every: Count = 200


class GlvdConfig(Config):
    """One setting of GLVD; lengths in mm, image sizes in px.

    Network: image_px is the side of the square crop, crop_mm what it spans at the nose bridge;
    stride of the feature maps, width, stacks, depth and outputs of the hourglasses; hidden units
    of the decoders; keypoints: the spec's 18, or all 68 landmarks, or none (then it is LVD).
    heatmaps: what f_k sees, unless the parameters say otherwise. localiser: the network that gives
    them where they are "trained".
    landmark_features: width of f_l, 0 to leave it out; with it the landmarks suggest a head that
    takes the mean head's place. fusion: views are averaged as sampled
    features, or as hidden units after a decoder's first layer. anchors: shared last-layer weights
    spread over the template, 0 for LVD's free rows. template_prior: predict what differs from the
    mean head: its clamped step is added to every predicted one, and its relative encoding
    subtracted. space: canonical, or with the axes of the first view's camera as in LVD, where no
    head is known before.

    Descent: clamp_mm is lambda; start: where the first points lie, in a ball of start_radius_mm,
    all at the origin (LVD's) or at the template; iterations the steps.

    Training: threads (fixed, for equal bytes), steps, batch heads per step, seen in 1 to
    most_views views. supervision "own": a query trains the vertex it stands for and lies on a
    perfect descent's path, points of them per head and step; "all": points queries as LVD draws
    them, a quarter uniform in a box of +-box_mm, 15 % in the ball, the rest round vertices, each
    training all vertices. laplacian_weight: of the difference in umbrella Laplacian between
    predicted and true vertices, with "own" only. keypoint_shares: of samples whose P comes from
    the true keypoints with keypoint_noise_mm, and from keypoints halfway; in the rest it comes
    from the branch's own.
    keypoint_steps: at first only the keypoint branch learns, for so many of the steps.
    mirror: also every view and head seen left for right. sdf_steps: of the pre-training on signed
    distances, sdf_points per head and step; encoder_rate: share of the learning rate that a
    pre-trained f_v gets afterwards.
    """

    image_px: Side = 128
    crop_mm: Positive = 280.0
    stride: Literal[2, 4] = 4
    width: Count = 64
    stacks: Level = 1
    depth: Level = 3
    upsampling: Upsampling = "bilinear"
    outputs: Count = 64
    hidden: Count = 256
    keypoints: Literal[0, 18, 68] = 68
    keypoint_depth: Level = 4
    heatmaps: HeatmapInput = HeatmapInput()
    localiser: LocaliserConfig = LocaliserConfig()
    heatmap_sigma_cells: Positive = 1.5
    landmark_features: Annotated[int, Field(ge=0)] = 128
    relative_encoding: Relative = "dist"
    fusion: Literal["features", "hidden"] = "features"
    anchors: Annotated[int, Field(ge=0)] = 128
    template_prior: bool = True
    space: Literal["canonical", "camera"] = "canonical"

    clamp_mm: Positive = 25.0
    start: Literal["ball", "zero", "template"] = "ball"
    start_radius_mm: Positive = 42.0
    iterations: Count = 10

    threads: Count = 1
    steps: Count = 1200
    batch: Count = 8
    most_views: Count = 1
    supervision: Literal["own", "all"] = "own"
    points: Count = 512
    laplacian_weight: NotNegative = 0.0
    face_share: Share = 0.7
    learning_rate: Positive = 1e-3
    beta1: Share = 0.9
    beta2: Share = 0.999
    constant_share: Share = 0.5
    keypoint_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: NotNegative = 0.02
    gradient_norm: Positive = 1.0
    near_share: Share = 0.5
    near_sigmas_mm: tuple[Positive, ...] = (0.5, 2.5, 8.0)
    box_mm: Positive = 150.0
    keypoint_shares: tuple[Share, Share] = (0.5, 0.25)
    keypoint_noise_mm: NotNegative = 2.0
    camera_noise_degrees: NotNegative = 0.2
    camera_noise_px: NotNegative = 0.5
    landmark_noise_px: NotNegative = 0.2
    mirror: bool = True
    sdf_steps: Annotated[int, Field(ge=0)] = 0
    sdf_points: Count = 1024
    encoder_rate: Share = 0.2
    checkpoint_every: Count = 200

    answer: Answering = Answering()

    @model_validator(mode="after")
    def _no_head_is_known_in_camera_axes(self) -> "GlvdConfig":
        known = self.template_prior or self.landmark_features or self.start == "template"
        if self.space == "camera" and known:
            raise ValueError(
                "space camera goes without template_prior, landmark_features and start template"
            )
        return self

    @property
    def trains_localiser(self) -> bool:
        """Whether the heatmaps come from a network trained on the same heads."""
        return bool(self.keypoints) and self.heatmaps.source == "trained"


SIZES: Final = MappingProxyType(
    {
        "smoke": GlvdConfig(
            image_px=64,
            width=16,
            outputs=16,
            depth=2,
            keypoint_depth=2,
            hidden=32,
            localiser=LocaliserConfig(
                stride=2, width=16, depth=2, steps=20, batch=4, checkpoint_every=10
            ),
            landmark_features=16,
            keypoints=18,
            anchors=16,
            points=64,
            batch=4,
            steps=20,
            checkpoint_every=10,
        ),
        "small": GlvdConfig(),
        # An hour on two cores.
        "medium": GlvdConfig(
            heatmaps=HeatmapInput(source="trained"),
            localiser=LocaliserConfig(width=96, steps=8000),
            width=96,
            outputs=96,
            hidden=384,
            most_views=3,
            points=768,
            sdf_steps=600,
            encoder_rate=0.5,
            steps=2400,
        ),
        # As published, or as the spec note settles what is not; for a GPU.
        "paper": GlvdConfig(
            image_px=256,
            stride=2,
            width=256,
            stacks=4,
            depth=2,
            upsampling="bicubic",
            outputs=256,
            hidden=512,
            keypoints=18,
            keypoint_depth=2,
            heatmap_sigma_cells=4.0,
            heatmaps=HeatmapInput(source="trained"),
            localiser=LocaliserConfig(width=128, steps=20_000, checkpoint_every=1000),
            landmark_features=0,
            anchors=0,
            template_prior=False,
            threads=8,
            steps=200_000,
            batch=4,
            most_views=6,
            supervision="all",
            points=2000,
            beta1=0.5,
            weight_decay=0.0,
            camera_noise_degrees=0.5,
            camera_noise_px=2.0,
            landmark_noise_px=0.7,
            mirror=False,
            sdf_steps=20_000,
            sdf_points=4096,
            checkpoint_every=1000,
        ),
    }
)


def without_keypoints(config: GlvdConfig) -> GlvdConfig:
    """LVD at the same size: no keypoint branch, no landmarks, no relative encoding (K = 0)."""
    return config.model_copy(update={"keypoints": 0, "landmark_features": 0})
