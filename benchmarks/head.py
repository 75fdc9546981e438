"""The head model of the benchmarks: the build's, read once per process, whether built or not."""

from functools import cache
from pathlib import Path

import numpy as np

from headwater.config import load_params
from headwater.heads import load_head_model
from headwater.heads.closed import closed_surface
from headwater.heads.model import FloatArray, HeadModel, IntArray


@cache
def head_model() -> HeadModel:
    """The model that ``params.yaml`` names."""
    params = load_params(Path("params.yaml"))
    return load_head_model(params.synthesize.head_model, Path(".headwater/models"))


def closed_mean_head() -> tuple[FloatArray, IntArray]:
    """Vertices and faces of the closed surface of the mean head."""
    model = head_model()
    shape = np.zeros(len(model.shape_names), np.float32)
    return closed_surface(model, shape, np.zeros(len(model.expression_names), np.float32))
