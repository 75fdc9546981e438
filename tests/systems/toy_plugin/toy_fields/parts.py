"""Round parts, the distances of points from them, and a training of one number."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from headwater.artifacts.atomic import write_bytes
from headwater.training.checkpoint import safetensors_bytes
from headwater.training.run import Curve

SIDE = 24


@dataclass(frozen=True)
class Part:
    """An ellipsoid of 10 units. points: (SIDE, SIDE, 3) of the plane z = 0, in units."""

    axes: NDArray[np.float64]

    @property
    def flatness(self) -> float:
        """0 for a sphere, 1 for a disc."""
        return float(1 - self.axes.min() / self.axes.max())

    @property
    def points(self) -> NDArray[np.float64]:
        """The points that are asked about."""
        x, y = np.meshgrid(*2 * [np.linspace(-8.0, 8.0, SIDE)])
        return np.stack([x, y, np.zeros_like(x)], axis=-1)

    @property
    def field(self) -> NDArray[np.float64]:
        """(SIDE, SIDE) the true distances, to first order."""
        scaled = np.linalg.norm(self.points / self.axes, axis=-1)
        gradient = np.linalg.norm(self.points / self.axes**2, axis=-1)
        return (scaled - 1) * scaled / np.maximum(gradient, 1e-9)

    def of_sphere(self) -> NDArray[np.float64]:
        """(SIDE, SIDE) as if the part were a sphere."""
        return np.linalg.norm(self.points, axis=-1) - self.axes.mean()

    def rmse(self, field: NDArray[np.float64]) -> float:
        """Root mean square error, units."""
        return float(np.sqrt(np.mean((field - self.field) ** 2)))

    def picture(self, field: NDArray[np.float64]) -> bytes:
        """PNG of a field."""
        grey = np.clip(128 + 16 * field, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(np.stack(3 * [grey], axis=-1)).resize((96, 96)).save(buffer, "PNG")
        return buffer.getvalue()


def part(number: int) -> Part:
    """The part of a number; the last one is nearly a disc."""
    rng = np.random.default_rng(number)
    axes = rng.uniform(2.5, 5.0, 3)
    return Part(axes if number < 5 else np.array([5.0, 5.0, 0.2]))


def train(steps: int, seed: int, weights: Path) -> Curve:
    """Learn the share of the way from the sphere to the truth, bit by bit."""
    share, curve = 0.0, []
    for step in range(1, steps + 1):
        share += 0.2 * (1 - share)
        curve.append({"step": step, "learning_rate": 0.2, "field_loss": 1 - share})
    write_bytes(weights, safetensors_bytes({"share": torch.tensor(share)}, {"system": "toy"}))
    return curve
