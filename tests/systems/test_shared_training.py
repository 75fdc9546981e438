"""The systems' trainings on several devices; processes on the CPU stand for GPUs."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from headwater.data.training_tables import TrainingTables
from headwater.systems import SYSTEMS
from headwater.systems.glvd import train as glvd
from headwater.systems.glvd import weights as glvd_weights
from headwater.systems.glvd.config import HeatmapInput
from headwater.systems.lvd import answer as lvd_answer
from headwater.systems.lvd import train as lvd
from headwater.training.device import Devices
from headwater.training.processes import train_on
from headwater.training.run import Curve, Run
from tests.systems.toy_heads import toy_heads, toy_samples, toy_template, toy_views

CHANGES: dict[str, dict[str, Any]] = {
    "glvd": {"heatmaps": HeatmapInput(source="trained"), "sdf_steps": 20, "sdf_points": 64},
    "lvd": {},
}


def training(config: Any, data: Path, run: Run, weights: Path) -> Curve:
    """Of two toy heads; for processes to import."""
    module: ModuleType = lvd if type(config).__name__ == "LvdConfig" else glvd
    heads = toy_heads(2, seed=1)
    samples = toy_samples(heads, 600, seed=3) if config.sdf_steps else None
    tables = TrainingTables(heads, toy_views(heads, 3, seed=2), toy_template(), samples)
    return list(module.train(config, tables, run, weights).curve)


@pytest.mark.slow
@pytest.mark.parametrize("system", CHANGES)
def test_two_devices_share_every_part_of_a_training(tmp_path: Path, system: str) -> None:
    config = SYSTEMS[system].sizes["smoke"].model_copy(update=CHANGES[system])

    def trained(count: int, seed: int) -> tuple[Curve, list[int]]:
        folder, shown = tmp_path / f"{count}-{seed}", list[int]()
        run = Run(seed, folder / "ck", lambda step, *_: shown.append(step))
        weights = folder / "weights.safetensors"
        curve = train_on(Devices("cpu", count, "32"), training, config, tmp_path, run, weights)
        load = glvd_weights.load_weights if system == "glvd" else lvd_answer.load_weights
        assert load(weights).config == config
        return curve, shown

    alone, steps = zip(*[trained(1, seed) for seed in (7, 8, 9)], strict=True)
    joint, shown = trained(2, 7)
    assert shown == steps[0]
    # Each device disturbs its share of the views by random numbers of its own: the losses are
    # those of one more seed, and neither twice as large nor half.
    for row, *others in zip(joint, *alone, strict=True):
        assert row not in others
        for name, value in row.items():
            values = np.array([other[name] for other in others])
            slack = 0.25 * np.abs(values).max() if name.endswith("_loss") else 0.0
            assert values.min() - slack <= value <= values.max() + slack, (name, value, values)
