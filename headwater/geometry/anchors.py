"""Anchors spread over a surface, and the share of each in every vertex."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def anchor_shares(
    vertices: NDArray[np.floating[Any]], anchors: int, dense: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(V, anchors) shares of anchors spread over the vertices (V, 3); every row sums to 1.

    Anchors by farthest-point sampling, twice as dense where ``dense``; Gaussian falloff as wide as
    the distance to the nearest other anchor.
    """
    points = vertices.astype(np.float64)
    stretch = np.where(dense, 2.0, 1.0)
    nearest = np.full(len(points), np.inf)
    chosen = [int(np.argmax((points * [0, 0, 1]).sum(axis=1)))]
    for _ in range(anchors - 1):
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(nearest * stretch)))
    spread = np.linalg.norm(points[chosen][:, None] - points[chosen][None], axis=2)
    np.fill_diagonal(spread, np.inf)
    sigma = spread.min(axis=1)
    distance = np.linalg.norm(points[:, None] - points[chosen][None], axis=2)
    weights = np.exp(-0.5 * (distance / sigma) ** 2) + 1e-12
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
