"""The field losses, and the path of a perfect descent."""

import torch
from torch import Tensor


def clamped_l1(step: Tensor, points: Tensor, target: Tensor, clamp: float) -> Tensor:
    """Mean | clamp(target - points, -clamp, clamp) - step | over all entries.

    step, points, target: (..., 3) canonical; the target takes no gradient.
    """
    wanted = (target.detach() - points.detach()).clamp(-clamp, clamp)
    return (wanted - step).abs().mean()


def oracle_path(start: Tensor, target: Tensor, steps: Tensor, clamp: float) -> Tensor:
    """Points of a perfect descent after ``steps`` steps.

    start, target: (B, n, 3); steps: (B, 1, 1), fractions allowed.
    """
    reach = steps * clamp
    return start + torch.minimum(torch.maximum(target - start, -reach), reach)


def laplacian_l1(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of umbrella Laplacians.

    predicted, target: (B, n, 1 + d, 3), a vertex and its d neighbours; no gradient to the target.
    """
    return (umbrella(predicted) - umbrella(target.detach())).abs().mean()


def umbrella(rings: Tensor) -> Tensor:
    """(B, n, 3): each vertex less the mean of its neighbours, from (B, n, 1 + d, 3)."""
    return rings[:, :, 0] - rings[:, :, 1:].mean(dim=2)


def rings_of(faces: Tensor, vertices: int, neighbours: int) -> Tensor:
    """(vertices, 1 + neighbours) int64: each vertex and that many of its neighbours.

    faces: (F, 3) int64. Neighbours in order of their number, again from the first where there are
    fewer; a vertex of no face is its own neighbour.
    """
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = torch.unique(torch.cat([edges, edges.flip(1)]), dim=0)
    lists = edges[:, 1].split(torch.bincount(edges[:, 0], minlength=vertices).tolist())
    rows = [
        [vertex, *(int(near[i % len(near)]) if len(near) else vertex for i in range(neighbours))]
        for vertex, near in enumerate(lists)
    ]
    return torch.tensor(rows)
