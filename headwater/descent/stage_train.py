"""GLVD's training as a stage of the pipeline: from tables to weights."""

from pathlib import Path
from typing import Any

from headwater.artifacts.atomic import write_text
from headwater.config import Params
from headwater.datasets.tables import (
    read_heads,
    read_sdf_samples,
    read_synthetic_views,
    template_of,
)
from headwater.descent.heatmap_net import HeatmapNet, with_heatmaps
from headwater.descent.settings import config_of, with_built_in
from headwater.descent.train import train
from headwater.heads.model import HeadModel
from headwater.training.device import chosen_device
from headwater.training.loop import Progress


def training_steps(system: str, params: Params) -> int:
    """Optimiser steps of a training, with those of the heatmap network and the pre-training."""
    config = config_of(system, params)
    if params.systems.glvd.heatmap_net is None:
        config = with_built_in(config, params.systems.glvd)
    trained = config.trains_localiser and params.systems.glvd.heatmap_net is None
    return (config.localiser.steps if trained else 0) + config.sdf_steps + config.steps


def train_stage(
    system: str,
    params: Params,
    model: HeadModel,
    data: Path,
    out: Path,
    checkpoints: Path,
    progress: Progress | None,
) -> dict[str, Any]:
    """Train on the tables below ``data``; write ``weights.safetensors`` and ``loss.csv``.

    A heatmap network or device that cannot be used is refused before anything else.
    """
    config, settings = config_of(system, params), getattr(params.systems, system)
    device = chosen_device(settings.device, f"systems.{system}.device")
    net: HeatmapNet | None = None
    if config.keypoints:
        config, net = with_heatmaps(config, params.systems.glvd, data.parent)
    heads = read_heads(data, ("train",))
    views = read_synthetic_views(data, heads)
    result = train(
        config,
        heads,
        views,
        template_of(model),
        out,
        checkpoints,
        samples=read_sdf_samples(data, heads) if config.sdf_steps else None,
        heatmap_net=net,
        device=device,
        seed=params.seed,
        progress=progress,
    )
    write_text(out / "loss.csv", loss_table(result.curve))
    return {"steps": int(result.curve[-1]["step"]), "parameters": result.parameters}


def loss_table(curve: list[dict[str, float]]) -> str:
    """CSV of a training curve: step, the whole loss, its parts and the learning rate.

    Steps of pre-training are below zero; a part that a step does not have is left empty.
    """
    parts = sorted({name for record in curve for name in record if name.endswith("_loss")})
    lines = [",".join(["step", "loss", *parts, "learning_rate"])]
    for record in curve:
        there = [record[name] for name in parts if name in record]
        cells = [f"{record[name]:.6g}" if name in record else "" for name in parts]
        rate = f"{record['learning_rate']:.6g}"
        lines.append(",".join([str(int(record["step"])), f"{sum(there):.6g}", *cells, rate]))
    return "\n".join(lines) + "\n"
