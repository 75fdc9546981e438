"""Settings of the localiser and of its training."""

from typing import Literal

from headwater.networks.vertex_descent.config import (
    Count,
    Level,
    Positive,
    Some,
    Steps,
    Tens,
    Width,
)
from headwater.training.run import SettingGroup


class LocaliserConfig(SettingGroup):
    """Settings of the localiser, the network trained on the same heads, and of its training."""

    middle: Positive = 0.75
    """Share of the crop's side that it sees."""
    stride: Literal[2, 4] = 4
    """Crop pixels per cell of its heatmaps."""
    width: Width = 64
    """Channels inside its hourglass, a multiple of 8."""
    depth: Level = 3
    """Halvings inside its hourglass."""
    sigma_cells: Positive = 1.0
    """Standard deviation of the Gaussians that it learns from, cells."""
    face_points: Some = 0
    """Vertices spread over the face that it looks for beside the 68 landmarks."""
    steps: Steps = 1000
    """Optimiser steps of its training."""
    batch: Count = 16
    """Crops per optimiser step."""
    learning_rate: Positive = 1e-3
    """First learning rate; constant for a tenth of the steps, then linear to zero."""
    checkpoint_every: Tens = 200
    """Optimiser steps between checkpoints, a multiple of 10."""
