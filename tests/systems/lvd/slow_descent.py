"""LVD's own way of computing a descent, slow and obvious: the reference for ours.

At every step the field is asked at every vertex's place for the displacement of every vertex, of
which a vertex keeps its own; the query is evaluated twice; the maps of the stacks are sampled one
after the other.
"""

import torch
from torch import Tensor
from torch.nn import functional

from headwater.networks.vertex_descent.fields import EncodedViews
from headwater.systems.lvd.model import Lvd

CHUNK = 256


def slow_descent(network: Lvd, encoded: EncodedViews, vertices: Tensor, iterations: int) -> Tensor:
    """Vertices (1, V, 3) after ``iterations`` steps of one view."""
    for _ in range(iterations):
        for _ in range(2):
            step = _own(network, encoded, vertices)
        vertices = vertices + step
    return vertices


def _own(network: Lvd, encoded: EncodedViews, vertices: Tensor) -> Tensor:
    weight, bias = network.g_v.last.weight, network.g_v.last.bias
    count = vertices.shape[1]
    inputs = torch.cat([vertices, _samples(network, encoded, vertices)], dim=-1)[0]
    steps = []
    for start in range(0, count, CHUNK):
        x = functional.relu(network.g_v.trunk1(inputs[start : start + CHUNK]))
        x = functional.relu(network.g_v.trunk2(x))
        full = functional.linear(x, weight, bias).reshape(len(x), count, 3)
        own = torch.arange(len(x))
        steps.append(full[own, start + own])
    return torch.cat(steps)[None]


def _samples(network: Lvd, encoded: EncodedViews, vertices: Tensor) -> Tensor:
    side = network.config.image_px
    homogeneous = functional.pad(vertices[0], (0, 1), value=1.0)
    projected = homogeneous @ encoded.projection[0, 0].T
    grid = (projected[:, :2] / projected[:, 2:]) * (2.0 / side) - 1.0
    maps = encoded.maps[0, 0].split(network.config.outputs)
    sampled = [
        functional.grid_sample(one[None], grid[None, None], align_corners=False)[0, :, 0].T
        for one in maps
    ]
    inside = (grid.abs() <= 1).all(dim=1, keepdim=True)
    return (torch.cat(sampled, dim=1) * inside)[None]
