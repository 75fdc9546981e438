"""The step decoders g_k and g_v: one trunk for all points, one last layer per point."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm


class StepDecoder(nn.Module):
    """Displacement fields of ``points`` points.

    At a location x the decoder gives the displacement from x of *every* point (``full``); in the
    descent a point keeps only its own rows at its own location (``own_rows``).

    smoothing: (points, anchors) fixed float32 weights, or None. With it, row i of the last layer is
    its own weight plus the weighted sum of the anchors' shared ones, so that neighbours learn from
    each other's samples. The sum is an ordinary last layer: ``rows`` gives it.
    """

    def __init__(
        self, inputs: int, hidden: int, points: int, smoothing: Tensor | None = None
    ) -> None:
        super().__init__()
        self.points = points
        self.trunk1 = weight_norm(nn.Linear(inputs, hidden))
        self.trunk2 = weight_norm(nn.Linear(hidden, hidden))
        self.smoothing: Tensor | None
        if smoothing is None:
            self.smoothing = None
            self.last = weight_norm(nn.Linear(hidden, 3 * points))
        else:
            self.register_buffer("smoothing", smoothing)
            self.shared = nn.Parameter(torch.zeros(smoothing.shape[1], 3, hidden + 1))
            self.last = nn.Linear(hidden, 3 * points)
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)

    def features(self, x: Tensor) -> Tensor:
        """Trunk: inputs (..., inputs) -> (..., hidden)."""
        return functional.relu(self.trunk2(functional.relu(self.trunk1(x))))

    def rows(self, chosen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Weights (n, 3, hidden) and biases (n, 3) of the chosen points, all when None."""
        hidden = self.last.in_features
        weight = self.last.weight.reshape(self.points, 3, hidden)
        bias = self.last.bias.reshape(self.points, 3)
        if chosen is not None:
            weight, bias = weight[chosen], bias[chosen]
        if self.smoothing is None:
            return weight, bias
        mix = self.smoothing if chosen is None else self.smoothing[chosen]
        shared = (mix @ self.shared.reshape(len(self.shared), -1)).reshape(-1, 3, hidden + 1)
        return weight + shared[..., :hidden], bias + shared[..., hidden]

    def full(self, x: Tensor) -> Tensor:
        """Displacement of every point from each location: (B, Q, inputs) -> (B, Q, points, 3)."""
        weight, bias = self.rows()
        return torch.einsum("bqh,nkh->bqnk", self.features(x), weight) + bias

    def own_rows(self, x: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
        """Displacement of each point from its own location.

        x: (B, n, inputs), entry j at point j of ``rows``. Returns (B, n, 3).
        """
        weight, bias = rows
        return torch.einsum("bnh,nkh->bnk", self.features(x), weight) + bias
