"""The moving average of weights over a training's steps."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_Tensors = tuple[Tensor, ...] | list[Tensor]


def average_of(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of ``model`` whose ``update_parameters`` moves it towards the weights of a step.

    The first update copies them. The one after n others keeps the share d = min(decay,
    (1 + n) / (10 + n)) of the average: w' = d w + (1 - d) w_step, so that first weights are soon
    forgotten. Buffers, such as the statistics of batch norm, are those of the step.
    """

    @torch.no_grad()
    def move(averaged: _Tensors, current: _Tensors, count: Tensor | int) -> None:
        kept = min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averaged, current, 1 - kept)

    return AveragedModel(model, multi_avg_fn=move)
