"""A small surface, toy heads on it, and the settings that learn them in seconds."""

from functools import lru_cache
from pathlib import Path

import torch

from headwater.data.scenes import Heads, Template
from headwater.data.training_tables import TrainingTables, ValidationHeads
from headwater.systems.spiral_gcn.config import SIZES, SpiralConfig
from headwater.systems.spiral_gcn.model import SpiralGcn
from headwater.systems.spiral_gcn.surface import Surface, surface_of
from headwater.systems.spiral_gcn.train import train
from headwater.training.run import Curve, Run
from tests.systems.toy_heads import toy_heads, toy_template, toy_views

TOY: SpiralConfig = SIZES["smoke"].model_copy(update={"image_px": 32, "validation_heads": 2})


@lru_cache
def toy_surface() -> tuple[Template, Surface]:
    template = toy_template()
    return template, surface_of(template, TOY)


def toy_network(config: SpiralConfig = TOY, seed: int = 0) -> SpiralGcn:
    """Untrained; its mean surface is that of the template, canonical."""
    template, surface = toy_surface()
    torch.manual_seed(seed)
    mean = torch.from_numpy((template.mean - template.nose_bridge) / 100.0)
    return SpiralGcn(config, surface, mean[surface.vertices])


@lru_cache
def toy_tables(count: int = 6) -> TrainingTables:
    heads = toy_heads(count, 1)
    held = toy_heads(2, 9)
    return TrainingTables(
        Heads(heads.vertices, heads.subjects),
        toy_views(heads, 2, 2),
        toy_template(),
        validation=ValidationHeads(held.vertices, toy_views(held, 1, 3, "validation")),
    )


def trained_in(folder: Path, config: SpiralConfig, stop: int = 0) -> Curve:
    """The curve of a training in ``folder``, which is broken off after step ``stop``."""

    def progress(step: int, _steps: int, _record: dict[str, float]) -> None:
        if step == stop:
            raise KeyboardInterrupt

    run = Run(3, folder / "checkpoints", progress)
    return train(config, toy_tables(), run, folder / "weights.safetensors")
