"""The plain form of a spiral convolution, as published code has it."""

from torch import Tensor
from torch.nn import functional


def gathered(values: Tensor, spirals: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Values (B, V, I) to (B, V, O): all entries of all spirals side by side, then one product."""
    batch, _, inputs = values.shape
    count, length = spirals.shape
    padded = functional.pad(values, (0, 0, 0, 1))
    entries = padded.index_select(1, spirals.flatten()).view(batch, count, length * inputs)
    return entries @ weight.flatten(0, 1) + bias
