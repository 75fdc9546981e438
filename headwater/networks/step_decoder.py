"""The step decoders g_k and g_v: one trunk for all points, one last layer per point."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from headwater.networks.pixel_aligned import mean_over_views


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

    def features(self, x: Tensor, seen: Tensor | None = None, same: Tensor | None = None) -> Tensor:
        """Trunk: inputs (..., inputs) -> (..., hidden).

        With ``seen`` (B, N, Q), x is (B, N, Q, inputs): the first layer runs per view, and the mean
        over the views that see a point goes on (PIFu's fusion). Returns (B, Q, hidden).
        same: (B, d) the last d inputs, where they are the same for all points of a head: x comes
        without them, and the first layer multiplies them once a head.
        """
        hidden = functional.relu(self._first(x, same), inplace=True)
        if seen is not None:
            hidden = mean_over_views(hidden, seen)
        return functional.relu(self.trunk2(hidden), inplace=True)

    def _first(self, x: Tensor, same: Tensor | None) -> Tensor:
        if same is None or not same.shape[1]:
            return torch.as_tensor(self.trunk1(x))
        weight, count = self.trunk1.weight, x.shape[-1]
        once = functional.linear(same, weight[:, count:], self.trunk1.bias)
        each = functional.linear(x, weight[:, :count])
        return each + once.reshape(len(once), *(1,) * (x.dim() - 2), -1)

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

    def full(self, features: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
        """Displacement of every point of ``rows`` (n) from each location.

        features: (B, Q, hidden), of the trunk. Returns (B, Q, n, 3).
        """
        weight, bias = rows
        return torch.einsum("bqh,nkh->bqnk", features, weight) + bias

    def own_rows(self, features: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
        """Displacement of each point from its own location.

        features: (B, n, hidden), of the trunk, entry j at point j of ``rows``. Returns (B, n, 3).
        """
        weight, bias = rows
        return torch.einsum("bnh,nkh->bnk", features, weight) + bias
