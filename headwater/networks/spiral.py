"""Spiral convolution on meshes (Bouritsas and others 2019), in the order that saves memory.

y_v = W · concat(x of the spiral of v) + b. The plain way gathers all entries of all spirals before
it multiplies, L times the memory of its input. Here each place of the spirals is taken by itself:
multiplied and then gathered where that makes fewer numbers, else gathered and then multiplied.
"""

from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn


class SpiralConv(nn.Module):
    """Values (V, B, inputs) of V vertices of B meshes to (V, B, outputs).

    length: entries of a spiral. Xavier weights, zero bias.
    """

    def __init__(self, inputs: int, outputs: int, length: int) -> None:
        super().__init__()
        bound = sqrt(6.0 / (length * inputs + outputs))
        self.weight = nn.Parameter(torch.empty(length, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, values: Tensor, spirals: Tensor) -> Tensor:
        """spirals: (V, length) int64; entry V is a vertex of zeros."""
        convolved: Tensor = _SpiralSum.apply(values, spirals, self.weight)  # type: ignore[no-untyped-call]
        return convolved + self.bias


class _SpiralSum(torch.autograd.Function):
    """Sum over the places l of a spiral of W_l x, with the gradients of values and weights.

    What the way back needs is computed again there: only the input is kept. Products run over
    columns (C, V · B), which with few channels are several times as fast as rows.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, spirals: Tensor, weight: Tensor) -> Tensor:
        """Values (V, B, I) by spirals (V, L) and weights (L, I, O): (V, B, O)."""
        ctx.save_for_backward(values, spirals, weight)
        count, batch, inputs = values.shape
        outputs = weight.shape[2]
        columns = _columns(values)
        total = values.new_zeros(outputs, count, batch)
        if outputs < inputs:
            made = values.new_zeros(outputs, count + 1, batch)
            for place, matrix in enumerate(weight):
                made[:, :-1] = torch.mm(matrix.T, columns).view(outputs, count, batch)
                total += made.index_select(1, spirals[:, place])
        else:
            padded = _with_zeros(columns, count)
            for place, matrix in enumerate(weight):
                here = padded.index_select(1, spirals[:, place]).view(inputs, -1)
                total.view(outputs, -1).addmm_(matrix.T, here)
        return total.permute(1, 2, 0).contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor]:
        """Gradients of values and weights from that (V, B, O) of the sum."""
        values, spirals, weight = ctx.saved_tensors
        count, batch, inputs = values.shape
        outputs = weight.shape[2]
        columns = _columns(values)
        of_weight = torch.empty_like(weight)
        # Rows are added up where spirals share a vertex; index 0 is the fast one for that.
        if outputs < inputs:
            pulled = gradients[0].reshape(count, -1)
            of_values = torch.zeros_like(columns)
            back = values.new_empty(count + 1, batch * outputs)
            for place, matrix in enumerate(weight):
                back.zero_().index_add_(0, spirals[:, place], pulled)
                made = _columns(back[:-1].view(count, batch, outputs))
                of_values.addmm_(matrix, made)
                of_weight[place] = torch.mm(columns, made.T)
            return of_values.view(inputs, count, batch).permute(1, 2, 0), None, of_weight
        padded, pulled = _with_zeros(columns, count), _columns(gradients[0])
        total = values.new_zeros(count + 1, batch * inputs)
        for place, matrix in enumerate(weight):
            here = padded.index_select(1, spirals[:, place]).view(inputs, -1)
            of_weight[place] = torch.mm(here, pulled.T)
            made = torch.mm(matrix, pulled).view(inputs, count, batch).permute(1, 2, 0)
            total.index_add_(0, spirals[:, place], made.reshape(count, -1))
        return total[:-1].view_as(values), None, of_weight


def _columns(values: Tensor) -> Tensor:
    """Values (V, B, C) as columns (C, V · B)."""
    return values.permute(2, 0, 1).reshape(values.shape[2], -1)


def _with_zeros(columns: Tensor, count: int) -> Tensor:
    """Columns (C, V · B) of V vertices as (C, V + 1, B), the last vertex of zeros."""
    split = columns.view(len(columns), count, -1)
    return torch.cat([split, torch.zeros_like(split[:, :1])], dim=1)
