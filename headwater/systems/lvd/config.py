"""Settings of LVD and its sizes."""

from types import MappingProxyType
from typing import Final

from headwater.networks.vertex_descent.config import DESCENT_SIZES, DescentConfig


class LvdConfig(DescentConfig):
    """Settings of LVD: those of a vertex descent, and no others."""

    estimated_views: bool = False
    """Train on every view once more, with mask and camera as the pipeline estimates them from its
    image alone. With them 400 steps come no nearer than the mean head."""


SIZES: Final = MappingProxyType(
    {size: LvdConfig(**changes) for size, changes in DESCENT_SIZES.items()}
)


def steps(config: LvdConfig) -> int:
    """Optimiser steps of a training, with those of the pre-training."""
    return config.sdf_steps + config.steps
