"""Selection of a vertex descent's weights by its vertex error on heads of the validation split."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headwater.data.scenes import FloatArray, Template, Views
from headwater.data.training_tables import ValidationHeads
from headwater.geometry.registration import umeyama
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.objective import near_face
from headwater.training.selection import Validation

Reconstruct = Callable[[nn.Module, Views, FloatArray], FloatArray]


def vertex_error_mm(predicted: FloatArray, truth: FloatArray, near: NDArray[np.bool_]) -> float:
    """Mean distance, mm, of the vertices ``near`` (V,) after the rigid motion that fits them best.

    predicted, truth: (V, 3) mm, each in a head frame. Infinite where predicted vertices are not
    finite, or all on one line.
    """
    points, target = predicted[near], truth[near]
    if not np.isfinite(points).all():
        return float("inf")
    try:
        placed = umeyama(points, target, with_scale=False).apply(points)
    except ValueError:
        return float("inf")
    return float(np.linalg.norm(placed - target, axis=1).mean())


def validation_on(
    heads: ValidationHeads | None,
    config: DescentConfig,
    template: Template,
    reconstruct: Reconstruct,
) -> Validation | None:
    """The error of a network as ``vertex_error_mm`` of faces, mean over heads; None without heads.

    reconstruct(network, view, landmarks): (V, 3) mm, head frame, from one view of a head whose true
    landmarks are (68, 3) mm, head frame.
    """
    if heads is None:
        return None
    near = near_face(template)
    views = [heads.views.choose(np.array([row])) for row in range(len(heads.views))]
    landmarks = [template.landmarks_68(truth) for truth in heads.vertices]

    def error(network: nn.Module) -> float:
        errors = [
            vertex_error_mm(reconstruct(network, view, points), truth, near)
            for view, points, truth in zip(views, landmarks, heads.vertices, strict=True)
        ]
        return float(np.mean(errors))

    return Validation(config.validate_every, error)


def validation_tensors(heads: ValidationHeads | None) -> tuple[Tensor, ...]:
    """All data that weights are selected by."""
    if heads is None:
        return ()
    views = heads.views
    numbers = (heads.vertices, views.K, views.R, views.t, views.landmarks_478_px)
    return tuple(torch.from_numpy(array) for array in (*numbers, *views.images, *views.masks))
