"""The functions of a system, for every system that is a learned vertex descent.

The functions import what is heavy themselves, so that systems are known at once.
"""

from pathlib import Path
from typing import Any, Literal

from headwater.artifacts.manifest import sha256_of_file
from headwater.descent.config import GlvdConfig
from headwater.errors import HeadwaterError
from headwater.training.run import Curve, Run


def steps(config: GlvdConfig) -> int:
    """Optimiser steps of a training, with those of the heatmap network and the pre-training."""
    trained = config.localiser.steps if config.trains_localiser else 0
    return trained + config.sdf_steps + config.steps


def prepared(config: GlvdConfig, project: Path) -> GlvdConfig:
    """The config with the user's heatmap network by name and hash, its path for answers.

    Raises HeadwaterError when there is no such file.
    """
    heatmaps = config.heatmaps
    if heatmaps.source != "net" or not config.keypoints:
        return config
    path = project / Path(heatmaps.net).expanduser()
    if not path.is_file():
        raise HeadwaterError(
            f"params.yaml: heatmaps is {heatmaps.net!r}, but there is no such file; "
            "name a network's file, or trained, mediapipe or oracle"
        )
    named = heatmaps.model_copy(update={"net": path.name, "sha256": sha256_of_file(path)})
    answer = config.answer.model_copy(update={"heatmap_net": str(path)})
    return config.model_copy(update={"heatmaps": named, "answer": answer})


def train(config: GlvdConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve.

    A heatmap network or device that cannot be used is refused before anything else.
    """
    from headwater.data.tables import (
        read_heads,
        read_sdf_samples,
        read_synthetic_views,
        template_of,
    )
    from headwater.descent.heatmap_net import with_net
    from headwater.descent.train import train as train_on
    from headwater.evaluation.heads.trials import read_model
    from headwater.training.device import chosen_device

    device = chosen_device(run.device, "device")
    config, net = with_net(config)
    heads = read_heads(data, ("train",))
    views = read_synthetic_views(data, heads)
    result = train_on(
        config,
        heads,
        views,
        template_of(read_model(data)),
        weights.parent,
        run.checkpoints,
        samples=read_sdf_samples(data, heads) if config.sdf_steps else None,
        heatmap_net=net,
        device=device,
        seed=run.seed,
        progress=run.progress,
    )
    return result.curve


def load(weights: Path, config: GlvdConfig, device: Literal["cpu", "cuda"]) -> Any:
    """The trained network of a file, with the settings for answers of ``config``."""
    from dataclasses import replace

    from headwater.descent.weights import load_weights
    from headwater.training.device import chosen_device

    place = chosen_device(device, "device")
    net = config.answer.heatmap_net
    trained = load_weights(weights, Path(net) if net else None)
    trained.network.to(place)
    asked = trained.config.model_copy(update={"answer": config.answer})
    return replace(trained, config=asked)


def answer(model: Any, question: Any) -> Any:
    """The head that a question's views show."""
    from headwater.descent.reconstruct import reconstruct
    from headwater.evaluation.heads.answer import HeadAnswer
    from headwater.training.loop import deterministic

    with deterministic(model.config.threads, model.network.template.device):
        found = reconstruct(
            model,
            question.views,
            iterations=model.config.answer.iterations,
            true_landmarks_mm=question.true_landmarks_mm,
        )
    return HeadAnswer(model.template, found.vertices, found.steps)
