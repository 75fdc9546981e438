"""Maps of an image encoder, which points are sampled from, beside its pooled features."""

from typing import NamedTuple

from torch import Tensor


class EncoderMaps(NamedTuple):
    """half: (B, C, S/2, S/2). quarter: (B, D, S/4, S/4). pooled: (B, F), of the whole image."""

    half: Tensor
    quarter: Tensor
    pooled: Tensor
