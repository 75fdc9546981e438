"""A run of training: settings, seed, device, and a folder of checkpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Progress = Callable[[int, int, dict[str, float]], None]
Curve = list[dict[str, float]]


class SettingGroup(BaseModel):
    """Base of a group of settings; the string below each field documents it, with its unit."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Config(SettingGroup):
    """Base of a system's settings.

    What only answers read, and weights do not depend on, stands in a field ``answer``.
    """

    ANSWER: ClassVar[str] = "answer"

    def of_training(self) -> dict[str, Any]:
        """The settings that weights depend on, JSON-able."""
        return self.model_dump(mode="json", exclude={self.ANSWER})


@dataclass(frozen=True)
class Run:
    """One training: its seed, its device, where it may resume from, and who hears of it.

    checkpoints: a folder that belongs to this training alone. progress(step, steps, record).
    """

    seed: int
    device: Literal["cpu", "cuda"]
    checkpoints: Path
    progress: Progress | None = None


def loss_table(curve: Curve) -> str:
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
