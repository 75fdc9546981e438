"""The build's head model as a 3DMM: a mean with identity, expression and texture bases.

Positions are in canonical units (1 unit = 100 mm, the decimetres of the paper's code), origin at
the nose bridge. V = mean + id · A_id + exp · A_exp; the texture is mean + alb · A_alb.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.canonical import UNIT_MM, to_canonical
from headwater.data.placement import true_placement
from headwater.data.tables import template_of
from headwater.heads.model import HeadModel
from headwater.heads.sampling import sample_expression, sample_shape

# Components that explain less than this share of the strongest one's variance are rounding.
_LEAST_SHARE: Final = 1e-6


@dataclass(frozen=True)
class Bases:
    """mean: (V, 3); identity: (I, V, 3) and expression: (E, V, 3), of one standard deviation each.

    texture_mean: (V, 3) and texture: (A, V, 3), of one standard deviation each, display RGB in
    0..1. All float32.
    """

    mean: Tensor
    identity: Tensor
    expression: Tensor
    texture_mean: Tensor
    texture: Tensor

    def named(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def shape_bases(
    model: HeadModel, identities: int, expressions: int, people: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (V, 3), identity (I, V, 3) and expression (E, V, 3) bases of a head model.

    Principal components of ``people`` random adults of the model's prior, as BFM's are of scans;
    each rigidly placed by its landmarks. Expressions are displacements from the neutral face, whose
    components are not centred: 0 is neutral.
    """
    rng = np.random.default_rng(seed)
    template = template_of(model)
    neutral = np.zeros(len(model.expression_names), np.float32)
    wanted = template.landmarks_68(model.mean)
    heads = []
    for _ in range(people):
        vertices = model.vertices(sample_shape(model, rng), neutral)
        placement = true_placement(template.landmarks_68(vertices), wanted)
        heads.append(to_canonical(placement.apply(vertices), template.nose_bridge))
    placed = torch.from_numpy(np.stack(heads)).double()
    mean = placed.mean(dim=0)
    strengths = np.stack([sample_expression(model, rng) for _ in range(people)])
    units = model.expression_basis.reshape(len(neutral), -1) / UNIT_MM
    moved = torch.from_numpy(strengths.astype(np.float64) @ units.astype(np.float64))
    return (
        mean.float(),
        principal_components((placed - mean).flatten(1), identities).unflatten(1, mean.shape),
        principal_components(moved, expressions).unflatten(1, mean.shape),
    )


def principal_components(rows: Tensor, count: int) -> Tensor:
    """The ``count`` strongest directions (c, d) of rows (n, d) float64, float32.

    Each is scaled by the rows' root mean square along it; fewer where the rows span no more.
    """
    # The Gram matrix of the rows is small where there are fewer rows than columns.
    variances, shares = torch.linalg.eigh(rows @ rows.T / len(rows))
    order = torch.arange(len(rows) - 1, -1, -1)[:count]
    order = order[variances[order] > _LEAST_SHARE * variances[-1].clamp(min=1e-30)]
    directions = shares[:, order].T @ rows
    lengths = directions.norm(dim=1, keepdim=True)
    # eigh leaves the sign open.
    largest = directions.abs().argmax(dim=1, keepdim=True)
    sign = directions.gather(1, largest).sign()
    return (directions / lengths * sign * variances[order, None].sqrt()).float()


def bases_among(arrays: dict[str, Any]) -> Bases:
    """The bases among tensors by name, whose names begin with ``bases.``."""
    return Bases(
        **{one.name: torch.as_tensor(arrays[f"bases.{one.name}"]) for one in fields(Bases)}
    )


def mean_head_mm(bases: Bases, origin_mm: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The mean (V, 3) in mm, in the template's head frame."""
    return (bases.mean.numpy().astype(np.float64) * UNIT_MM + origin_mm).astype(np.float32)
