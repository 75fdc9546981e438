"""Settings of GLVD and its sizes."""

from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from headwater.networks.localiser.config import LocaliserConfig
from headwater.networks.vertex_descent.config import (
    DESCENT_SIZES,
    Answering,
    Count,
    DescentConfig,
    Level,
    NotNegative,
    Positive,
    Share,
    Some,
    refuse_odd_maps,
)
from headwater.training.run import FilePlace, SettingGroup
from headwater.training.user_files import user_file

LANDMARKS: Final = 68
BUILT_IN: Final = ("trained", "mediapipe", "oracle")


class HeatmapInput(SettingGroup):
    """Source of f_k's heatmaps; its name, or the path of an .onnx file, stands for all of it."""

    source: Literal["trained", "mediapipe", "oracle", "net"] = "mediapipe"
    """Gaussians at the landmarks of the localiser (trained), of the detector (mediapipe), or at the
    projected true ones of heads whose truth is known (oracle); or the user's network (net)."""
    maps: Count = LANDMARKS
    """Number of heatmaps; that of the user's network is read off it."""
    net: Annotated[str, Field(pattern=r"^$|.\.onnx$")] = ""
    """File of the user's network, an ONNX file; empty without one."""
    sha256: str = ""
    """SHA-256 of that file, which is read off it."""

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value in BUILT_IN:
            return {"source": value}
        if not value.endswith(".onnx"):
            raise ValueError(f"name a network's .onnx file, or {', '.join(BUILT_IN)}")
        return {"source": "net", "net": value}

    @model_validator(mode="after")
    def _of_the_users_network_alone(self) -> "HeatmapInput":
        if self.source != "net" and (self.maps, self.net, self.sha256) != (LANDMARKS, "", ""):
            raise ValueError("maps, net and sha256 are those of source net; leave them out")
        return self


class GuidedAnswering(Answering):
    """Settings of answers alone, which train nothing anew."""

    heatmap_net: FilePlace = ""
    """File of the user's heatmap network, where the weights were trained with one."""


class GlvdConfig(DescentConfig):
    """Settings of GLVD: those of a vertex descent, and of its guidance."""

    keypoints: Literal[18, 68] = 68
    """Keypoints that guide the vertices: the paper's 18, or all 68 landmarks."""
    keypoint_depth: Level = 4
    """Halvings inside the keypoint branch's hourglass."""
    relative_encoding: Literal["dist", "dist_pe", "gauss", "offset", "kpnerf"] = "dist"
    """P, a vertex's place among the keypoints: distances; the same with sines; Gaussians of them;
    differences; KeypointNeRF's. With template_prior, its difference to the mean head's P."""
    heatmaps: HeatmapInput = HeatmapInput()
    """Source of the keypoint branch's heatmaps."""
    heatmap_sigma_cells: Positive = 1.5
    """Standard deviation of the Gaussians in the heatmaps, cells of the feature maps."""
    localiser: LocaliserConfig = LocaliserConfig()
    """The heatmap network that is trained on the same heads, where heatmaps is trained."""
    landmark_features: Some = 128
    """Width of the landmark encoder, whose suggested head takes the mean head's place; 0 to leave
    it out."""
    keypoint_steps: Some = 0
    """Optimiser steps, out of all, in which at first the keypoint branch alone learns."""
    keypoint_shares: tuple[Share, Share] = (0.4, 0.2)
    """Shares of the samples whose P comes from true keypoints with noise, and from keypoints
    halfway to them, from the branch's own with template_prior and else from the first points; in
    the rest it comes from the branch's own."""
    keypoint_noise_mm: NotNegative = 2.0
    """Standard deviation of the noise on true keypoints, mm."""
    landmark_noise_px: NotNegative = 0.2
    """Standard deviation of the noise on training landmarks in the crop, px."""

    own_rate: Share = 0.1
    """Share of the learning rate that each vertex's own last-layer weights get beside those of the
    anchors. Of few heads they learn noise: at the full rate faces are no better, and those of a
    photo and of its mirror image 0.36 mm apart instead of 0.12."""

    answer: GuidedAnswering = GuidedAnswering()
    """Settings of answers alone, which train nothing anew."""

    @field_validator("keypoint_shares")
    @classmethod
    def _within_all(cls, shares: tuple[float, float]) -> tuple[float, float]:
        if sum(shares) > 1:
            raise ValueError("their sum is above 1")
        return shares

    @model_validator(mode="after")
    def _no_head_is_suggested_in_camera_axes(self) -> "GlvdConfig":
        if self.space == "camera" and self.landmark_features:
            raise ValueError("space camera goes without landmark_features")
        return self

    @model_validator(mode="after")
    def _maps_of_keypoints_can_be_halved(self) -> "GlvdConfig":
        refuse_odd_maps(self.image_px, self.stride, "keypoint_depth", self.keypoint_depth)
        own = self.localiser
        seen, least = round(own.middle * self.image_px), own.stride * 2**own.depth
        if self.trains_localiser and seen % least:
            raise ValueError(
                f"localiser: the {seen} px that it sees are no multiple of {least}, its stride "
                f"{own.stride} times 2 to the power of its depth {own.depth}"
            )
        return self

    @property
    def trains_localiser(self) -> bool:
        """True where the heatmaps come from a network trained on the same heads."""
        return self.heatmaps.source == "trained"


# Settings that GLVD's sizes add to those of every vertex descent.
_GUIDANCE: Final[dict[str, dict[str, Any]]] = {
    "smoke": {
        "keypoint_depth": 2,
        "localiser": LocaliserConfig(
            stride=2, width=16, depth=2, steps=20, batch=4, checkpoint_every=10
        ),
        "landmark_features": 16,
        "keypoints": 18,
    },
    "small": {},
    "medium": {
        "heatmaps": HeatmapInput(source="trained"),
        "localiser": LocaliserConfig(width=96, face_points=92, steps=8000),
        "own_rate": 1.0,
    },
    "paper": {
        "keypoints": 18,
        "keypoint_depth": 2,
        "heatmap_sigma_cells": 4.0,
        "heatmaps": HeatmapInput(source="trained"),
        "localiser": LocaliserConfig(
            width=128, face_points=92, steps=20_000, checkpoint_every=1000
        ),
        "landmark_features": 0,
        "own_rate": 1.0,
        "landmark_noise_px": 0.7,
        "keypoint_shares": (0.5, 0.25),
    },
}

SIZES: Final = MappingProxyType(
    {size: GlvdConfig(**DESCENT_SIZES[size], **more) for size, more in _GUIDANCE.items()}
)


def steps(config: GlvdConfig) -> int:
    """Optimiser steps of a training, with those of the localiser and the pre-training."""
    trained = config.localiser.steps if config.trains_localiser else 0
    return trained + config.sdf_steps + config.steps


def prepared(config: GlvdConfig, project: Path) -> GlvdConfig:
    """The config with the user's heatmap network by name and hash, its path for answers.

    Raises HeadwaterError when there is no such file.
    """
    heatmaps = config.heatmaps
    if heatmaps.source != "net":
        return config
    file = user_file(
        heatmaps.net,
        project,
        "systems.glvd.overrides.heatmaps",
        "a network's file, or trained, mediapipe or oracle",
    )
    named = heatmaps.model_copy(update={"net": file.path.name, "sha256": file.sha256})
    answer = config.answer.model_copy(update={"heatmap_net": str(file.path)})
    return config.model_copy(update={"heatmaps": named, "answer": answer})
