"""The settings of a build for GLVD or LVD, as the configs that training and evaluation take."""

from pathlib import Path
from typing import Any

from headwater.artifacts.manifest import sha256_of_file
from headwater.config import GuidedDescent, Params
from headwater.descent.config import SIZES, GlvdConfig, HeatmapInput, without_keypoints
from headwater.errors import HeadwaterError


def config_of(system: str, params: Params) -> GlvdConfig:
    """The config of the size that the parameters name for a system."""
    config = SIZES[getattr(params.systems, system).size]
    return without_keypoints(config) if system == "lvd" else config


def with_built_in(config: GlvdConfig, settings: GuidedDescent) -> GlvdConfig:
    """The config with the source of heatmaps that the parameters name; "auto" leaves the size's."""
    if settings.heatmaps == "auto":
        return config
    heatmaps = HeatmapInput.model_validate({"source": settings.heatmaps})
    return config.model_copy(update={"heatmaps": heatmaps})


def training_settings(system: str, params: Params, project: Path) -> dict[str, Any]:
    """Everything that training reads of the parameters, JSON-able."""
    config, net = config_of(system, params), _heatmap_net(system, params, project)
    if config.keypoints and net is None:
        config = with_built_in(config, params.systems.glvd)
    return {
        "config": config.model_dump(mode="json"),
        "heatmap_net": net and sha256_of_file(net),
        "seed": params.seed,
        "device": getattr(params.systems, system).device,
    }


def answer_settings(system: str, params: Params, project: Path) -> dict[str, Any]:
    """Everything that reconstructing heads with trained weights reads of the parameters."""
    settings, net = getattr(params.systems, system), _heatmap_net(system, params, project)
    return {
        "size": settings.size,
        "iterations": settings.iterations,
        "heatmap_net": net and sha256_of_file(net),
        "device": settings.device,
    }


def _heatmap_net(system: str, params: Params, project: Path) -> Path | None:
    """The file of the user's heatmap network. Raises HeadwaterError when it is not there."""
    net = params.systems.glvd.heatmap_net if system == "glvd" else None
    if net is None:
        return None
    if not (project / net).is_file():
        raise HeadwaterError(f"{net}: no such heatmap network; see systems.glvd.heatmaps")
    return project / net
