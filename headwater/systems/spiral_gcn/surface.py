"""The part of a head that the network regresses, its levels, and what it carries along.

Heads have eyeballs, teeth and a tongue in pieces of their own. The surface is the piece that the
nose tip lies on; every other vertex moves with the point of the surface that is nearest to it on
the mean head.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.scenes import Template
from headwater.errors import HeadwaterError
from headwater.geometry.hierarchy import build_hierarchy, up_operator
from headwater.geometry.rings import components
from headwater.networks.mesh_levels import check_tables, level_tables
from headwater.systems.spiral_gcn.config import SpiralConfig

# Levels below the finest at most, as published.
LEVELS: Final = 5
# The finest levels, on which the detail network runs; their spirals go over two rings.
_LONG_LEVELS: Final = 3


@dataclass(frozen=True)
class Surface:
    """vertices: (s,) int64 of the template's. faces: (f, 3) int64 of their places.

    sizes: vertices of every level. tables: of ``MeshLevels``. corners, weights: (V, 3), of every
    vertex of the template the surface's vertices that it moves with.
    """

    vertices: Tensor
    faces: Tensor
    sizes: tuple[int, ...]
    tables: dict[str, Tensor]
    corners: Tensor
    weights: Tensor

    def whole(self, moved: Tensor, mean: Tensor) -> Tensor:
        """Vertices (..., V, 3) of a whole head whose surface is moved by (..., s, 3) from the mean.

        mean: (V, 3) of the template, in the same axes.
        """
        at = moved[..., self.corners, :]
        return mean + (at * self.weights[..., None]).sum(dim=-2)

    def named(self) -> dict[str, Tensor]:
        """All tensors by name, for the weights file."""
        own = {"vertices": self.vertices, "corners": self.corners, "weights": self.weights}
        return {f"surface.{name}": value for name, value in own.items()}


def surface_of(template: Template, config: SpiralConfig) -> Surface:
    """The surface of a template with its levels.

    Raises HeadwaterError where it is no manifold, or too coarse.
    """
    mean, faces = template.mean, template.faces.astype(np.int64)
    nose_tip = template.nose_tip(mean)
    vertices, own = piece_at(faces, mean, nose_tip)
    name = "the head's surface"
    levels = build_hierarchy(mean[vertices], own, nose_tip, LEVELS, name)
    sizes = tuple(len(level.vertices) for level in levels.levels)
    check_depth(sizes)
    carried = up_operator(mean, mean[vertices], own, vertices)
    hops = [2 if number < _LONG_LEVELS else 1 for number in range(len(sizes))]
    tables = level_tables(levels, lengths_of(config, len(sizes)), hops)
    return Surface(
        torch.from_numpy(vertices),
        torch.from_numpy(own),
        sizes,
        tables,
        torch.from_numpy(carried.corners),
        torch.from_numpy(carried.weights),
    )


def piece_at(
    faces: NDArray[np.int64], points: NDArray[np.float32], place: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertices (s,) of the connected piece that lies nearest to a place (3,), and its faces.

    faces: (F, 3) of points (V, 3); the piece's own name places among its vertices.
    """
    used = np.unique(faces)
    nearest = used[((points[used] - place) ** 2).sum(axis=1).argmin()]
    piece = components(faces, len(points))
    vertices = np.flatnonzero(piece == piece[nearest])
    return vertices, np.searchsorted(vertices, faces[piece[faces[:, 0]] == piece[nearest]])


def check_depth(sizes: tuple[int, ...]) -> None:
    """Raise HeadwaterError for levels that are too few for the detail network."""
    if len(sizes) < _LONG_LEVELS:
        raise HeadwaterError(
            f"the head's surface has {sizes[0]} vertices and {len(sizes) - 1} coarser levels, but "
            "the detail network needs two; take a head model with more vertices"
        )


def lengths_of(config: SpiralConfig, levels: int) -> tuple[int, ...]:
    """Entries of the spirals of so many levels, the finest first."""
    both = (config.long_spiral, config.short_spiral)
    return tuple(both[0] if number < _LONG_LEVELS else both[1] for number in range(levels))


def surface_among(
    tensors: Mapping[str, Tensor],
    tables: dict[str, Tensor],
    template: Template,
    config: SpiralConfig,
) -> Surface:
    """The surface of a weights file. Raises ValueError where it is of another template."""
    vertices, corners, weights = (
        tensors[f"surface.{name}"] for name in ("vertices", "corners", "weights")
    )
    count, own = len(template.mean), len(vertices)
    if vertices.dtype != torch.int64 or not bool((vertices[1:] > vertices[:-1]).all()):
        raise ValueError("its surface is none")
    if not own or int(vertices[0]) < 0 or int(vertices[-1]) >= count:
        raise ValueError("its surface names vertices that are not there")
    shape = (count, 3)
    if corners.shape != shape or weights.shape != shape or corners.dtype != torch.int64:
        raise ValueError("its surface is of another template")
    if int(corners.min()) < 0 or int(corners.max()) >= own or weights.dtype != torch.float32:
        raise ValueError("its surface names vertices that are not there")
    sizes = [own]
    while f"kept_{len(sizes) - 1}" in tables:
        sizes.append(len(tables[f"kept_{len(sizes) - 1}"]))
    if len(sizes) < _LONG_LEVELS:
        raise ValueError("its mesh levels are incomplete")
    check_tables(tables, sizes, lengths_of(config, len(sizes)))
    faces = torch.from_numpy(template.faces.astype(np.int64))
    faces = faces[torch.isin(faces, vertices).all(dim=1)]
    own_faces = torch.searchsorted(vertices, faces)
    return Surface(vertices, own_faces, tuple(sizes), tables, corners, weights)


def mean_edge(points: Tensor, faces: Tensor) -> float:
    """Mean length of the edges of faces (f, 3) with corners (s, 3), in their unit."""
    ends = points[faces[:, [0, 1, 2]]], points[faces[:, [1, 2, 0]]]
    return float((ends[0] - ends[1]).norm(dim=-1).mean())
